"""Tables of handoffs: owners of conversations, outgoing messages of either side, and ratings."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, Text, false, text

from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.handoff_state import (
    HandoffAction,
    HandoffReason,
    HandoffState,
    OutboxKind,
    OutboxSide,
    OutboxState,
)
from core.store.schema.base import Id, metadata, owned_by
from core.store.schema.column_types import EnumString, UtcDateTime, VersionedJson

handoffs = Table(
    "handoffs",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("conversations", "conversation_id"),
    Column("state", EnumString(HandoffState, 16), nullable=False),  # BOT: given back
    Column("reason", EnumString(HandoffReason, 32), nullable=False),
    Column("customer_id", String(64), nullable=False),
    Column("customer_name", String(255), nullable=False),
    Column("language", String(8), nullable=False),  # of the customer: "zh", "en"
    Column("desk_language", String(8), nullable=False, server_default=""),  # of the team; "": the customer's
    Column("address", VersionedJson(Address), nullable=False),  # of the customer's last message
    Column("desk_platform", String(32), nullable=False),  # "": the customer's own room
    Column("desk_channel", String(128), nullable=False),
    Column("desk_thread", String(128), nullable=False, server_default=""),  # "" until it is open
    Column("ticket_refs", VersionedJson(tuple[MessageRef, ...]), nullable=False),
    Column("summary", Text, nullable=False, server_default=""),
    Column("assignee_id", String(64), nullable=False, server_default=""),
    Column("assignee_name", String(255), nullable=False, server_default=""),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("first_reply_at", UtcDateTime),  # of a person to the customer
    Column("ended_at", UtcDateTime),
    Column("customer_waiting", Boolean, nullable=False, server_default=false()),  # wrote the last message
    Column("due_at", UtcDateTime),  # of the next reminder
    Column("reminder_count", Integer, nullable=False, server_default="0"),  # in this wait
    Index("ix_handoffs_desk", "desk_platform", "desk_channel", "desk_thread"),
    Index("ix_handoffs_due_at", "due_at"),
    Index("ix_handoffs_conversation_id", "conversation_id"),
    Index("ix_handoffs_ended_at", "ended_at"),
    Index("ix_handoffs_requested_at", "requested_at"),
    Index(
        "ix_handoffs_active",
        "conversation_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

handoff_transitions = Table(
    "handoff_transitions",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("handoffs", "handoff_id"),
    Column("action", EnumString(HandoffAction, 16), nullable=False),
    Column("state_before", EnumString(HandoffState, 16), nullable=False),
    Column("state_after", EnumString(HandoffState, 16), nullable=False),
    Column("author_id", String(64), nullable=False),  # "": the bot
    Column("author_name", String(255), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_handoff_transitions_handoff_id", "handoff_id"),
    Index("ix_handoff_transitions_author_id", "author_id"),
)

handoff_outbox = Table(
    "handoff_outbox",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("conversations", "conversation_id"),
    owned_by("handoffs", "handoff_id", nullable=True),  # NULL: an offer of one
    owned_by("inbox", "inbox_id"),  # the event that caused it
    Column("kind", EnumString(OutboxKind, 16), nullable=False),
    Column("side", EnumString(OutboxSide, 16), nullable=False),
    Column("state", EnumString(OutboxState, 16), nullable=False),
    Column("attempt", Integer, nullable=False, server_default="0"),  # fencing token, as in turns
    Column("content", JSON, nullable=False),  # core.store.outbox.OutboxContent
    Column("refs", VersionedJson(tuple[MessageRef, ...]), nullable=False),  # messages of the copy
    Column("source_platform", String(32), nullable=False, server_default=""),  # "": the bot's own text
    Column("source_channel", String(128), nullable=False, server_default=""),
    Column("source_message_id", String(128), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_handoff_outbox_source", "source_platform", "source_channel", "source_message_id"),
    Index("ix_handoff_outbox_inbox_id", "inbox_id"),
    Index("ix_handoff_outbox_handoff_id", "handoff_id"),
    Index("ix_handoff_outbox_conversation_id", "conversation_id"),
)

handoff_ratings = Table(
    "handoff_ratings",
    metadata,
    owned_by("handoffs", "handoff_id", primary_key=True, autoincrement=False),
    Column("stars", Integer, nullable=False),  # 1 to 5
    Column("comment", Text, nullable=False, server_default=""),
    Column("comment_expected", Boolean, nullable=False, server_default=false()),  # the next message is one
    Column("rated_at", UtcDateTime, nullable=False),
)
