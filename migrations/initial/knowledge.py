"""Tables of knowledge: sets of documents, their passages and vectors, and canned responses."""

import sqlalchemy as sa
from alembic import op

from migrations.initial.parts import ID, MOMENT, foreign_key, primary_key, unique


def create_canned_responses() -> None:
    op.create_table(
        "canned_responses",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("channel", sa.String(128), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("author_id", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        primary_key("canned_responses", "id"),
    )
    op.create_index("ix_canned_responses_channel", "canned_responses", ["platform", "tenant", "channel"])


def create_knowledge_sets() -> None:
    op.create_table(
        "knowledge_sets",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(160), nullable=False),
        sa.Column("floor", sa.Float()),
        sa.Column("floor_model", sa.String(160), nullable=False, server_default=""),
        sa.Column("created_at", MOMENT, nullable=False),
        primary_key("knowledge_sets", "id"),
        unique("knowledge_sets", "platform", "tenant", "name"),
    )


def create_knowledge_documents() -> None:
    op.create_table(
        "knowledge_documents",
        sa.Column("id", ID, nullable=False),
        sa.Column("set_id", ID, nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("passage_count", sa.Integer(), nullable=False),
        sa.Column("search_index", sa.LargeBinary(), nullable=False),
        sa.Column("author_id", sa.String(64), nullable=False, server_default=""),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        foreign_key("knowledge_documents", "set_id", "knowledge_sets", ondelete="CASCADE"),
        primary_key("knowledge_documents", "id"),
        unique("knowledge_documents", "set_id", "name"),
    )


def create_knowledge_passages() -> None:
    op.create_table(
        "knowledge_passages",
        sa.Column("id", ID, nullable=False),
        sa.Column("set_id", ID, nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(16), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False, server_default=""),
        sa.Column("aliases", sa.Text(), nullable=False, server_default=""),
        sa.Column("added_aliases", sa.Text(), nullable=False, server_default=""),
        foreign_key("knowledge_passages", "set_id", "knowledge_sets", ondelete="CASCADE"),
        foreign_key("knowledge_passages", "document_id", "knowledge_documents", ondelete="CASCADE"),
        primary_key("knowledge_passages", "id"),
    )
    op.create_index("ix_knowledge_passages_document_id", "knowledge_passages", ["document_id", "position"])
    op.create_index("ix_knowledge_passages_set_id", "knowledge_passages", ["set_id"])


def create_knowledge_vectors() -> None:
    op.create_table(
        "knowledge_vectors",
        sa.Column("document_id", ID, nullable=False),
        sa.Column("model", sa.String(160), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("texts", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        foreign_key("knowledge_vectors", "document_id", "knowledge_documents", ondelete="CASCADE"),
        primary_key("knowledge_vectors", "document_id", "model", "start"),
    )


def create_knowledge_evaluations() -> None:
    op.create_table(
        "knowledge_evaluations",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("sets", sa.String(255), nullable=False),
        sa.Column("model", sa.String(160), nullable=False),
        sa.Column("answerable", sa.Integer(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("in_three", sa.Integer(), nullable=False),
        sa.Column("found_nothing", sa.Integer(), nullable=False),
        sa.Column("unanswerable", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        primary_key("knowledge_evaluations", "id"),
    )
    op.create_index("ix_knowledge_evaluations_at", "knowledge_evaluations", ["at"])
