"""Keep who is blocked.

Forward: nothing yet. Safe while the old code runs.
Back: nothing.
"""

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
