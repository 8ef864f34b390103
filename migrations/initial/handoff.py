"""Tables of handoff: who answers a conversation, what is sent to either side, and ratings."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, MOMENT, foreign_key, only_where, primary_key


def create_handoffs() -> None:
    op.create_table(
        "handoffs",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("customer_id", sa.String(64), nullable=False),
        sa.Column("customer_name", sa.String(255), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("desk_language", sa.String(8), nullable=False, server_default=""),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.Column("desk_platform", sa.String(32), nullable=False),
        sa.Column("desk_channel", sa.String(128), nullable=False),
        sa.Column("desk_thread", sa.String(128), nullable=False, server_default=""),
        sa.Column("ticket_refs", sa.JSON(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False, server_default=""),
        sa.Column("assignee_id", sa.String(64), nullable=False, server_default=""),
        sa.Column("assignee_name", sa.String(255), nullable=False, server_default=""),
        sa.Column("requested_at", MOMENT, nullable=False),
        sa.Column("first_reply_at", MOMENT),
        sa.Column("ended_at", MOMENT),
        sa.Column("customer_waiting", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("due_at", MOMENT),
        sa.Column("reminder_count", sa.Integer(), nullable=False, server_default="0"),
        foreign_key("handoffs", "conversation_id", "conversations", ondelete="CASCADE"),
        primary_key("handoffs", "id"),
    )
    op.create_index(
        "ix_handoffs_active", "handoffs", ["conversation_id"], unique=True, **only_where("ended_at IS NULL")
    )
    op.create_index("ix_handoffs_conversation_id", "handoffs", ["conversation_id"])
    op.create_index("ix_handoffs_desk", "handoffs", ["desk_platform", "desk_channel", "desk_thread"])
    op.create_index("ix_handoffs_due_at", "handoffs", ["due_at"])
    op.create_index("ix_handoffs_ended_at", "handoffs", ["ended_at"])
    op.create_index("ix_handoffs_requested_at", "handoffs", ["requested_at"])


def create_handoff_outbox() -> None:
    op.create_table(
        "handoff_outbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("handoff_id", ID),
        sa.Column("inbox_id", ID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("side", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("refs", sa.JSON(), nullable=False),
        sa.Column("source_platform", sa.String(32), nullable=False, server_default=""),
        sa.Column("source_channel", sa.String(128), nullable=False, server_default=""),
        sa.Column("source_message_id", sa.String(128), nullable=False, server_default=""),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        foreign_key("handoff_outbox", "conversation_id", "conversations", ondelete="CASCADE"),
        foreign_key("handoff_outbox", "handoff_id", "handoffs", ondelete="CASCADE"),
        foreign_key("handoff_outbox", "inbox_id", "inbox", ondelete="CASCADE"),
        primary_key("handoff_outbox", "id"),
    )
    op.create_index("ix_handoff_outbox_conversation_id", "handoff_outbox", ["conversation_id"])
    op.create_index("ix_handoff_outbox_handoff_id", "handoff_outbox", ["handoff_id"])
    op.create_index("ix_handoff_outbox_inbox_id", "handoff_outbox", ["inbox_id"])
    op.create_index(
        "ix_handoff_outbox_source",
        "handoff_outbox",
        ["source_platform", "source_channel", "source_message_id"],
    )


def create_handoff_ratings() -> None:
    op.create_table(
        "handoff_ratings",
        sa.Column("handoff_id", ID, nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False, server_default=""),
        sa.Column("comment_expected", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("rated_at", MOMENT, nullable=False),
        foreign_key("handoff_ratings", "handoff_id", "handoffs", ondelete="CASCADE"),
        primary_key("handoff_ratings", "handoff_id"),
    )


def create_handoff_transitions() -> None:
    op.create_table(
        "handoff_transitions",
        sa.Column("id", ID, nullable=False),
        sa.Column("handoff_id", ID, nullable=False),
        sa.Column("action", sa.String(16), nullable=False),
        sa.Column("state_before", sa.String(16), nullable=False),
        sa.Column("state_after", sa.String(16), nullable=False),
        sa.Column("author_id", sa.String(64), nullable=False),
        sa.Column("author_name", sa.String(255), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        foreign_key("handoff_transitions", "handoff_id", "handoffs", ondelete="CASCADE"),
        primary_key("handoff_transitions", "id"),
    )
    op.create_index("ix_handoff_transitions_author_id", "handoff_transitions", ["author_id"])
    op.create_index("ix_handoff_transitions_handoff_id", "handoff_transitions", ["handoff_id"])
