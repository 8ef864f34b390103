"""Find by an index what is deleted by age, by person or with its conversation; say how old code may be.

Forward: indexes, and one new table with one row. Safe while the old code runs.
Back: drops them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

#: The first version whose code looks at this table.
FIRST_FLOOR = "0013"

INDEXES = (
    ("conversations", "created_at"),
    ("inbox", "conversation_id"),
    ("inbox", "received_at"),
    ("messages", "author_id", "conversation_id"),
    ("messages", "created_at"),
    ("files", "created_at"),
    ("summaries", "created_at"),
    ("contents", "account", "hash"),
    ("told", "day"),
    ("handovers", "conversation_id"),
    ("handovers", "ended_at"),
    ("handover_changes", "author_id"),
)


def upgrade() -> None:
    for table, *columns in INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
    floor = op.create_table(
        "schema_floor",
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_floor")),
    )
    op.bulk_insert(floor, [{"revision": FIRST_FLOOR}])


def downgrade() -> None:
    op.drop_table("schema_floor")
    for table, *columns in INDEXES:
        op.drop_index(f"ix_{table}_{'_'.join(columns)}", table)
