"""Expand, the first half of a rename: add full_name beside name; new code writes both.

Forward: a column with a default, an index, a wider column and a table. Safe while the old code runs.
Back: drops them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002_full_name"
down_revision = "0001_people"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("full_name", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_people_full_name", "people", ["full_name"])
    with op.batch_alter_table("people") as people:
        people.alter_column("name", existing_type=sa.String(20), type_=sa.String(200))
    op.create_table("visits", sa.Column("id", sa.Integer(), primary_key=True))
    op.create_index("ix_visits_id", "visits", ["id"], unique=True)  # on a table of the same step


def downgrade() -> None:
    op.drop_table("visits")
    with op.batch_alter_table("people") as people:
        people.alter_column("name", existing_type=sa.String(200), type_=sa.String(20))
    op.drop_index("ix_people_full_name", "people")
    with op.batch_alter_table("people") as people:
        people.drop_column("full_name")
