"""Alembic migrations: the history of the declared tables."""
