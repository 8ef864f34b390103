"""Conversations, turns and the inbox in SQLAlchemy, the same on SQLite and PostgreSQL."""

from core.domain.queue import Lane, QueueKey
from core.store.database import Database, Transaction

__all__ = ["Database", "Lane", "QueueKey", "Transaction"]
