"""Conversations, and which messages on a platform belong to them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Row

from core.domain.addresses import ONE_OFF_PREFIX, ChatType, ThreadKey
from core.domain.events import CommandReceived, MessageReceived
from core.domain.turn_states import Outcome
from core.store import schema
from core.store.clock import utc_now
from core.store.conversation_scope import ConversationScope
from core.store.database import Transaction
from core.store.upsert import Upsert

_C, _P, _T = schema.conversations, schema.platform_messages, schema.turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One stored conversation."""

    id: int
    key: ThreadKey
    chat_type: ChatType
    history_cutoff_seq: int  #: messages up to this seq are in no prompt; -1: all are
    backfilled: bool  #: whether messages from before the bot's first turn were read


COLUMNS = (
    _C.c.id,
    _C.c.platform,
    _C.c.tenant,
    _C.c.channel,
    _C.c.thread,
    _C.c.chat_type,
    _C.c.history_cutoff_seq,
    _C.c.backfilled,
)
"""Columns that :func:`from_row` reads."""

_FIND = select(*COLUMNS).where(
    *(_C.c[name] == bindparam(name) for name in ("platform", "tenant", "channel", "thread"))
)
_GET = select(*COLUMNS).where(_C.c.id == bindparam("id"))
_INSERT = Upsert(_C, lambda insert: insert.on_conflict_do_nothing().returning(*COLUMNS))
_SAVE_REF = Upsert(_P, lambda insert: insert.on_conflict_do_nothing())


async def find(tx: Transaction, key: ThreadKey) -> Conversation | None:
    """Return the conversation with this key; None if nobody has addressed the bot there yet."""
    return _from_optional_row((await tx.execute(_FIND, asdict(key))).one_or_none())


async def get(tx: Transaction, conversation_id: int) -> Conversation:
    """Return a conversation that is known to exist."""
    return from_row((await tx.execute(_GET, {"id": conversation_id})).one())


async def find_in_scope(
    tx: Transaction, conversation_id: int, scope: ConversationScope
) -> Conversation | None:
    """Return a conversation by its id; None if it does not exist or lies outside of ``scope``."""
    query = select(*COLUMNS).where(_C.c.id == conversation_id, scope.condition())
    return _from_optional_row((await tx.execute(query)).one_or_none())


async def get_or_create(
    tx: Transaction, key: ThreadKey, chat_type: ChatType, *, backfilled: bool = False
) -> Conversation:
    """Return the conversation with this key, created if it is new.

    ``backfilled`` is stored with a new one: its first message has none before it.
    """
    created = await tx.execute(
        _INSERT.on(tx),
        {
            **asdict(key),
            "chat_type": chat_type,
            "created_at": utc_now(),
            "history_cutoff_seq": -1,
            "backfilled": backfilled,
        },
    )
    row = created.one_or_none() or (await tx.execute(_FIND, asdict(key))).one()
    return from_row(row)


async def find_by_message(tx: Transaction, key: ThreadKey, message_id: str) -> Conversation | None:
    """Return the conversation that a message on ``key``'s channel belongs to, if any."""
    query = (
        select(*COLUMNS)
        .join(_P, _P.c.conversation_id == _C.c.id)
        .where(
            _P.c.platform == key.platform,
            _P.c.tenant == key.tenant,
            _P.c.channel == key.channel,
            _P.c.message_id == message_id,
        )
    )
    return _from_optional_row((await tx.execute(query)).one_or_none())


async def find_replied(tx: Transaction, event: MessageReceived | CommandReceived) -> Conversation | None:
    """Return the conversation that a reply continues; None where replies do not make threads."""
    if not event.threads_by_reply or event.quoted is None:
        return None
    return await find_by_message(tx, event.address.key, event.quoted.message_id)


async def find_turn_id(tx: Transaction, key: ThreadKey, message_id: str) -> int | None:
    """Return the turn that posted a message on ``key``'s channel, if any."""
    query = select(_P.c.turn_id).where(
        _P.c.platform == key.platform,
        _P.c.tenant == key.tenant,
        _P.c.channel == key.channel,
        _P.c.message_id == message_id,
    )
    turn_id: int | None = (await tx.execute(query)).scalar_one_or_none()
    return turn_id


async def find_latest_in_channel(tx: Transaction, key: ThreadKey, asker_id: str) -> Conversation | None:
    """Return the conversation on ``key``'s channel in which ``asker_id`` last asked something.

    Private answers are left out: nobody sees them any more.
    """
    query = (
        select(*COLUMNS)
        .join(_T, _T.c.conversation_id == _C.c.id)
        .where(
            _C.c.platform == key.platform,
            _C.c.tenant == key.tenant,
            _C.c.channel == key.channel,
            _T.c.asker_id == asker_id,
            _T.c.outcome.is_distinct_from(Outcome.NOTICE),
            ~_C.c.thread.startswith(ONE_OFF_PREFIX, autoescape=True),
        )
        .order_by(_T.c.id.desc())
        .limit(1)
    )
    return _from_optional_row((await tx.execute(query)).one_or_none())


async def set_history_cutoff(tx: Transaction, conversation_id: int, up_to_seq: int) -> None:
    """Exclude messages up to ``up_to_seq`` from all later prompts."""
    await tx.execute(update(_C).where(_C.c.id == conversation_id).values(history_cutoff_seq=up_to_seq))


async def mark_backfilled(tx: Transaction, conversation_id: int) -> None:
    """Record that the messages from before the bot's first turn were read."""
    await tx.execute(update(_C).where(_C.c.id == conversation_id).values(backfilled=True))


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> int:
    """Change the channel id of every conversation of a channel; return how many changed.

    A thread that already exists under the new id keeps both rows: histories are not merged.
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
    """Record that a message on ``key``'s channel belongs to a conversation and, if posted by it, a turn."""
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


async def set_turn(tx: Transaction, key: ThreadKey, message_ids: Sequence[str], turn_id: int) -> None:
    """Record that messages on ``key``'s channel show the reply of a later turn now."""
    await tx.execute(
        update(_P)
        .where(
            _P.c.platform == key.platform,
            _P.c.tenant == key.tenant,
            _P.c.channel == key.channel,
            _P.c.message_id.in_(message_ids),
        )
        .values(turn_id=turn_id)
    )


async def load_message_ids(tx: Transaction, conversation_id: int) -> frozenset[str]:
    """Return the ids of all messages recorded for a conversation."""
    query = select(_P.c.message_id).where(_P.c.conversation_id == conversation_id)
    return frozenset((await tx.execute(query)).scalars())


async def count(tx: Transaction) -> int:
    """Return the number of conversations."""
    return int((await tx.execute(select(func.count()).select_from(_C))).scalar_one())


def from_row(row: Row[*tuple[Any, ...]]) -> Conversation:
    """Return the conversation in a row that holds :data:`COLUMNS`."""
    return Conversation(
        id=row.id,
        key=ThreadKey(platform=row.platform, tenant=row.tenant, channel=row.channel, thread=row.thread),
        chat_type=row.chat_type,
        history_cutoff_seq=row.history_cutoff_seq,
        backfilled=row.backfilled,
    )


def _from_optional_row(row: Row[*tuple[Any, ...]] | None) -> Conversation | None:
    return None if row is None else from_row(row)
