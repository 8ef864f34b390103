"""Create people, and the floor.

Forward: two new tables.
Back: drops them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001_people"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(20), nullable=False),
    )
    op.create_table("schema_floor", sa.Column("revision", sa.String(32), primary_key=True))


def downgrade() -> None:
    op.drop_table("schema_floor")
    op.drop_table("people")
