"""Tokens and times of each request to Kimi, seconds of heard recordings, and calibrated numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from core.access import Actor
from core.domain.turn_states import CallPurpose, Outcome, TurnOutcome
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_U, _K, _C = schema.usage, schema.model_calibration, schema.conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUsage:
    """Tokens and times of one task's requests."""

    model: str
    prompt_tokens: int
    cached_tokens: int  #: among the prompt's
    completion_tokens: int
    reasoning_tokens: int  #: among the completion's
    time_to_first_token_s: float | None  #: from the request; None if no token came
    duration_s: float
    purpose: CallPurpose = CallPurpose.ANSWER
    outcome: TurnOutcome = Outcome.COMPLETE
    cost_usd: float | None = None  #: None if the model's price is not known
    sound_s: float = 0.0  #: seconds of a recording that were heard


_INSERT = insert(_U)


async def add(
    tx: Transaction, call: CallUsage, *, conversation_id: int, turn_id: int | None, person_id: str
) -> None:
    """Store the usage of one task; ``person_id`` is "" if it served no person in particular."""
    fields = {name: value for name, value in asdict(call).items() if name != "outcome"}
    await tx.execute(
        _INSERT,
        {
            **fields,
            "outcome": call.outcome,
            "conversation_id": conversation_id,
            "turn_id": turn_id,
            "person_id": person_id,
            "created_at": utc_now(),
        },
    )


async def heard_seconds(tx: Transaction, actor: Actor, *, alias: str, since: datetime) -> float:
    """Return the seconds of a person's recordings that were heard since a moment, in all chats of a tenant.

    ``alias`` is the name under which a person who was forgotten today is counted.
    """
    query = (
        select(func.coalesce(func.sum(_U.c.sound_s), 0.0))
        .select_from(_U.join(_C, _C.c.id == _U.c.conversation_id))
        .where(
            _C.c.platform == actor.platform,
            _C.c.tenant == actor.tenant,
            _U.c.person_id.in_((actor.person_id, alias)),
            _U.c.created_at >= since,
        )
    )
    return float((await tx.execute(query)).scalar_one())


async def prompt_token_totals(tx: Transaction, conversation_id: int) -> tuple[int, int]:
    """Return the prompt tokens of all of a conversation's requests, and how many of them were cached."""
    query = select(
        func.coalesce(func.sum(_U.c.prompt_tokens), 0), func.coalesce(func.sum(_U.c.cached_tokens), 0)
    ).where(_U.c.conversation_id == conversation_id)
    prompt, cached = (await tx.execute(query)).one()
    return int(prompt), int(cached)


async def load_calibration(tx: Transaction, key: str) -> float | None:
    """Return a calibrated number, such as the token ratio of a model; None if there is none yet."""
    query = select(_K.c.value).where(_K.c.key == key)
    return (await tx.execute(query)).scalar_one_or_none()


async def load_calibrations(tx: Transaction, *, prefix: str) -> Mapping[str, float]:
    """Return the calibrated numbers whose keys begin with ``prefix``, by key."""
    rows = await tx.execute(select(_K.c.key, _K.c.value).where(_K.c.key.startswith(prefix, autoescape=True)))
    return {row.key: row.value for row in rows}


async def save_calibration(tx: Transaction, key: str, value: float) -> None:
    """Store a calibrated number."""
    stored = upsert(tx, _K).values(key=key, value=value)
    await tx.execute(stored.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
