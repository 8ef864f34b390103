"""Store the task that each request to Kimi served.

Forward: one new column with a default. Safe while the old code runs.
Back: drops it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("usage", sa.Column("purpose", sa.String(32), nullable=False, server_default="answer"))


def downgrade() -> None:
    op.drop_column("usage", "purpose")
