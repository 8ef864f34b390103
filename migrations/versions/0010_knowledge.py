"""Keep what the bot knows: passages and ready answers.

Forward: five new tables and an index for full text; on SQLite that index is a table that triggers
keep. Safe while the old code runs.
Back: drops what was taught. The files it came from have to be added again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
LEXEMES = "array_to_tsvector(string_to_array(words, ' '))"

INDEX = """
CREATE VIRTUAL TABLE knowledge_index USING fts5(
    words, content='knowledge_passages', content_rowid='id', tokenize='unicode61 remove_diacritics 0')
"""
INSERT_TRIGGER = """
CREATE TRIGGER knowledge_passages_added AFTER INSERT ON knowledge_passages BEGIN
    INSERT INTO knowledge_index (rowid, words) VALUES (new.id, new.words);
END
"""
DELETE_TRIGGER = """
CREATE TRIGGER knowledge_passages_gone AFTER DELETE ON knowledge_passages BEGIN
    INSERT INTO knowledge_index (knowledge_index, rowid, words) VALUES ('delete', old.id, old.words);
END
"""


def upgrade() -> None:
    op.create_table(
        "knowledge_sets",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_sets")),
        sa.UniqueConstraint(
            "platform", "tenant", "name", name=op.f("uq_knowledge_sets_platform_tenant_name")
        ),
    )
    op.create_table(
        "knowledge_documents",
        sa.Column("id", ID, nullable=False),
        sa.Column("set_id", ID, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.String(length=64), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        _foreign_key("knowledge_documents", "set_id", "knowledge_sets"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_documents")),
        sa.UniqueConstraint("set_id", "name", name=op.f("uq_knowledge_documents_set_id_name")),
    )
    op.create_table(
        "knowledge_passages",
        sa.Column("id", ID, nullable=False),
        sa.Column("set_id", ID, nullable=False),
        sa.Column("document_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=16), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("heading", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        _foreign_key("knowledge_passages", "set_id", "knowledge_sets"),
        _foreign_key("knowledge_passages", "document_id", "knowledge_documents"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knowledge_passages")),
    )
    op.create_index("ix_knowledge_passages_document_id", "knowledge_passages", ["document_id"])
    op.create_index("ix_knowledge_passages_set_id", "knowledge_passages", ["set_id"])
    op.create_table(
        "knowledge_terms",
        sa.Column("set_id", ID, nullable=False),
        sa.Column("term", sa.String(length=64), nullable=False),
        sa.Column("passages", sa.Integer(), nullable=False),
        _foreign_key("knowledge_terms", "set_id", "knowledge_sets"),
        sa.PrimaryKeyConstraint("set_id", "term", name=op.f("pk_knowledge_terms")),
    )
    op.create_table(
        "canned",
        sa.Column("id", ID, nullable=False),
        sa.Column("platform", sa.String(length=32), nullable=False),
        sa.Column("tenant", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=128), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("author_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned")),
    )
    op.create_index("ix_canned_channel", "canned", ["platform", "tenant", "channel"])
    if op.get_bind().dialect.name == "sqlite":
        for statement in (INDEX, INSERT_TRIGGER, DELETE_TRIGGER):
            op.execute(statement)
    else:
        op.create_index("knowledge_index", "knowledge_passages", [sa.text(LEXEMES)], postgresql_using="gin")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE knowledge_index")
    op.drop_table("canned")
    op.drop_table("knowledge_terms")
    op.drop_table("knowledge_passages")
    op.drop_table("knowledge_documents")
    op.drop_table("knowledge_sets")


def _foreign_key(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{parent}.id"], name=op.f(f"fk_{table}_{column}_{parent}"), ondelete="CASCADE"
    )
