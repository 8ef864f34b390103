"""Declared tables. The migrations add up to exactly these, on SQLite and PostgreSQL.

Messages of a conversation are ordered by ``inbox.id``: the ``seq`` of a message is the inbox id of the
question that it is or answers.
"""

from core.store.schema.access import (
    blocked_people,
    channel_moves,
    flood_counters,
    person_settings,
    rejected_events,
)
from core.store.schema.accounting import feedback, model_calibration, notices_sent, usage
from core.store.schema.answer_steps import tool_calls, turn_passages
from core.store.schema.base import metadata
from core.store.schema.chat_policy import chat_members, chat_rules, staff_activity
from core.store.schema.console import (
    console_audit,
    console_links,
    console_sessions,
    operator_alert_messages,
    operator_alerts,
)
from core.store.schema.conversations import (
    conversation_settings,
    conversations,
    inbox,
    messages,
    platform_messages,
    summaries,
    turns,
)
from core.store.schema.files import file_blobs, files
from core.store.schema.floor import schema_floor
from core.store.schema.handoff import handoff_outbox, handoff_ratings, handoff_transitions, handoffs
from core.store.schema.knowledge import (
    canned_responses,
    knowledge_documents,
    knowledge_evaluations,
    knowledge_passages,
    knowledge_sets,
    knowledge_vectors,
)
from core.store.schema.remembered import remembered_chats, remembered_messages
from core.store.schema.shared_state import delivery_budgets, llm_limiter_state, secrets

__all__ = [
    "blocked_people",
    "canned_responses",
    "channel_moves",
    "chat_members",
    "chat_rules",
    "console_audit",
    "console_links",
    "console_sessions",
    "conversation_settings",
    "conversations",
    "delivery_budgets",
    "feedback",
    "file_blobs",
    "files",
    "flood_counters",
    "handoff_outbox",
    "handoff_ratings",
    "handoff_transitions",
    "handoffs",
    "inbox",
    "knowledge_documents",
    "knowledge_evaluations",
    "knowledge_passages",
    "knowledge_sets",
    "knowledge_vectors",
    "llm_limiter_state",
    "messages",
    "metadata",
    "model_calibration",
    "notices_sent",
    "operator_alert_messages",
    "operator_alerts",
    "person_settings",
    "platform_messages",
    "rejected_events",
    "remembered_chats",
    "remembered_messages",
    "schema_floor",
    "secrets",
    "staff_activity",
    "summaries",
    "tool_calls",
    "turn_passages",
    "turns",
    "usage",
]
