"""The tables of what the bot knows: sets of documents, their passages, and ready answers.

A set belongs to the deployment (``platform`` and ``tenant`` are "") or to one tenant; nobody else
sees it. ``knowledge_terms`` says how many passages of a set hold a term, so that BM25 has the same
numbers on both databases.

The full-text index is the migration's alone, since each database has its own kind: on SQLite a table
``knowledge_index`` that triggers keep, on PostgreSQL an index ``knowledge_index`` on ``words``.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from core.store.schema.base import Id, UtcDateTime, metadata

knowledge_sets = Table(
    "knowledge_sets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("name", String(160), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("platform", "tenant", "name"),
)

knowledge_documents = Table(
    "knowledge_documents",
    metadata,
    Column("id", Id, primary_key=True),
    Column("set_id", Id, ForeignKey("knowledge_sets.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(255), nullable=False),
    Column("title", String(255), nullable=False),
    Column("hash", String(64), nullable=False),  # of the file and of how it was cut
    Column("version", Integer, nullable=False),  # 1, and one more for every replacement
    Column("passages", Integer, nullable=False),
    Column("author_id", String(64), nullable=False, server_default=""),  # who taught it; "" the operator
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("set_id", "name"),
)

knowledge_passages = Table(
    "knowledge_passages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("set_id", Id, ForeignKey("knowledge_sets.id", ondelete="CASCADE"), nullable=False),
    Column(
        "document_id",
        Id,
        ForeignKey("knowledge_documents.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("position", Integer, nullable=False),
    Column("uid", String(16), nullable=False),
    Column("label", Text, nullable=False),  # the path of headings, for people
    Column("heading", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("url", Text, nullable=False, server_default=""),
    Column("words", Text, nullable=False),  # terms, blanks between, repeated as often as they count
    Column("length", Integer, nullable=False),  # in words of the text
    Index("ix_knowledge_passages_set_id", "set_id"),
)

knowledge_terms = Table(
    "knowledge_terms",
    metadata,
    Column("set_id", Id, ForeignKey("knowledge_sets.id", ondelete="CASCADE"), primary_key=True),
    Column("term", String(64), primary_key=True),
    Column("passages", Integer, nullable=False),
)

canned = Table(
    "canned",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("channel", String(128), nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("author_id", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_canned_channel", "platform", "tenant", "channel"),
)
