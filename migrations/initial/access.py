"""Tables about people and channels: blocks, flood counters, a person's settings, moves, refused events."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, MOMENT, foreign_key, primary_key


def create_blocked_people() -> None:
    op.create_table(
        "blocked_people",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("name", sa.String(255), nullable=False, server_default=""),
        sa.Column("blocked_by", sa.String(64), nullable=False, server_default=""),
        sa.Column("blocked_at", MOMENT, nullable=False),
        sa.Column("notified_at", MOMENT),
        primary_key("blocked_people", "platform", "tenant", "person_id", "channel"),
    )


def create_flood_counters() -> None:
    op.create_table(
        "flood_counters",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("counter", sa.JSON(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        primary_key("flood_counters", "platform", "tenant", "person_id"),
    )
    op.create_index("ix_flood_counters_updated_at", "flood_counters", ["updated_at"])


def create_person_settings() -> None:
    op.create_table(
        "person_settings",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        primary_key("person_settings", "platform", "tenant", "person_id", "name"),
    )


def create_channel_moves() -> None:
    op.create_table(
        "channel_moves",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("old_channel", sa.String(128), nullable=False),
        sa.Column("new_channel", sa.String(128), nullable=False),
        sa.Column("moved_at", MOMENT, nullable=False),
        primary_key("channel_moves", "platform", "old_channel"),
    )


def create_rejected_events() -> None:
    op.create_table(
        "rejected_events",
        sa.Column("inbox_id", ID, nullable=False),
        sa.Column("reason", sa.String(16), nullable=False),
        foreign_key("rejected_events", "inbox_id", "inbox", ondelete="CASCADE"),
        primary_key("rejected_events", "inbox_id"),
    )
