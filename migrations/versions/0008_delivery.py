"""Share the platforms' budgets between replicas.

Forward: one new table. Safe while the old code runs.
Back: drops it; every replica counts for itself again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery_budgets",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_delivery_budgets")),
    )
    op.create_index("ix_delivery_budgets_touched_at", "delivery_budgets", ["touched_at"])


def downgrade() -> None:
    op.drop_table("delivery_budgets")
