"""Conversations, turns and the inbox in SQLAlchemy, the same on SQLite and PostgreSQL."""

from core.store.database import Database, Transaction
from core.store.inbox import Lane, QueueKey

__all__ = ["Database", "Lane", "QueueKey", "Transaction"]
