"""Tables of files: attachments of messages, and the stored content of identical files."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from core.domain.file_states import ContentState, FileFault, FileState, FileType
from core.domain.message_content import AttachmentKind
from core.store.schema.base import Id, metadata, owned_by
from core.store.schema.column_types import EnumString, UtcDateTime, VersionedJson

files = Table(
    "files",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("conversations", "conversation_id"),
    Column("seq", Id, nullable=False),  # of the message that it came with
    Column("position", Integer, nullable=False),  # within that message, from 0
    Column("author_id", String(64), nullable=False),
    Column("kind", EnumString(AttachmentKind, 16), nullable=False),  # as the platform calls it
    Column("name", String(255), nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("source", VersionedJson(dict[str, str]), nullable=False),  # for the platform's downloader
    Column("state", EnumString(FileState, 16), nullable=False),
    Column("fault", EnumString(FileFault, 32)),  # why it was not read
    Column("hash", String(64), nullable=False, server_default=""),  # of its content; "" until it is known
    Column("attempts", Integer, nullable=False, server_default="0"),  # to read it, since the last that ended
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("conversation_id", "seq", "position"),
    Index("ix_files_hash", "hash"),
    Index("ix_files_author_id", "author_id"),
    Index("ix_files_created_at", "created_at"),
)

file_blobs = Table(
    "file_blobs",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the bytes, in hexadecimal
    Column("file_type", EnumString(FileType, 16), nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("state", EnumString(ContentState, 16), nullable=False),
    Column("text", Text),  # of a document
    Column("data", LargeBinary),  # of a small picture
    Column("tokens", Integer, nullable=False),  # estimated
    Column("account", String(64), nullable=False, server_default=""),  # Kimi account that holds it
    Column("kimi_id", String(128), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Index("ix_file_blobs_account_hash", "account", "hash"),
)
