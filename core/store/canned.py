"""Canned responses of a chat: answers that its admins chose to be given again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from core.domain.addresses import ThreadKey
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction

_C = schema.canned_responses


@dataclass(frozen=True, slots=True, kw_only=True)
class CannedResponse:
    """One canned response."""

    id: int
    question: str
    answer: str


async def load(tx: Transaction, key: ThreadKey) -> Sequence[CannedResponse]:
    """Return the canned responses of a conversation's chat, oldest first."""
    query = select(_C.c.id, _C.c.question, _C.c.answer).where(*_in_chat(key)).order_by(_C.c.id)
    rows = await tx.execute(query)
    return [CannedResponse(id=row.id, question=row.question, answer=row.answer) for row in rows]


async def save(tx: Transaction, key: ThreadKey, *, question: str, answer: str, author_id: str) -> None:
    """Store a canned response in place of one to exactly the same question."""
    await tx.execute(delete(_C).where(*_in_chat(key), _C.c.question == question))
    await tx.execute(
        insert(_C).values(
            platform=key.platform,
            tenant=key.tenant,
            channel=key.channel,
            question=question,
            answer=answer,
            author_id=author_id,
            created_at=utc_now(),
        )
    )


async def remove_response(tx: Transaction, key: ThreadKey, response_id: int) -> bool:
    """Delete a chat's canned response; return False if the chat has none with this id."""
    gone = await tx.execute(delete(_C).where(*_in_chat(key), _C.c.id == response_id))
    return gone.rowcount > 0


async def count(tx: Transaction, key: ThreadKey) -> int:
    """Return the number of canned responses of a conversation's chat."""
    return int((await tx.execute(select(func.count()).select_from(_C).where(*_in_chat(key)))).scalar_one())


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> None:
    """Move a chat's canned responses to its new channel id."""
    moved = update(_C).where(_C.c.platform == platform, _C.c.tenant == tenant, _C.c.channel == old)
    await tx.execute(moved.values(channel=new))


def _in_chat(key: ThreadKey) -> tuple[ColumnElement[bool], ...]:
    return (_C.c.platform == key.platform, _C.c.tenant == key.tenant, _C.c.channel == key.channel)
