"""Deleting what handovers hold of people: by person, or by age."""

from datetime import datetime

from sqlalchemy import delete, select, update

from core.access import Actor
from core.domain.handoff_state import HandoffState
from core.store import outbox, schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.outbox import OutboxState

_H, _P, _N = schema.handovers, schema.relayed, schema.ratings
_G, _C = schema.handover_changes, schema.conversations


async def forget_person(tx: Transaction, actor: Actor) -> None:
    """Take a person's words and name out of their handovers, and end the one under way without a word.

    What was done when, and how it was rated, stays under no name. Where the person worked at a desk,
    their name goes from what they took.
    """
    here = select(_C.c.id).where(_C.c.platform == actor.platform, _C.c.tenant == actor.tenant)
    theirs = select(_H.c.id).where(_H.c.customer_id == actor.person_id, _H.c.conversation_id.in_(here))
    mine = list((await tx.execute(theirs)).scalars())
    now = utc_now()
    await tx.execute(
        update(_H)
        .where(_H.c.id.in_(mine), _H.c.ended_at.is_(None))
        .values(state=HandoffState.BOT.value, ended_at=now, due_at=None)
    )
    await tx.execute(update(_H).where(_H.c.id.in_(mine)).values(customer_id="", customer="", summary=""))
    await tx.execute(update(_N).where(_N.c.handover_id.in_(mine)).values(comment="", comment_wanted=False))
    open_rows = (_P.c.handover_id.in_(mine)) & (_P.c.state == OutboxState.OPEN.value)
    await tx.execute(update(_P).where(open_rows).values(state=OutboxState.FAILED.value, done_at=now))
    blank = outbox.empty_payload()
    await tx.execute(update(_P).where(_P.c.handover_id.in_(mine)).values(payload=blank))
    desks = (_H.c.taker_id == actor.person_id) & (_H.c.desk_platform == actor.platform)
    await tx.execute(update(_H).where(desks, _H.c.ended_at.is_not(None)).values(taker_id="", taker=""))
    await tx.execute(update(_G).where(_G.c.author_id == actor.person_id).values(author_id="", author=""))


async def delete_ended(tx: Transaction, before: datetime) -> None:
    """Delete handovers that ended before a moment, with all that hangs on them."""
    await tx.execute(delete(_H).where(_H.c.ended_at < before))
