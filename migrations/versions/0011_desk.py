"""Keep handovers to people, every change of them, what is relayed, and how customers liked it.

Forward: four new tables. Safe while the old code runs.
Back: drops them; customers who wait for a person are the bot's again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIMESTAMP = sa.DateTime(timezone=True)


def _foreign_key(column: str, table: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete="CASCADE")


def _create_handovers() -> None:
    op.create_table(
        "handovers",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("customer_id", sa.String(length=64), nullable=False),
        sa.Column("customer", sa.String(length=255), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("address", sa.JSON(), nullable=False),
        sa.Column("desk_platform", sa.String(length=32), nullable=False),
        sa.Column("desk_channel", sa.String(length=128), nullable=False),
        sa.Column("desk_thread", sa.String(length=128), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("summary", sa.Text(), server_default="", nullable=False),
        sa.Column("taker_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("taker", sa.String(length=255), server_default="", nullable=False),
        sa.Column("asked_at", TIMESTAMP, nullable=False),
        sa.Column("answered_at", TIMESTAMP, nullable=True),
        sa.Column("ended_at", TIMESTAMP, nullable=True),
        sa.Column("customer_waits", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("due_at", TIMESTAMP, nullable=True),
        sa.Column("reminded", sa.Integer(), server_default="0", nullable=False),
        _foreign_key("conversation_id", "handovers", "conversations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handovers")),
    )
    op.create_index("ix_handovers_desk", "handovers", ["desk_platform", "desk_channel", "desk_thread"])
    op.create_index("ix_handovers_due_at", "handovers", ["due_at"])
    op.create_index("ix_handovers_asked_at", "handovers", ["asked_at"])
    active = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_handovers_active",
        "handovers",
        ["conversation_id"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )


def _create_handover_changes() -> None:
    op.create_table(
        "handover_changes",
        sa.Column("id", ID, nullable=False),
        sa.Column("handover_id", ID, nullable=False),
        sa.Column("before", sa.String(length=16), nullable=False),
        sa.Column("after", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("author_id", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        _foreign_key("handover_id", "handover_changes", "handovers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover_changes")),
    )
    op.create_index("ix_handover_changes_handover_id", "handover_changes", ["handover_id"])


def _create_relayed() -> None:
    op.create_table(
        "relayed",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("handover_id", ID, nullable=True),
        sa.Column("inbox_id", ID, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("side", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("run", sa.Integer(), server_default="0", nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("refs", sa.JSON(), nullable=False),
        sa.Column("source_platform", sa.String(length=32), server_default="", nullable=False),
        sa.Column("source_channel", sa.String(length=128), server_default="", nullable=False),
        sa.Column("source_message_id", sa.String(length=128), server_default="", nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("done_at", TIMESTAMP, nullable=True),
        _foreign_key("conversation_id", "relayed", "conversations"),
        _foreign_key("handover_id", "relayed", "handovers"),
        _foreign_key("inbox_id", "relayed", "inbox"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relayed")),
    )
    source = ["source_platform", "source_channel", "source_message_id"]
    op.create_index("ix_relayed_source", "relayed", source)
    for column in ("inbox_id", "handover_id", "conversation_id"):
        op.create_index(f"ix_relayed_{column}", "relayed", [column])


def upgrade() -> None:
    _create_handovers()
    _create_handover_changes()
    _create_relayed()
    op.create_table(
        "ratings",
        sa.Column("handover_id", ID, autoincrement=False, nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("comment_wanted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("given_at", TIMESTAMP, nullable=False),
        _foreign_key("handover_id", "ratings", "handovers"),
        sa.PrimaryKeyConstraint("handover_id", name=op.f("pk_ratings")),
    )


def downgrade() -> None:
    for table in ("ratings", "relayed", "handover_changes", "handovers"):
        op.drop_table(table)
