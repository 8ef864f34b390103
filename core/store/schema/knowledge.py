"""Tables of knowledge: sets of documents, their passages, and canned responses.

A set belongs to the deployment (``platform`` and ``tenant`` are "") or to one tenant; other tenants do
not see it. A document's search index is an inverted index of its passages
(:mod:`core.knowledge.segment`), so that both databases search alike. Vectors are kept with the
name of the model that made them.
"""

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint

from core.store.schema.base import Id, metadata, owned_by
from core.store.schema.column_types import UtcDateTime

knowledge_sets = Table(
    "knowledge_sets",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("name", String(160), nullable=False),
    Column("floor", Float),  # least relevance of a passage that is found; NULL for the default
    # the model of the vectors with which the floor was measured; "" for words alone
    Column("floor_model", String(160), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("platform", "tenant", "name"),
)

knowledge_documents = Table(
    "knowledge_documents",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("knowledge_sets", "set_id"),
    Column("name", String(255), nullable=False),
    Column("title", String(255), nullable=False),
    Column("hash", String(64), nullable=False),  # of the file and of how it is split
    Column("version", Integer, nullable=False),  # 1, and one more for every replacement
    Column("passage_count", Integer, nullable=False),
    Column("search_index", LargeBinary, nullable=False),
    Column("author_id", String(64), nullable=False, server_default=""),  # "": the operator
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    UniqueConstraint("set_id", "name"),
)

knowledge_passages = Table(
    "knowledge_passages",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("knowledge_sets", "set_id"),
    owned_by("knowledge_documents", "document_id"),
    Column("position", Integer, nullable=False),  # within the document
    Column("uid", String(16), nullable=False),  # the same for the same text of the same document
    Column("label", Text, nullable=False),  # path of headings, for people
    Column("heading", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("url", Text, nullable=False, server_default=""),
    Column("aliases", Text, nullable=False, server_default=""),  # other wordings, one a line
    Column("added_aliases", Text, nullable=False, server_default=""),  # the same, taken from gaps
    Index("ix_knowledge_passages_document_id", "document_id", "position"),
    Index("ix_knowledge_passages_set_id", "set_id"),
)

# Vectors of a document's texts, in pieces: a job that was interrupted goes on after the last one.
knowledge_vectors = Table(
    "knowledge_vectors",
    metadata,
    owned_by("knowledge_documents", "document_id", primary_key=True),
    Column("model", String(160), primary_key=True),
    Column("start", Integer, primary_key=True),  # position of the piece's first text
    Column("version", Integer, nullable=False),  # of the document
    Column("texts", Integer, nullable=False),  # of the piece
    Column("total", Integer, nullable=False),  # texts of the document
    Column("data", LargeBinary, nullable=False),  # see core.knowledge.vector_index
)

canned_responses = Table(
    "canned_responses",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("channel", String(128), nullable=False),
    Column("question", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("author_id", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_canned_responses_channel", "platform", "tenant", "channel"),
)

knowledge_evaluations = Table(
    "knowledge_evaluations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("sets", String(255), nullable=False),  # names, for people
    Column("model", String(160), nullable=False),  # of the vectors; "" for words alone
    Column("answerable", Integer, nullable=False),  # questions that the documents answer
    Column("first", Integer, nullable=False),  # of these, with an expected source first
    Column("in_three", Integer, nullable=False),  # of these, with one among the first three
    Column("found_nothing", Integer, nullable=False),  # of these, without any passage
    Column("unanswerable", Integer, nullable=False),
    Column("refused", Integer, nullable=False),  # of these, without any passage
    Index("ix_knowledge_evaluations_at", "at"),
)
