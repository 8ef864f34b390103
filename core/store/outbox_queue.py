"""Order of the outbox's rows: which one a queue sends next."""

from sqlalchemy import bindparam, select

from core.domain.handoff_state import OutboxSide, OutboxState
from core.domain.queue import EventStatus, QueueKey
from core.store import inbox, schema
from core.store.database import Transaction
from core.store.outbox import OutboxItem, get

_I, _O = schema.inbox, schema.handoff_outbox

_OLDEST_EVENT = select(_I.c.id).where(*inbox.OPEN_IN_QUEUE).order_by(_I.c.id).limit(1)
_OLDEST_ROW = (
    select(_O.c.id)
    .where(_O.c.inbox_id == bindparam("inbox_id"), _O.c.state == OutboxState.OPEN)
    .order_by(_O.c.id)
    .limit(1)
)

_OLDEST_FOR_CUSTOMER = (
    select(_O.c.id)
    .join(_I, _I.c.id == _O.c.inbox_id)
    .where(*inbox.OPEN_IN_QUEUE, _O.c.state == OutboxState.OPEN, _O.c.side == OutboxSide.CUSTOMER)
    .order_by(_O.c.id)
    .limit(1)
)


async def load_next(tx: Transaction, queue_key: QueueKey) -> OutboxItem | None:
    """Return the next open row of a queue without claiming it; None if there is none.

    Rows for the customer come first, then those for the desk, each in their order. Events whose rows are all
    finished are closed on the way.
    """
    if (first := await load_next_for_customer(tx, queue_key)) is not None:
        return first
    values = {"conversation": queue_key.conversation_id, "lane": queue_key.lane}
    while True:
        inbox_id = (await tx.execute(_OLDEST_EVENT, values)).scalar_one_or_none()
        if inbox_id is None:
            return None
        item_id = (await tx.execute(_OLDEST_ROW, {"inbox_id": inbox_id})).scalar_one_or_none()
        if item_id is None:
            await inbox.set_status(tx, [inbox_id], EventStatus.DONE)
            continue
        return await get(tx, item_id)


async def load_next_for_customer(tx: Transaction, queue_key: QueueKey) -> OutboxItem | None:
    """Return the oldest open row of a queue that is for the customer; None if it has to wait.

    A row that is true of an active handoff only waits for those before it: they show whether the desk exists.
    """
    values = {"conversation": queue_key.conversation_id, "lane": queue_key.lane}
    item_id = (await tx.execute(_OLDEST_FOR_CUSTOMER, values)).scalar_one_or_none()
    item = await get(tx, item_id) if item_id is not None else None
    return None if item is None or item.content.while_active else item
