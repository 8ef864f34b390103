"""Tables of state that replicas share, and the oldest version of the code that may run."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import MOMENT, primary_key


def create_delivery_budgets() -> None:
    op.create_table(
        "delivery_budgets",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        primary_key("delivery_budgets", "key"),
    )
    op.create_index("ix_delivery_budgets_updated_at", "delivery_budgets", ["updated_at"])


def create_llm_limiter_state() -> None:
    op.create_table(
        "llm_limiter_state",
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        primary_key("llm_limiter_state", "key"),
    )
    op.create_index("ix_llm_limiter_state_updated_at", "llm_limiter_state", ["updated_at"])


def create_secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("value", sa.String(128), nullable=False),
        primary_key("secrets", "name"),
    )


def create_schema_floor() -> None:
    op.create_table(
        "schema_floor",
        sa.Column("revision", sa.String(32), nullable=False),
        primary_key("schema_floor", "revision"),
    )
