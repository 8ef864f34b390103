"""Tables of files: attachments of messages, and the stored content of identical files."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, MOMENT, foreign_key, primary_key, unique


def create_file_blobs() -> None:
    op.create_table(
        "file_blobs",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("file_type", sa.String(16), nullable=False),
        sa.Column("media_type", sa.String(128), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("data", sa.LargeBinary()),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(64), nullable=False, server_default=""),
        sa.Column("kimi_id", sa.String(128), nullable=False, server_default=""),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        primary_key("file_blobs", "hash"),
    )
    op.create_index("ix_file_blobs_account_hash", "file_blobs", ["account", "hash"])


def create_files() -> None:
    op.create_table(
        "files",
        sa.Column("id", ID, nullable=False),
        sa.Column("conversation_id", ID, nullable=False),
        sa.Column("seq", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("media_type", sa.String(128), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("fault", sa.String(32)),
        sa.Column("hash", sa.String(64), nullable=False, server_default=""),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("created_at", MOMENT, nullable=False),
        foreign_key("files", "conversation_id", "conversations", ondelete="CASCADE"),
        primary_key("files", "id"),
        unique("files", "conversation_id", "seq", "position"),
    )
    op.create_index("ix_files_author_id", "files", ["author_id"])
    op.create_index("ix_files_created_at", "files", ["created_at"])
    op.create_index("ix_files_hash", "files", ["hash"])
