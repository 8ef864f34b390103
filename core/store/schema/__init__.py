"""The declared tables. Migrations must add up to exactly these, on SQLite and PostgreSQL.

Order within a conversation is the order of ``inbox.id``: a message's ``seq`` is the inbox id of
the question that it is or that it answers.

One module for each part of the product; a new one is imported here, so that ``metadata`` knows it.
"""

from core.store.schema.base import Id, UtcDateTime, metadata
from core.store.schema.delivery import delivery_budgets
from core.store.schema.desk import handover_changes, handovers, ratings, relayed
from core.store.schema.floor import schema_floor
from core.store.schema.guard import blocked, paces, refused
from core.store.schema.knowledge import (
    canned,
    knowledge_documents,
    knowledge_passages,
    knowledge_sets,
    knowledge_terms,
)
from core.store.schema.rules import chat_people, chat_rules, staff_words
from core.store.schema.talk import (
    accounts,
    choices,
    contents,
    conversations,
    feedback,
    files,
    inbox,
    learned,
    message_refs,
    messages,
    secrets,
    summaries,
    told,
    turns,
    usage,
)

__all__ = [
    "Id",
    "UtcDateTime",
    "accounts",
    "blocked",
    "canned",
    "chat_people",
    "chat_rules",
    "choices",
    "contents",
    "conversations",
    "delivery_budgets",
    "feedback",
    "files",
    "handover_changes",
    "handovers",
    "inbox",
    "knowledge_documents",
    "knowledge_passages",
    "knowledge_sets",
    "knowledge_terms",
    "learned",
    "message_refs",
    "messages",
    "metadata",
    "paces",
    "ratings",
    "refused",
    "relayed",
    "schema_floor",
    "secrets",
    "staff_words",
    "summaries",
    "told",
    "turns",
    "usage",
]
