"""Full-text index of knowledge passages, which each database has in its own way."""

from typing import Final

import sqlalchemy as sa
from alembic import op

LEXEMES: Final = "array_to_tsvector(string_to_array(terms, ' '))"
CREATE_INDEX: Final = """
CREATE VIRTUAL TABLE knowledge_index USING fts5(
    terms, content='knowledge_passages', content_rowid='id', tokenize='unicode61 remove_diacritics 0')
"""
CREATE_INSERT_TRIGGER: Final = """
CREATE TRIGGER knowledge_passages_added AFTER INSERT ON knowledge_passages BEGIN
    INSERT INTO knowledge_index (rowid, terms) VALUES (new.id, new.terms);
END
"""
CREATE_DELETE_TRIGGER: Final = """
CREATE TRIGGER knowledge_passages_deleted AFTER DELETE ON knowledge_passages BEGIN
    INSERT INTO knowledge_index (knowledge_index, rowid, terms) VALUES ('delete', old.id, old.terms);
END
"""


def create_knowledge_index() -> None:
    """Create the index: a virtual table that triggers update on SQLite, a GIN index on PostgreSQL."""
    if op.get_bind().dialect.name == "sqlite":
        for statement in (CREATE_INDEX, CREATE_INSERT_TRIGGER, CREATE_DELETE_TRIGGER):
            op.execute(statement)
    else:
        op.create_index("knowledge_index", "knowledge_passages", [sa.text(LEXEMES)], postgresql_using="gin")


def drop_knowledge_index() -> None:
    """Drop what does not go with the table of passages."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE knowledge_index")
