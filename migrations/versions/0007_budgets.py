"""Count what people use, keep what it cost, and hold keys that all replicas share.

Forward: two new tables, one new column, four indexes; what a call cost now outlives its turn. On
SQLite the table of calls is written anew. Safe while the old code runs.
Back: drops costs, and calls whose turn is gone; everybody's pseudonym at Kimi becomes another.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TURN_FOREIGN_KEY = "fk_usage_turn_id_turns"


def upgrade() -> None:
    with op.batch_alter_table("usage") as usage:
        usage.add_column(sa.Column("cost_usd", sa.Float(), nullable=True))
        usage.alter_column("turn_id", existing_type=sa.BigInteger(), nullable=True)
        usage.drop_constraint(op.f(TURN_FOREIGN_KEY), type_="foreignkey")
        usage.create_foreign_key(op.f(TURN_FOREIGN_KEY), "turns", ["turn_id"], ["id"], ondelete="SET NULL")
    op.create_index("ix_usage_created_at", "usage", ["created_at"])
    op.create_index("ix_usage_person_id_created_at", "usage", ["person_id", "created_at"])
    op.create_index("ix_turns_started_at", "turns", ["started_at"])
    op.create_index("ix_turns_asker_id_started_at", "turns", ["asker_id", "started_at"])
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("value", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secrets")),
    )
    op.create_table(
        "told",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("day", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "tenant", "person_id", "name", "day", name=op.f("pk_told")),
    )


def downgrade() -> None:
    op.drop_table("told")
    op.drop_table("secrets")
    op.drop_index("ix_turns_asker_id_started_at", table_name="turns")
    op.drop_index("ix_turns_started_at", table_name="turns")
    op.drop_index("ix_usage_person_id_created_at", table_name="usage")
    op.drop_index("ix_usage_created_at", table_name="usage")
    op.execute("DELETE FROM usage WHERE turn_id IS NULL")
    with op.batch_alter_table("usage") as usage:
        usage.drop_constraint(op.f(TURN_FOREIGN_KEY), type_="foreignkey")
        usage.create_foreign_key(op.f(TURN_FOREIGN_KEY), "turns", ["turn_id"], ["id"], ondelete="CASCADE")
        usage.alter_column("turn_id", existing_type=sa.BigInteger(), nullable=False)
        usage.drop_column("cost_usd")
