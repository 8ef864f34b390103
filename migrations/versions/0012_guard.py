"""Keep who is blocked, how people ask lately, and which questions are refused.

Forward: three new tables; safe while the old code runs.
Back: nobody is blocked any more.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blocked",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("by_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("platform", "person_id", "channel", name=op.f("pk_blocked")),
    )
    op.create_table(
        "paces",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("platform", "tenant", "person_id", name=op.f("pk_paces")),
    )
    op.create_index("ix_paces_touched_at", "paces", ["touched_at"])
    op.create_table(
        "refused",
        sa.Column("inbox_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbox_id"], ["inbox.id"], name=op.f("fk_refused_inbox_id_inbox"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_refused")),
    )


def downgrade() -> None:
    op.drop_table("refused")
    op.drop_index("ix_paces_touched_at", table_name="paces")
    op.drop_table("paces")
    op.drop_table("blocked")
