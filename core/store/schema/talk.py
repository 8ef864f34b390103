"""The tables of what is said and answered, of files, choices and accounts."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from core.store.schema.base import Id, UtcDateTime, metadata

conversations = Table(
    "conversations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("platform", String(32), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("channel", String(128), nullable=False),
    Column("thread", String(128), nullable=False),
    Column("scene", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("history_after", Id, nullable=False, server_default="0"),  # /new: earlier seqs are forgotten
    Column("backfilled", Boolean, nullable=False, server_default=false()),
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
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE")),
    Column("lane", String(16), nullable=False),  # "turns" in order, "orders" at once
    Column("state", String(16), nullable=False),  # "open", "done", "noted", "skipped", "dropped"
    Column("attempts", Integer, nullable=False, server_default="0"),  # unused: a turn counts its runs
    Column("payload", JSON, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("done_at", UtcDateTime),
    Column("album", String(128), nullable=False, server_default=""),  # messages that are one saying
    UniqueConstraint("platform", "tenant", "delivery_id"),
    Index(
        "ix_inbox_album",
        "platform",
        "tenant",
        "album",
        sqlite_where=text("album <> ''"),
        postgresql_where=text("album <> ''"),
    ),
    Index(
        "ix_inbox_open",
        "conversation_id",
        "lane",
        "id",
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    ),
    Index("ix_inbox_conversation_id", "conversation_id"),
    Index("ix_inbox_received_at", "received_at"),
    sqlite_autoincrement=True,  # an id is never given twice, even where the newest row was deleted
)

turns = Table(
    "turns",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("inbox_id", Id, ForeignKey("inbox.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("seq", Id, nullable=False),  # the question's inbox id; a retry has the first one's
    Column("run", Integer, nullable=False),  # the fence: grows each time somebody takes the turn
    Column("state", String(16), nullable=False),  # "running", "answered", "done"
    Column("outcome", String(32), nullable=False, server_default=""),
    Column("asker_id", String(64), nullable=False, server_default=""),
    Column("cancel", String(16), nullable=False, server_default=""),
    Column("refs", JSON, nullable=False),  # messages posted so far, one per page
    Column("partial", Text, nullable=False, server_default=""),
    Column("reasoning", Text, nullable=False, server_default=""),
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
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("turn_id", Id, ForeignKey("turns.id", ondelete="CASCADE")),
    Column("seq", Id, nullable=False),
    Column("role", String(16), nullable=False),  # "user", "assistant"
    Column("author_id", String(64), nullable=False),
    Column("author", String(255), nullable=False),
    Column("text", Text, nullable=False),
    Column("tokens", Integer, nullable=False),
    Column("state", String(16), nullable=False),  # "shown", "superseded"
    Column("message_id", String(128), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_messages_conversation_id_seq", "conversation_id", "seq"),
    Index("ix_messages_turn_id", "turn_id"),
    Index("ix_messages_author_id_conversation_id", "author_id", "conversation_id"),
    Index("ix_messages_created_at", "created_at"),
)

message_refs = Table(
    "message_refs",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("channel", String(128), primary_key=True),
    Column("message_id", String(128), primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("turn_id", Id, ForeignKey("turns.id", ondelete="SET NULL")),
    Index("ix_message_refs_conversation_id", "conversation_id"),
    Index("ix_message_refs_turn_id", "turn_id"),
)

usage = Table(
    "usage",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("turn_id", Id, ForeignKey("turns.id", ondelete="SET NULL")),
    Column("person_id", String(64), nullable=False),  # "": nobody's, or no longer known
    Column("model", String(128), nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("reasoning_tokens", Integer, nullable=False),
    Column("first_word_s", Float),
    Column("duration_s", Float, nullable=False),
    Column("outcome", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("cost_usd", Float),  # NULL where the model's price was not known
    Column("purpose", String(32), nullable=False, server_default="answer"),
    Index("ix_usage_conversation_id", "conversation_id"),
    Index("ix_usage_turn_id", "turn_id"),
    Index("ix_usage_created_at", "created_at"),
    Index("ix_usage_person_id_created_at", "person_id", "created_at"),
)

feedback = Table(
    "feedback",
    metadata,
    Column("turn_id", Id, ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("verdict", String(16), nullable=False),  # "good", "bad"
    Column("given_at", UtcDateTime, nullable=False),
)

learned = Table(
    "learned",
    metadata,
    Column("key", String(128), primary_key=True),  # such as "token-ratio:kimi-k2.6"
    Column("value", Float, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account", String(64), primary_key=True),  # a Kimi account, by a hash of its key
    Column("version", BigInteger, nullable=False),
    Column("payload", JSON, nullable=False),  # core.llm.limiter_codec: limits, leases and the line
)

choices = Table(
    "choices",
    metadata,
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(32), primary_key=True),  # such as "model"
    Column("value", Text, nullable=False),
)

summaries = Table(
    "summaries",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("version", Integer, nullable=False),  # 1, 2, … within the conversation
    Column("up_to_seq", Id, nullable=False),  # the last seq that it tells of
    Column("text", Text, nullable=False),
    Column("messages", Integer, nullable=False),  # how many messages it stands for
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("conversation_id", "version"),
    Index("ix_summaries_created_at", "created_at"),
)

contents = Table(
    "contents",
    metadata,
    Column("hash", String(64), primary_key=True),  # SHA-256 of the bytes, in hexadecimal
    Column("kind", String(16), nullable=False),  # "document", "picture", "video"
    Column("media_type", String(128), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),  # "uploading", "ready"
    Column("text", Text),  # a document's words
    Column("data", LargeBinary),  # a small picture
    Column("tokens", Integer, nullable=False),  # estimated
    Column("account", String(64), nullable=False, server_default=""),  # whose file it is at Kimi
    Column("kimi_id", String(128), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Index("ix_contents_account_hash", "account", "hash"),
)

files = Table(
    "files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Id, nullable=False),  # of the message it came with
    Column("position", Integer, nullable=False),  # within that message
    Column("author_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),  # "file", "picture", "video", as the platform says
    Column("name", String(255), nullable=False),
    Column("media_type", String(128), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("source", JSON, nullable=False),  # what the platform's downloader reads
    Column("state", String(16), nullable=False),  # "new", "ready", "failed"
    Column("fault", String(32), nullable=False, server_default=""),
    Column("hash", String(64), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("conversation_id", "seq", "position"),
    Index("ix_files_hash", "hash"),
    Index("ix_files_author_id", "author_id"),
    Index("ix_files_created_at", "created_at"),
)

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(128), nullable=False),  # random bytes in hexadecimal
)

told = Table(
    "told",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("name", String(32), primary_key=True),  # what is told once a day, such as "budget"
    Column("day", UtcDateTime, primary_key=True),
    Index("ix_told_day", "day"),
)
