"""Deletes what handoffs store of people: by person, or by age."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete, select, update

from core.access import Actor
from core.domain.handoff_state import HandoffState, OutboxState
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.outbox import OutboxContent, encode_content
from core.store.tenancy import is_in_conversation_of

_H, _O, _R = schema.handoffs, schema.handoff_outbox, schema.handoff_ratings
_T, _C = schema.handoff_transitions, schema.conversations


async def forget_person(tx: Transaction, actor: Actor) -> None:
    """Delete a person's words and name from their handoffs, and end the one under way silently.

    Times, transitions and stars stay under no name. If the person worked in a team, their name is
    deleted from the handoffs that they took.
    """
    in_tenant = select(_C.c.id).where(_C.c.platform == actor.platform, _C.c.tenant == actor.tenant)
    as_customer = select(_H.c.id).where(
        _H.c.customer_id == actor.person_id, _H.c.conversation_id.in_(in_tenant)
    )
    ids = list((await tx.execute(as_customer)).scalars())
    now = utc_now()
    await tx.execute(
        update(_H)
        .where(_H.c.id.in_(ids), _H.c.ended_at.is_(None))
        .values(state=HandoffState.BOT, ended_at=now, due_at=None)
    )
    await tx.execute(update(_H).where(_H.c.id.in_(ids)).values(customer_id="", customer_name="", summary=""))
    await tx.execute(update(_R).where(_R.c.handoff_id.in_(ids)).values(comment="", comment_expected=False))
    rows = _O.c.handoff_id.in_(ids)
    await tx.execute(
        update(_O)
        .where(rows, _O.c.state == OutboxState.OPEN)
        .values(state=OutboxState.FAILED, finished_at=now)
    )
    await tx.execute(update(_O).where(rows).values(content=encode_content(OutboxContent())))
    as_assignee = (_H.c.assignee_id == actor.person_id) & (_H.c.desk_platform == actor.platform)
    await tx.execute(
        update(_H).where(as_assignee, _H.c.ended_at.is_not(None)).values(assignee_id="", assignee_name="")
    )
    as_author = _T.c.author_id == actor.person_id
    await tx.execute(update(_T).where(as_author).values(author_id="", author_name=""))


async def delete_ended(tx: Transaction, before: datetime, tenants: Collection[tuple[str, str]]) -> None:
    """Delete handoffs of ``tenants`` that ended before a moment, with all that belongs to them."""
    await tx.execute(
        delete(_H).where(_H.c.ended_at < before, is_in_conversation_of(_H.c.conversation_id, tenants))
    )
