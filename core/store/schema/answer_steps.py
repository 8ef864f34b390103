"""Tables of what an answer rests on: passages of knowledge and calls of tools."""

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Table

from core.domain.answer_steps import ToolCallOutcome
from core.store.schema.base import Id, metadata, owned_by
from core.store.schema.column_types import EnumString

turn_passages = Table(
    "turn_passages",
    metadata,
    owned_by("turns", "turn_id", primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # by which the prompt names it
    Column("document", String(255), nullable=False),  # as it was called then
    Column("label", String(255), nullable=False),
    Column("relevance", Float, nullable=False),
    Column("is_cited", Boolean, nullable=False),  # the answer names its number
)

tool_calls = Table(
    "tool_calls",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("turns", "turn_id"),
    Column("name", String(64), nullable=False),
    Column("outcome", EnumString(ToolCallOutcome, 16), nullable=False),
    Column("duration_s", Float, nullable=False),
    Index("ix_tool_calls_turn_id", "turn_id"),
)
