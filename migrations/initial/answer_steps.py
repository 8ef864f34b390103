"""Tables of what an answer rests on: passages of knowledge and calls of tools."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, foreign_key, primary_key


def create_turn_passages() -> None:
    op.create_table(
        "turn_passages",
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", sa.String(255), nullable=False),
        sa.Column("label", sa.String(255), nullable=False),
        sa.Column("relevance", sa.Float(), nullable=False),
        sa.Column("is_cited", sa.Boolean(), nullable=False),
        foreign_key("turn_passages", "turn_id", "turns", ondelete="CASCADE"),
        primary_key("turn_passages", "turn_id", "number"),
    )


def create_tool_calls() -> None:
    op.create_table(
        "tool_calls",
        sa.Column("id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        foreign_key("tool_calls", "turn_id", "turns", ondelete="CASCADE"),
        primary_key("tool_calls", "id"),
    )
    op.create_index("ix_tool_calls_turn_id", "tool_calls", ["turn_id"])
