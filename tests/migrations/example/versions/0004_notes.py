"""Expand, of the release after: create notes.

Forward: a new table. Safe while the old code runs. Takes the contract step before it along.
Back: drops it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004_notes"
down_revision = "0003_drop_name"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("notes", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade() -> None:
    op.drop_table("notes")
