"""Keep each chat's rules, and what is remembered of its people because of them.

Forward: three new tables. Safe while the old code runs.
Back: drops them; every chat goes back to how a chat without rules is answered.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIMESTAMP = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "chat_rules",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=128), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("changed_by", sa.String(length=128), nullable=False),
        sa.Column("changed_at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("platform", "channel", "tenant", name=op.f("pk_chat_rules")),
    )
    op.create_table(
        "chat_people",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=128), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("conversation_id", ID, nullable=True),
        sa.Column("staff", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("heard_at", TIMESTAMP, nullable=True),
        sa.Column("closed_since", TIMESTAMP, nullable=True),
        sa.Column("closed_seq", ID, nullable=True),
        sa.Column("welcomed_seq", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_chat_people_conversation_id_conversations"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("platform", "tenant", "channel", "person_id", name=op.f("pk_chat_people")),
    )
    op.create_index("ix_chat_people_conversation_id", "chat_people", ["conversation_id"])
    op.create_index("ix_chat_people_person_id", "chat_people", ["person_id"])
    op.create_table(
        "staff_words",
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("at", TIMESTAMP, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_staff_words_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("conversation_id", name=op.f("pk_staff_words")),
    )


def downgrade() -> None:
    op.drop_table("staff_words")
    op.drop_table("chat_people")
    op.drop_table("chat_rules")
