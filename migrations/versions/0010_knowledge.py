"""Keep what the bot knows: passages and ready answers.

Forward: nothing yet. Safe while the old code runs.
Back: nothing.
"""

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
