"""Tables of what requests to Kimi cost, what people thought of answers, and daily notices."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, MOMENT, foreign_key, primary_key


def create_model_calibration() -> None:
    op.create_table(
        "model_calibration",
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        primary_key("model_calibration", "key"),
    )


def create_notices_sent() -> None:
    op.create_table(
        "notices_sent",
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("notice", sa.String(32), nullable=False),
        sa.Column("day", MOMENT, nullable=False),
        primary_key("notices_sent", "platform", "tenant", "person_id", "notice", "day"),
    )
    op.create_index("ix_notices_sent_day", "notices_sent", ["day"])


def create_feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("given_at", MOMENT, nullable=False),
        foreign_key("feedback", "turn_id", "turns", ondelete="CASCADE"),
        primary_key("feedback", "turn_id", "person_id"),
    )


def create_usage() -> None:
    op.create_table(
        "usage",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("turn_id", ID),
        sa.Column("person_id", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(32), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("time_to_first_token_s", sa.Float()),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(48), nullable=False),
        sa.Column("cost_usd", sa.Float()),
        sa.Column("sound_s", sa.Float(), nullable=False, server_default="0"),
        sa.Column("created_at", MOMENT, nullable=False),
        foreign_key("usage", "conversation_id", "conversations", ondelete="CASCADE"),
        foreign_key("usage", "turn_id", "turns", ondelete="SET NULL"),
        primary_key("usage", "id"),
    )
    op.create_index("ix_usage_conversation_id", "usage", ["conversation_id"])
    op.create_index("ix_usage_created_at", "usage", ["created_at"])
    op.create_index("ix_usage_person_id_created_at", "usage", ["person_id", "created_at"])
    op.create_index("ix_usage_turn_id", "usage", ["turn_id"])
