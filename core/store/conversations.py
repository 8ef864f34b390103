"""Conversations and the messages on screens that belong to them."""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Row

from core.domain.addresses import ChatType, ThreadKey
from core.domain.events import CommandReceived, MessageReceived
from core.domain.turn_states import Outcome
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import Upsert

_C = schema.conversations
_R = schema.message_refs


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation as it is stored."""

    id: int
    key: ThreadKey
    chat_type: ChatType
    history_cutoff_seq: int  #: messages up to this seq are forgotten; -1: none
    backfilled: bool  #: what stood in the thread before us has been read


COLUMNS = (
    _C.c.id,
    _C.c.platform,
    _C.c.tenant,
    _C.c.channel,
    _C.c.thread,
    _C.c.scene,
    _C.c.history_after,
    _C.c.backfilled,
)


async def find(tx: Transaction, key: ThreadKey) -> Conversation | None:
    """Return the conversation with this key; None where nobody has spoken to us there yet."""
    return _from_optional_row((await tx.execute(_FIND, asdict(key))).one_or_none())


_FIND = select(*COLUMNS).where(
    *(_C.c[name] == bindparam(name) for name in ("platform", "tenant", "channel", "thread"))
)


async def get(tx: Transaction, conversation_id: int) -> Conversation:
    """Return a conversation that is known to exist."""
    return from_row((await tx.execute(_GET, {"id": conversation_id})).one())


_GET = select(*COLUMNS).where(_C.c.id == bindparam("id"))


async def get_or_create(tx: Transaction, key: ThreadKey, chat_type: ChatType) -> Conversation:
    """Return the conversation with this key, made where it is new."""
    made = await tx.execute(
        _INSERT.on(tx),
        {
            **asdict(key),
            "scene": chat_type.value,
            "created_at": utc_now(),
            "history_after": -1,
            "backfilled": False,
        },
    )
    known = _from_optional_row(made.one_or_none()) or await find(tx, key)
    assert known is not None  # noqa: S101 (inserted above, or there before)
    return known


_INSERT = Upsert(_C, lambda insert: insert.on_conflict_do_nothing().returning(*COLUMNS))


async def find_by_message(tx: Transaction, key: ThreadKey, message_id: str) -> Conversation | None:
    """Return the conversation that a message on ``key``'s channel belongs to, if any."""
    query = (
        select(*COLUMNS)
        .join(_R, _R.c.conversation_id == _C.c.id)
        .where(
            _R.c.platform == key.platform,
            _R.c.tenant == key.tenant,
            _R.c.channel == key.channel,
            _R.c.message_id == message_id,
        )
    )
    return _from_optional_row((await tx.execute(query)).one_or_none())


async def find_replied(tx: Transaction, event: MessageReceived | CommandReceived) -> Conversation | None:
    """Return the conversation that a reply goes on with, where replies make conversations."""
    if not event.threads_by_reply or event.quoted is None:
        return None
    return await find_by_message(tx, event.address.key, event.quoted.message_id)


async def find_turn_id(tx: Transaction, key: ThreadKey, message_id: str) -> int | None:
    """Return the turn that a message of ours on ``key``'s channel belongs to, if any."""
    query = select(_R.c.turn_id).where(
        _R.c.platform == key.platform,
        _R.c.tenant == key.tenant,
        _R.c.channel == key.channel,
        _R.c.message_id == message_id,
    )
    turn_id: int | None = (await tx.execute(query)).scalar_one_or_none()
    return turn_id


async def find_latest_in_channel(tx: Transaction, key: ThreadKey, asker_id: str) -> Conversation | None:
    """Return where ``asker_id`` last asked something on ``key``'s channel."""
    query = (
        select(*COLUMNS)
        .join(schema.turns, schema.turns.c.conversation_id == _C.c.id)
        .where(
            _C.c.platform == key.platform,
            _C.c.tenant == key.tenant,
            _C.c.channel == key.channel,
            schema.turns.c.asker_id == asker_id,
            schema.turns.c.outcome != Outcome.NOTICE.value,
        )
        .order_by(schema.turns.c.id.desc())
        .limit(1)
    )
    return _from_optional_row((await tx.execute(query)).one_or_none())


async def set_history_cutoff(tx: Transaction, conversation_id: int, up_to_seq: int) -> None:
    """Leave everything up to ``up_to_seq`` out of all later prompts."""
    await tx.execute(update(_C).where(_C.c.id == conversation_id).values(history_after=up_to_seq))


async def mark_backfilled(tx: Transaction, conversation_id: int) -> None:
    """Remember that what stood in the thread before us has been read."""
    await tx.execute(update(_C).where(_C.c.id == conversation_id).values(backfilled=True))


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> int:
    """Give every conversation of a channel the channel's new id; return how many moved.

    A conversation that exists under both ids already keeps both rows: history is not mixed.
    """
    taken = select(_C.c.thread).where(_C.c.platform == platform, _C.c.tenant == tenant, _C.c.channel == new)
    moved = await tx.execute(
        update(_C)
        .where(
            _C.c.platform == platform,
            _C.c.tenant == tenant,
            _C.c.channel == old,
            _C.c.thread.not_in(taken.scalar_subquery()),
        )
        .values(channel=new)
    )
    return moved.rowcount


async def save_ref(
    tx: Transaction, key: ThreadKey, message_id: str, conversation_id: int, turn_id: int | None
) -> None:
    """Note that a message on a screen belongs to a conversation (and turn)."""
    await tx.execute(
        _SAVE_REF.on(tx),
        {
            "platform": key.platform,
            "tenant": key.tenant,
            "channel": key.channel,
            "message_id": message_id,
            "conversation_id": conversation_id,
            "turn_id": turn_id,
        },
    )


_SAVE_REF = Upsert(_R, lambda insert: insert.on_conflict_do_nothing())


async def load_message_ids(tx: Transaction, conversation_id: int) -> frozenset[str]:
    """Return the ids of all messages known to belong to a conversation."""
    query = select(_R.c.message_id).where(_R.c.conversation_id == conversation_id)
    return frozenset((await tx.execute(query)).scalars())


async def count(tx: Transaction) -> int:
    """Return how many conversations there are."""
    return int((await tx.execute(select(func.count()).select_from(_C))).scalar_one())


def from_row(row: Row[*tuple[Any, ...]]) -> Conversation:
    """Return the conversation that a row with :data:`COLUMNS` holds."""
    return Conversation(
        id=row.id,
        key=ThreadKey(platform=row.platform, tenant=row.tenant, channel=row.channel, thread=row.thread),
        chat_type=ChatType(row.scene),
        history_cutoff_seq=row.history_after,
        backfilled=row.backfilled,
    )


def _from_optional_row(row: Row[*tuple[Any, ...]] | None) -> Conversation | None:
    return None if row is None else from_row(row)
