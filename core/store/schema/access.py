"""Tables about people and channels: blocks, flood counters, a person's settings, moves, refused events."""

from sqlalchemy import Column, Index, String, Table, Text

from core.access import RefusalReason
from core.access.flood_limits import FloodCounter
from core.store.schema.base import metadata, owned_by
from core.store.schema.column_types import EnumString, UtcDateTime, VersionedJson

blocked_people = Table(
    "blocked_people",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),  # "": for every team or bot, by the operator
    Column("person_id", String(64), primary_key=True),
    Column("channel", String(128), primary_key=True),  # "": everywhere
    Column("name", String(255), nullable=False, server_default=""),  # display name at the time; for lists
    Column("blocked_by", String(64), nullable=False, server_default=""),  # "": the operator
    Column("blocked_at", UtcDateTime, nullable=False),
    Column("notified_at", UtcDateTime),  # when the person was told; NULL: not yet
)

flood_counters = Table(
    "flood_counters",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("counter", VersionedJson(FloodCounter), nullable=False),  # holds hashes of what was asked
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_flood_counters_updated_at", "updated_at"),
)

person_settings = Table(
    "person_settings",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("name", String(32), primary_key=True),  # such as "language"
    Column("value", Text, nullable=False),
)

channel_moves = Table(
    "channel_moves",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("old_channel", String(128), primary_key=True),
    Column("new_channel", String(128), nullable=False),
    Column("moved_at", UtcDateTime, nullable=False),
)

rejected_events = Table(
    "rejected_events",
    metadata,
    owned_by("inbox", "inbox_id", primary_key=True, autoincrement=False),
    Column("reason", EnumString(RefusalReason, 16), nullable=False),
)
