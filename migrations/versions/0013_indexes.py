"""Say how old code may be that runs on these tables.

Forward: one new table with one row. Safe while the old code runs.
Back: drops it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

#: The first version whose code looks at this table.
FIRST_FLOOR = "0013"


def upgrade() -> None:
    floor = op.create_table(
        "schema_floor",
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("revision", name=op.f("pk_schema_floor")),
    )
    op.bulk_insert(floor, [{"revision": FIRST_FLOOR}])


def downgrade() -> None:
    op.drop_table("schema_floor")
