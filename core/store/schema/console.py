"""Tables for operators: links to the console that sign in once, sessions, audit log, alerts."""

from sqlalchemy import Boolean, Column, Index, String, Table

from core.store.schema.base import Id, metadata
from core.store.schema.column_types import UtcDateTime

console_links = Table(
    "console_links",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # SHA-256 of the link's token, in hexadecimal
    Column("person", String(128), nullable=False),  # "platform:id", or "shell:user" at the command line
    Column("expires_at", UtcDateTime, nullable=False),
)

console_sessions = Table(
    "console_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),  # SHA-256 of the cookie's token
    Column("person", String(128), nullable=False),
    Column("csrf_token", String(64), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),  # the last request, to a minute
)

console_audit = Table(
    "console_audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", String(128), nullable=False),
    Column("action", String(32), nullable=False),  # such as "conversation.read"
    Column("target", String(255), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_console_audit_at", "at"),
)

operator_alerts = Table(
    "operator_alerts",
    metadata,
    Column("kind", String(32), primary_key=True),  # such as "kimi_down"
    Column("subject", String(255), primary_key=True),  # what it is about; "" if there is only one
    Column("began_at", UtcDateTime, nullable=False),
)

operator_alert_messages = Table(
    "operator_alert_messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("person", String(128), nullable=False),  # an admin as "platform:id", who is not told yet
    Column("kind", String(32), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("is_over", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
