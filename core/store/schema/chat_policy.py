"""Tables of chat rules and of the records about people that the rules need."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, String, Table, false

from core.store.schema.base import Id, metadata, owned_by, refers_to
from core.store.schema.column_types import UtcDateTime

chat_rules = Table(
    "chat_rules",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("tenant", String(64), primary_key=True),  # "": any, as the command line sets it
    Column("version", Integer, nullable=False),  # 1, 2, …
    Column("rules", JSON, nullable=False),  # core.chat_policy.render_rules: the operator's own notation
    Column("changed_by", String(128), nullable=False),  # a person's id; "": the command line
    Column("changed_at", UtcDateTime, nullable=False),
)

chat_members = Table(
    "chat_members",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    refers_to("conversations", "conversation_id"),  # of their last message
    Column("is_staff", Boolean, nullable=False, server_default=false()),  # as of their last message
    Column("last_message_at", UtcDateTime),  # by the platform's clock
    Column("closed_notice_since", UtcDateTime),  # begin of the closed period of the last notice
    Column("closed_notice_seq", Id),  # inbox id of the question that got the notice
    Column("welcome_seq", Id),  # inbox id of the event that was welcomed
    Column("joined_at", UtcDateTime),  # as the platform reported it; NULL if it did not
    Index("ix_chat_members_conversation_id", "conversation_id"),
    Index("ix_chat_members_person_id", "person_id"),
)

staff_activity = Table(
    "staff_activity",
    metadata,
    owned_by("conversations", "conversation_id", primary_key=True, autoincrement=False),
    Column("last_message_at", UtcDateTime, nullable=False),  # of the staff, by the platform's clock
)
