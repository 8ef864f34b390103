"""Conversations, turns and the inbox in SQLAlchemy, the same on SQLite and PostgreSQL."""
