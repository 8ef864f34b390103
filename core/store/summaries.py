"""Summaries of conversations' beginnings, which no longer fit into a prompt.

Every version is stored. One that covers messages up to ``up_to_seq`` is no longer used if those were
excluded from prompts (``/new`` moves ``history_cutoff_seq`` past it), or if one of them is answered again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, func, select

from core.store import schema
from core.store.conversations import Conversation
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_S = schema.summaries

MAX_SEQ: Final = 2**62  #: later than any message


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One version of a summary."""

    version: int
    up_to_seq: int  #: of the last message that it covers
    text: str
    messages: int  #: number of messages that it covers
    created_at: datetime


_LATEST = (
    select(_S.c.version, _S.c.up_to_seq, _S.c.text, _S.c.message_count, _S.c.created_at)
    .where(
        _S.c.conversation_id == bindparam("conversation"),
        _S.c.up_to_seq > bindparam("after"),
        _S.c.up_to_seq < bindparam("before"),
    )
    .order_by(_S.c.up_to_seq.desc(), _S.c.version.desc())
    .limit(1)
)


async def get_latest(
    tx: Transaction, conversation: Conversation, *, before_seq: int | None = None
) -> Summary | None:
    """Return the newest summary that may be used; None if there is none.

    With ``before_seq`` it covers only messages before that one.
    """
    bounds = {
        "conversation": conversation.id,
        "after": conversation.history_cutoff_seq,
        "before": MAX_SEQ if before_seq is None else before_seq,
    }
    row = (await tx.execute(_LATEST, bounds)).one_or_none()
    if row is None:
        return None
    version, up_to_seq, text, messages, created_at = row
    return Summary(version=version, up_to_seq=up_to_seq, text=text, messages=messages, created_at=created_at)


async def get_newest_version(tx: Transaction, conversation_id: int) -> int:
    """Return the highest version of a conversation's summaries; 0 if there is none."""
    query = select(func.max(_S.c.version)).where(_S.c.conversation_id == conversation_id)
    return (await tx.execute(query)).scalar_one() or 0


async def add(tx: Transaction, conversation_id: int, summary: Summary, *, previous: Summary | None) -> bool:
    """Store a summary of the ``previous`` one and the messages behind it.

    Returns False, with nothing stored, if another replica stored this version, or if ``previous`` was
    deleted because a message that it covers changed.
    """
    if previous is not None and not await _exists(tx, conversation_id, previous):
        return False
    made = await tx.execute(
        upsert(tx, _S)
        .values(
            conversation_id=conversation_id,
            version=summary.version,
            up_to_seq=summary.up_to_seq,
            text=summary.text,
            message_count=summary.messages,
            created_at=summary.created_at,
        )
        .on_conflict_do_nothing()
        .returning(_S.c.id)
    )
    return made.scalar_one_or_none() is not None


async def remove_from(tx: Transaction, conversation_id: int, seq: int) -> int:
    """Delete every summary that covers the message ``seq``, which changes; return how many there were."""
    dropped = await tx.execute(
        delete(_S).where(_S.c.conversation_id == conversation_id, _S.c.up_to_seq >= seq)
    )
    return dropped.rowcount


async def _exists(tx: Transaction, conversation_id: int, summary: Summary) -> bool:
    query = select(_S.c.id).where(
        _S.c.conversation_id == conversation_id,
        _S.c.version == summary.version,
        _S.c.up_to_seq == summary.up_to_seq,
    )
    return (await tx.execute(query)).one_or_none() is not None
