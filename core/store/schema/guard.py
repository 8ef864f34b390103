"""The tables of the guard rails: who is blocked, and how people ask lately."""

from sqlalchemy import JSON, Column, ForeignKey, Index, String, Table

from core.store.schema.base import Id, UtcDateTime, metadata

blocked = Table(
    "blocked",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("channel", String(128), primary_key=True),  # "": everywhere on the platform
    Column("name", String(255), nullable=False, server_default=""),  # as it was shown; for lists
    Column("by_id", String(64), nullable=False, server_default=""),  # who did it; "": the operator
    Column("blocked_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),  # when the person was told; NULL: not yet
)

paces = Table(
    "paces",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("payload", JSON, nullable=False),  # core.access.flood_limits: times, and hashes of what was asked
    Column("touched_at", UtcDateTime, nullable=False),
    Index("ix_paces_touched_at", "touched_at"),
)

refused = Table(
    "refused",
    metadata,
    Column("inbox_id", Id, ForeignKey("inbox.id", ondelete="CASCADE"), primary_key=True),
    Column("why", String(16), nullable=False),  # what the person is told instead of an answer
)
