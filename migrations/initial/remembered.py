"""Tables of messages that are kept for digests."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import MOMENT, primary_key


def create_remembered_chats() -> None:
    op.create_table(
        "remembered_chats",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("announced_at", MOMENT, nullable=False),
        primary_key("remembered_chats", "platform", "tenant", "channel"),
    )


def create_remembered_messages() -> None:
    op.create_table(
        "remembered_messages",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("thread", sa.String(128), nullable=False),
        sa.Column("author_id", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        primary_key("remembered_messages", "platform", "tenant", "channel", "message_id"),
    )
    chat = ["platform", "tenant", "channel", "sent_at"]
    op.create_index("ix_remembered_messages_chat", "remembered_messages", chat)
    op.create_index("ix_remembered_messages_author_id", "remembered_messages", ["author_id"])
