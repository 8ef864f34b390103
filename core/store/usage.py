"""What each call to Kimi cost, and what was learnt from it."""

from dataclasses import asdict, dataclass

from sqlalchemy import func, insert, select

from core.domain.turn_states import CallPurpose, Outcome, TurnOutcome
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUsage:
    """One call's tokens and times."""

    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    first_word_s: float | None  #: from the request to the first word; None where none came
    duration_s: float
    outcome: TurnOutcome = Outcome.COMPLETE
    purpose: CallPurpose = CallPurpose.ANSWER
    cost_usd: float | None = None  #: None where the model's price is not known


async def add(
    tx: Transaction, call: CallUsage, *, conversation_id: int, turn_id: int | None, person_id: str
) -> None:
    """Store one call."""
    await tx.execute(
        _ADD,
        {
            **asdict(call),
            "outcome": str(call.outcome),
            "purpose": call.purpose.value,
            "conversation_id": conversation_id,
            "turn_id": turn_id,
            "person_id": person_id,
            "created_at": utc_now(),
        },
    )


_ADD = insert(schema.usage)


async def prompt_token_totals(tx: Transaction, conversation_id: int) -> tuple[int, int]:
    """Return how many prompt tokens a conversation's calls had, and how many of them were cached."""
    query = select(
        func.coalesce(func.sum(schema.usage.c.prompt_tokens), 0),
        func.coalesce(func.sum(schema.usage.c.cached_tokens), 0),
    ).where(schema.usage.c.conversation_id == conversation_id)
    prompt, cached = (await tx.execute(query)).one()
    return int(prompt), int(cached)


async def load_calibration(tx: Transaction, key: str) -> float | None:
    """Return a learnt number, such as the token ratio of a model."""
    query = select(schema.learned.c.value).where(schema.learned.c.key == key)
    return (await tx.execute(query)).scalar_one_or_none()


async def save_calibration(tx: Transaction, key: str, value: float) -> None:
    """Store a learnt number."""
    statement = upsert(tx, schema.learned).values(key=key, value=value)
    await tx.execute(statement.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
