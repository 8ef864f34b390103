"""Tables of conversations: events, turns, messages, and what belongs to one conversation."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from core.domain.addresses import ChatType
from core.domain.bot_messages import MessageRef
from core.domain.message_content import (
    Attachment,
    ForwardOrigin,
    MessageRole,
    OtherContent,
    ReplyContext,
    UnsupportedContent,
)
from core.domain.queue import EventStatus, Lane
from core.domain.tool_approval import ToolApproval
from core.domain.turn_states import CancelReason, TurnState
from core.store.schema.base import Id, metadata, owned_by, refers_to
from core.store.schema.column_types import EnumString, OutcomeString, UtcDateTime, VersionedJson

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("channel", String(128), nullable=False),
    Column("thread", String(128), nullable=False),
    Column("chat_type", EnumString(ChatType, 16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("history_cutoff_seq", Id, nullable=False),  # /new: prompts show later messages only; -1: all
    Column("backfilled", Boolean, nullable=False, server_default=false()),  # earlier messages were read
    UniqueConstraint("platform", "tenant", "channel", "thread"),
    Index("ix_conversations_created_at", "created_at"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("delivery_id", String(255), nullable=False),
    owned_by("conversations", "conversation_id", nullable=True),
    Column("lane", EnumString(Lane, 16), nullable=False),
    Column("status", EnumString(EventStatus, 16), nullable=False),
    Column("event", JSON, nullable=False),  # core.store.event_codec
    Column("media_group_id", String(128), nullable=False, server_default=""),
    Column("received_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),  # NULL while it is open
    UniqueConstraint("platform", "tenant", "delivery_id"),
    Index(
        "ix_inbox_media_group",
        "platform",
        "tenant",
        "media_group_id",
        sqlite_where=text("media_group_id <> ''"),
        postgresql_where=text("media_group_id <> ''"),
    ),
    Index(
        "ix_inbox_open",
        "conversation_id",
        "lane",
        "id",
        sqlite_where=text("status = 'open'"),
        postgresql_where=text("status = 'open'"),
    ),
    Index("ix_inbox_conversation_id", "conversation_id"),
    Index("ix_inbox_received_at", "received_at"),
    sqlite_autoincrement=True,  # SQLite would give the id of a deleted newest row again
)

turns = Table(
    "turns",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("conversations", "conversation_id"),
    owned_by("inbox", "inbox_id", unique=True),
    Column("seq", Id, nullable=False),  # inbox id of the question; a retry has that of the first try
    Column("attempt", Integer, nullable=False),  # fencing token: each claim raises it
    Column("state", EnumString(TurnState, 16), nullable=False),
    Column("outcome", OutcomeString),
    Column("asker_id", String(64), nullable=False),
    Column("cancel_reason", EnumString(CancelReason, 16)),
    Column("refs", VersionedJson(tuple[MessageRef, ...]), nullable=False),  # one for each page of the answer
    Column("partial_text", Text, nullable=False, server_default=""),
    Column("partial_reasoning", Text, nullable=False, server_default=""),
    Column("options", JSON(none_as_null=True)),  # core.store.option_codec; NULL: the reply offers none
    Column("approval", VersionedJson(ToolApproval)),  # of tool calls that a person decides
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_turns_conversation_id_id", "conversation_id", "id"),
    Index("ix_turns_started_at", "started_at"),
    Index("ix_turns_asker_id_started_at", "asker_id", "started_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("conversations", "conversation_id"),
    owned_by("turns", "turn_id", nullable=True),
    Column("seq", Id, nullable=False),  # inbox id of the question that it is or answers
    Column("role", EnumString(MessageRole, 16), nullable=False),
    Column("author_id", String(64), nullable=False),
    Column("author_name", String(255), nullable=False),
    Column("text", Text, nullable=False),  # the author's own words and nothing else
    Column("reply", VersionedJson(ReplyContext)),  # the message that it replies to
    Column("forwarded_from", VersionedJson(ForwardOrigin)),
    Column("attachments", VersionedJson(tuple[Attachment, ...])),
    Column("other_content", VersionedJson(tuple[OtherContent, ...])),
    Column("unsupported_content", VersionedJson(tuple[UnsupportedContent, ...])),
    Column("superseded", Boolean, nullable=False, server_default=false()),  # another answer replaced it
    Column("message_id", String(128), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_messages_conversation_id_seq", "conversation_id", "seq"),
    Index("ix_messages_turn_id", "turn_id"),
    Index("ix_messages_author_id_conversation_id", "author_id", "conversation_id"),
    Index("ix_messages_created_at", "created_at"),
)

platform_messages = Table(
    "platform_messages",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("message_id", String(128), primary_key=True),
    owned_by("conversations", "conversation_id"),
    refers_to("turns", "turn_id"),
    Index("ix_platform_messages_conversation_id", "conversation_id"),
    Index("ix_platform_messages_turn_id", "turn_id"),
)

conversation_settings = Table(
    "conversation_settings",
    metadata,
    owned_by("conversations", "conversation_id", primary_key=True, autoincrement=False),
    Column("name", String(32), primary_key=True),  # such as "model"
    Column("value", Text, nullable=False),
)

summaries = Table(
    "summaries",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("conversations", "conversation_id"),
    Column("version", Integer, nullable=False),  # 1, 2, … within the conversation
    Column("up_to_seq", Id, nullable=False),  # the last message that it covers
    Column("text", Text, nullable=False),
    Column("message_count", Integer, nullable=False),  # messages that it covers
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("conversation_id", "version"),
    Index("ix_summaries_created_at", "created_at"),
)
