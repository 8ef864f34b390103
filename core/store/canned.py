"""Ready answers of a chat: what its admins found good enough to be said again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from core.domain.addresses import ThreadKey
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction

_C = schema.canned


@dataclass(frozen=True, slots=True, kw_only=True)
class CannedResponse:
    """One ready answer."""

    id: int
    question: str
    answer: str


async def load(tx: Transaction, key: ThreadKey) -> Sequence[CannedResponse]:
    """Return the ready answers of a conversation's chat, oldest first."""
    query = select(_C.c.id, _C.c.question, _C.c.answer).where(*_in_chat(key)).order_by(_C.c.id)
    rows = await tx.execute(query)
    return [CannedResponse(id=row.id, question=row.question, answer=row.answer) for row in rows]


async def save(tx: Transaction, key: ThreadKey, *, question: str, answer: str, author_id: str) -> None:
    """Store a ready answer, in place of one to the very same question."""
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
    """Forget a chat's ready answer; False where the chat has none of that number."""
    gone = await tx.execute(delete(_C).where(*_in_chat(key), _C.c.id == response_id))
    return gone.rowcount > 0


async def count(tx: Transaction, key: ThreadKey) -> int:
    """Return how many ready answers a conversation's chat has."""
    return int((await tx.execute(select(func.count()).select_from(_C).where(*_in_chat(key)))).scalar_one())


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> None:
    """Let a chat's ready answers follow it to its new id."""
    moved = update(_C).where(_C.c.platform == platform, _C.c.tenant == tenant, _C.c.channel == old)
    await tx.execute(moved.values(channel=new))


def _in_chat(key: ThreadKey) -> tuple[ColumnElement[bool], ...]:
    return (_C.c.platform == key.platform, _C.c.tenant == key.tenant, _C.c.channel == key.channel)
