"""Tables of chats with rules: the rules, and what is remembered of people because of them."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, MOMENT, foreign_key, primary_key


def create_chat_rules() -> None:
    op.create_table(
        "chat_rules",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(128), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        primary_key("chat_rules", "platform", "channel", "tenant"),
    )


def create_chat_members() -> None:
    op.create_table(
        "chat_members",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("conversation_id", ID),
        sa.Column("is_staff", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("last_message_at", MOMENT),
        sa.Column("closed_notice_since", MOMENT),
        sa.Column("closed_notice_seq", ID),
        sa.Column("welcome_seq", ID),
        sa.Column("joined_at", MOMENT),
        foreign_key("chat_members", "conversation_id", "conversations", ondelete="SET NULL"),
        primary_key("chat_members", "platform", "tenant", "channel", "person_id"),
    )
    op.create_index("ix_chat_members_conversation_id", "chat_members", ["conversation_id"])
    op.create_index("ix_chat_members_person_id", "chat_members", ["person_id"])


def create_staff_activity() -> None:
    op.create_table(
        "staff_activity",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("last_message_at", MOMENT, nullable=False),
        foreign_key("staff_activity", "conversation_id", "conversations", ondelete="CASCADE"),
        primary_key("staff_activity", "conversation_id"),
    )
