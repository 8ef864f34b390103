"""Contract, the second half of a rename: drop name, which only code before 0002_full_name reads.

Forward: a column less. Code of 0002_full_name must read and write full_name only.
Back: adds it again and fills it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003_drop_name"
down_revision = "0002_full_name"
branch_labels = None
depends_on = None

contract = "0002_full_name"


def upgrade() -> None:
    with op.batch_alter_table("people") as people:
        people.drop_column("name")


def downgrade() -> None:
    op.add_column("people", sa.Column("name", sa.String(200), nullable=False, server_default=""))
    op.execute("UPDATE people SET name = full_name")
