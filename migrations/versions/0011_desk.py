"""Keep handovers to people and what is relayed.

Forward: nothing yet. Safe while the old code runs.
Back: nothing.
"""

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
