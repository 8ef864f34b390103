"""Share the platforms' budgets between replicas.

Forward: nothing yet. Safe while the old code runs.
Back: nothing.
"""

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
