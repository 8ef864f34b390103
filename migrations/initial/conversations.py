"""Tables of conversations: events, turns, messages, and what belongs to one conversation."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, MOMENT, foreign_key, only_where, primary_key, unique


def create_conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("thread", sa.String(128), nullable=False),
        sa.Column("chat_type", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("history_cutoff_seq", ID, nullable=False),
        sa.Column("backfilled", sa.Boolean(), nullable=False, server_default=sa.false()),
        primary_key("conversations", "id"),
        unique("conversations", "platform", "tenant", "channel", "thread"),
    )
    op.create_index("ix_conversations_created_at", "conversations", ["created_at"])


def create_conversation_settings() -> None:
    op.create_table(
        "conversation_settings",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        foreign_key("conversation_settings", "conversation_id", "conversations", ondelete="CASCADE"),
        primary_key("conversation_settings", "conversation_id", "name"),
    )


def create_inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("delivery_id", sa.String(255), nullable=False),
        sa.Column("conversation_id", ID),
        sa.Column("lane", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("event", sa.JSON(), nullable=False),
        sa.Column("media_group_id", sa.String(128), nullable=False, server_default=""),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("closed_at", MOMENT),
        foreign_key("inbox", "conversation_id", "conversations", ondelete="CASCADE"),
        primary_key("inbox", "id"),
        unique("inbox", "platform", "tenant", "delivery_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_conversation_id", "inbox", ["conversation_id"])
    op.create_index(
        "ix_inbox_media_group",
        "inbox",
        ["platform", "tenant", "media_group_id"],
        **only_where("media_group_id <> ''"),
    )
    op.create_index(
        "ix_inbox_open", "inbox", ["conversation_id", "lane", "id"], **only_where("status = 'open'")
    )
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"])


def create_summaries() -> None:
    op.create_table(
        "summaries",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("up_to_seq", ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        foreign_key("summaries", "conversation_id", "conversations", ondelete="CASCADE"),
        primary_key("summaries", "id"),
        unique("summaries", "conversation_id", "version"),
    )
    op.create_index("ix_summaries_created_at", "summaries", ["created_at"])


def create_turns() -> None:
    op.create_table(
        "turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("inbox_id", ID, nullable=False),
        sa.Column("seq", ID, nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("outcome", sa.String(48)),
        sa.Column("asker_id", sa.String(64), nullable=False),
        sa.Column("cancel_reason", sa.String(16)),
        sa.Column("refs", sa.JSON(), nullable=False),
        sa.Column("partial_text", sa.Text(), nullable=False, server_default=""),
        sa.Column("partial_reasoning", sa.Text(), nullable=False, server_default=""),
        sa.Column("options", sa.JSON()),
        sa.Column("approval", sa.JSON()),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        foreign_key("turns", "conversation_id", "conversations", ondelete="CASCADE"),
        foreign_key("turns", "inbox_id", "inbox", ondelete="CASCADE"),
        primary_key("turns", "id"),
        unique("turns", "inbox_id"),
    )
    op.create_index("ix_turns_asker_id_started_at", "turns", ["asker_id", "started_at"])
    op.create_index("ix_turns_conversation_id_id", "turns", ["conversation_id", "id"])
    op.create_index("ix_turns_started_at", "turns", ["started_at"])


def create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("turn_id", ID),
        sa.Column("seq", ID, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("author_id", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reply", sa.JSON()),
        sa.Column("forwarded_from", sa.JSON()),
        sa.Column("attachments", sa.JSON()),
        sa.Column("other_content", sa.JSON()),
        sa.Column("unsupported_content", sa.JSON()),
        sa.Column("superseded", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("message_id", sa.String(128), nullable=False, server_default=""),
        sa.Column("created_at", MOMENT, nullable=False),
        foreign_key("messages", "conversation_id", "conversations", ondelete="CASCADE"),
        foreign_key("messages", "turn_id", "turns", ondelete="CASCADE"),
        primary_key("messages", "id"),
    )
    op.create_index("ix_messages_author_id_conversation_id", "messages", ["author_id", "conversation_id"])
    op.create_index("ix_messages_conversation_id_seq", "messages", ["conversation_id", "seq"])
    op.create_index("ix_messages_created_at", "messages", ["created_at"])
    op.create_index("ix_messages_turn_id", "messages", ["turn_id"])


def create_platform_messages() -> None:
    op.create_table(
        "platform_messages",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("turn_id", ID),
        foreign_key("platform_messages", "conversation_id", "conversations", ondelete="CASCADE"),
        foreign_key("platform_messages", "turn_id", "turns", ondelete="SET NULL"),
        primary_key("platform_messages", "platform", "tenant", "channel", "message_id"),
    )
    op.create_index("ix_platform_messages_conversation_id", "platform_messages", ["conversation_id"])
    op.create_index("ix_platform_messages_turn_id", "platform_messages", ["turn_id"])
