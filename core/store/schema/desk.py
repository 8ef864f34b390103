"""The tables of handing over to people: who took what when, what was relayed, how it was liked."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
    text,
)

from core.store.schema.base import Id, UtcDateTime, metadata

handovers = Table(
    "handovers",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("state", String(16), nullable=False),  # core.domain.handoff_state.State; "bot": handed back
    Column("why", String(16), nullable=False),  # who asked: "customer", "unknown", "staff", …
    Column("customer_id", String(64), nullable=False),
    Column("customer", String(255), nullable=False),
    Column("language", String(8), nullable=False),  # "zh", "en": what the customer is told in
    Column("address", JSON, nullable=False),  # where the customer is answered: that of their last words
    Column("desk_platform", String(32), nullable=False),  # "": the customer's own room
    Column("desk_channel", String(128), nullable=False),
    Column("desk_thread", String(128), nullable=False),  # "" until the thread or topic is open
    Column("card", JSON, nullable=False),  # the messages of the card in the desk
    Column("summary", Text, nullable=False, server_default=""),
    Column("taker_id", String(64), nullable=False, server_default=""),
    Column("taker", String(255), nullable=False, server_default=""),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime),  # first words of a person to the customer
    Column("ended_at", UtcDateTime),
    Column("customer_waits", Boolean, nullable=False, server_default=false()),  # theirs is the last word
    Column("due_at", UtcDateTime),  # when somebody has to be reminded
    Column("reminded", Integer, nullable=False, server_default="0"),  # in this wait
    Index("ix_handovers_desk", "desk_platform", "desk_channel", "desk_thread"),
    Index("ix_handovers_due_at", "due_at"),
    Index("ix_handovers_conversation_id", "conversation_id"),
    Index("ix_handovers_ended_at", "ended_at"),
    Index("ix_handovers_asked_at", "asked_at"),
    Index(
        "ix_handovers_active",
        "conversation_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

handover_changes = Table(
    "handover_changes",
    metadata,
    Column("id", Id, primary_key=True),
    Column("handover_id", Id, ForeignKey("handovers.id", ondelete="CASCADE"), nullable=False),
    Column("before", String(16), nullable=False),
    Column("after", String(16), nullable=False),
    Column("action", String(16), nullable=False),  # core.domain.handoff_state.Action
    Column("author_id", String(64), nullable=False),  # "": the bot
    Column("author", String(255), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_handover_changes_handover_id", "handover_id"),
    Index("ix_handover_changes_author_id", "author_id"),
)

relayed = Table(
    "relayed",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("handover_id", Id, ForeignKey("handovers.id", ondelete="CASCADE")),  # NULL: an offer of one
    Column("inbox_id", Id, ForeignKey("inbox.id", ondelete="CASCADE"), nullable=False),  # what it is due to
    Column("kind", String(16), nullable=False),  # core.store.outbox.Kind
    Column("side", String(16), nullable=False),  # where it is shown: "customer", "desk"
    Column("state", String(16), nullable=False),  # "open", "done", "failed"
    Column("run", Integer, nullable=False, server_default="0"),  # the fence, as in turns
    Column("payload", JSON, nullable=False),  # words, buttons, a file
    Column("refs", JSON, nullable=False),  # the copy's messages
    Column("source_platform", String(32), nullable=False, server_default=""),  # "": nobody's words but ours
    Column("source_channel", String(128), nullable=False, server_default=""),
    Column("source_message_id", String(128), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Index("ix_relayed_source", "source_platform", "source_channel", "source_message_id"),
    Index("ix_relayed_inbox_id", "inbox_id"),
    Index("ix_relayed_handover_id", "handover_id"),
    Index("ix_relayed_conversation_id", "conversation_id"),
)

ratings = Table(
    "ratings",
    metadata,
    Column(
        "handover_id",
        Id,
        ForeignKey("handovers.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("stars", Integer, nullable=False),  # 1 to 5
    Column("comment", Text, nullable=False, server_default=""),
    Column("comment_wanted", Boolean, nullable=False, server_default=false()),  # the next words are one
    Column("given_at", UtcDateTime, nullable=False),
)
