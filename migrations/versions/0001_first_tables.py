"""Create conversations, messages, turns and the inbox.

Forward: eight new tables in an empty database.
Back: drops all history; take a dump first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=128), nullable=False),
        sa.Column("thread", sa.String(length=128), nullable=False),
        sa.Column("scene", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("history_after", ID, server_default="0", nullable=False),
        sa.Column("backfilled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint(
            "platform",
            "tenant",
            "channel",
            "thread",
            name=op.f("uq_conversations_platform_tenant_channel_thread"),
        ),
    )
    op.create_table(
        "learned",
        sa.Column("key", sa.String(length=128), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_learned")),
    )
    op.create_table(
        "inbox",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("delivery_id", sa.String(length=255), nullable=False),
        sa.Column("conversation_id", ID, nullable=True),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_inbox_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint(
            "platform", "tenant", "delivery_id", name=op.f("uq_inbox_platform_tenant_delivery_id")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_inbox_open",
        "inbox",
        ["conversation_id", "lane", "id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )

    op.create_table(
        "turns",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("inbox_id", ID, nullable=False),
        sa.Column("seq", ID, nullable=False),
        sa.Column("run", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("outcome", sa.String(length=32), server_default="", nullable=False),
        sa.Column("asker_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("cancel", sa.String(length=16), server_default="", nullable=False),
        sa.Column("refs", sa.JSON(), nullable=False),
        sa.Column("partial", sa.Text(), server_default="", nullable=False),
        sa.Column("reasoning", sa.Text(), server_default="", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_turns_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["inbox_id"], ["inbox.id"], name=op.f("fk_turns_inbox_id_inbox"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turns")),
        sa.UniqueConstraint("inbox_id", name=op.f("uq_turns_inbox_id")),
    )
    op.create_index("ix_turns_conversation_id_id", "turns", ["conversation_id", "id"], unique=False)

    op.create_table(
        "message_refs",
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=128), nullable=False),
        sa.Column("message_id", sa.String(length=128), nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_message_refs_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["turns.id"], name=op.f("fk_message_refs_turn_id_turns"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("platform", "tenant", "channel", "message_id", name=op.f("pk_message_refs")),
    )
    op.create_index("ix_message_refs_conversation_id", "message_refs", ["conversation_id"], unique=False)
    op.create_index("ix_message_refs_turn_id", "message_refs", ["turn_id"], unique=False)

    op.create_table(
        "messages",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=True),
        sa.Column("seq", ID, nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("author_id", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=255), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message_id", sa.String(length=128), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_messages_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["turns.id"], name=op.f("fk_messages_turn_id_turns"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index("ix_messages_conversation_id_seq", "messages", ["conversation_id", "seq"], unique=False)
    op.create_index("ix_messages_turn_id", "messages", ["turn_id"], unique=False)

    op.create_table(
        "usage",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("turn_id", ID, nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("reasoning_tokens", sa.Integer(), nullable=False),
        sa.Column("first_word_s", sa.Float(), nullable=True),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversations.id"],
            name=op.f("fk_usage_conversation_id_conversations"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["turn_id"], ["turns.id"], name=op.f("fk_usage_turn_id_turns"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage")),
    )
    op.create_index("ix_usage_conversation_id", "usage", ["conversation_id"], unique=False)
    op.create_index("ix_usage_turn_id", "usage", ["turn_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_usage_turn_id", "usage")
    op.drop_index("ix_usage_conversation_id", "usage")

    op.drop_table("usage")
    op.drop_index("ix_messages_turn_id", "messages")
    op.drop_index("ix_messages_conversation_id_seq", "messages")

    op.drop_table("messages")
    op.drop_index("ix_message_refs_turn_id", "message_refs")
    op.drop_index("ix_message_refs_conversation_id", "message_refs")

    op.drop_table("message_refs")
    op.drop_index("ix_turns_conversation_id_id", "turns")

    op.drop_table("turns")
    op.drop_index(
        "ix_inbox_open",
        "inbox",
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )

    op.drop_table("inbox")
    op.drop_table("learned")
    op.drop_table("conversations")
