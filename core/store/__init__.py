"""Conversations, turns and the inbox in SQLAlchemy, the same on SQLite and PostgreSQL."""

from core.store.database import Database, Transaction
from core.store.inbox import Lane, Work

__all__ = ["Database", "Lane", "Transaction", "Work"]
