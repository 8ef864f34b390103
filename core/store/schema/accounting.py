"""Tables of what requests to Kimi cost, what people thought of answers, and daily notices."""

from sqlalchemy import Column, Float, Index, Integer, String, Table

from core.domain.bot_messages import FeedbackVerdict
from core.domain.turn_states import CallPurpose
from core.store.schema.base import Id, metadata, owned_by, refers_to
from core.store.schema.column_types import EnumString, OutcomeString, UtcDateTime

usage = Table(
    "usage",
    metadata,
    Column("id", Id, primary_key=True),
    owned_by("conversations", "conversation_id"),
    refers_to("turns", "turn_id"),
    Column("person_id", String(64), nullable=False),  # "": nobody's, or no longer known
    Column("purpose", EnumString(CallPurpose, 32), nullable=False),
    Column("model", String(128), nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),  # among the prompt's
    Column("completion_tokens", Integer, nullable=False),
    Column("reasoning_tokens", Integer, nullable=False),  # among the completion's
    Column("time_to_first_token_s", Float),
    Column("duration_s", Float, nullable=False),
    Column("outcome", OutcomeString, nullable=False),
    Column("cost_usd", Float),  # NULL if the model's price was not known
    Column("sound_s", Float, nullable=False, server_default="0"),  # of a recording that was heard
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_usage_conversation_id", "conversation_id"),
    Index("ix_usage_turn_id", "turn_id"),
    Index("ix_usage_created_at", "created_at"),
    Index("ix_usage_person_id_created_at", "person_id", "created_at"),
)

feedback = Table(
    "feedback",
    metadata,
    owned_by("turns", "turn_id", primary_key=True, autoincrement=False),
    Column("person_id", String(64), primary_key=True),
    Column("verdict", EnumString(FeedbackVerdict, 16), nullable=False),
    Column("given_at", UtcDateTime, nullable=False),
)

model_calibration = Table(
    "model_calibration",
    metadata,
    Column("key", String(128), primary_key=True),  # such as "token-ratio:kimi-k2.6"
    Column("value", Float, nullable=False),
)

notices_sent = Table(
    "notices_sent",
    metadata,
    Column("platform", String(32), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("person_id", String(64), primary_key=True),
    Column("notice", String(32), primary_key=True),  # such as "quota"
    Column("day", UtcDateTime, primary_key=True),  # begin of the UTC day
    Index("ix_notices_sent_day", "day"),
)
