"""The tables of rules: each chat's own, and what is remembered of people because of them."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, false

from core.store.schema.base import Id, UtcDateTime, metadata

chat_rules = Table(
    "chat_rules",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("tenant", String(64), primary_key=True),  # "": whatever the tenant, as the command line sets it
    Column("version", Integer, nullable=False),  # 1, 2, …
    Column("words", JSON, nullable=False),  # core.chat_policy.render_rules
    Column("changed_by", String(128), nullable=False),  # a person's id; "" the command line
    Column("changed_at", UtcDateTime, nullable=False),
)

chat_people = Table(
    "chat_people",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="SET NULL")),  # last spoken in
    Column("staff", Boolean, nullable=False, server_default=false()),  # as they were when they last spoke
    Column("heard_at", UtcDateTime),  # when they last said something, by the platform's clock
    Column("closed_since", UtcDateTime),  # the closed period in which they were told last
    Column("closed_seq", Id),  # inbox id of the question that it was told to
    Column("welcomed_seq", Id),  # inbox id of the welcome
    Index("ix_chat_people_conversation_id", "conversation_id"),
    Index("ix_chat_people_person_id", "person_id"),
)

staff_words = Table(
    "staff_words",
    metadata,
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("at", UtcDateTime, nullable=False),  # when the staff last spoke, by the platform's clock
)
