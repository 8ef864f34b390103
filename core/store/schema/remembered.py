"""Tables of the messages kept for digests by the rule ``remember``."""

from sqlalchemy import Column, Index, String, Table, Text

from core.store.schema.base import metadata
from core.store.schema.column_types import UtcDateTime

remembered_chats = Table(
    "remembered_chats",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("announced_at", UtcDateTime, nullable=False),  # nothing that was written before is kept
)

remembered_messages = Table(
    "remembered_messages",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("message_id", String(128), primary_key=True),
    Column("thread", String(128), nullable=False),  # topic or root message; "" at the chat's top level
    Column("author_id", String(64), nullable=False),
    Column("author_name", String(255), nullable=False),
    Column("text", Text, nullable=False),
    Column("sent_at", UtcDateTime, nullable=False),  # by the platform's clock
    Index("ix_remembered_messages_chat", "platform", "tenant", "channel", "sent_at"),
    Index("ix_remembered_messages_author_id", "author_id"),
)
