"""Keep each chat's rules.

Forward: nothing yet. Safe while the old code runs.
Back: nothing.
"""

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
