"""How often people ask lately, counted for all replicas together."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update

from core.access import Actor
from core.access.flood_limits import FloodCounter
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.tenancy import is_of_tenants
from core.store.upsert import Upsert

_F = schema.flood_counters

_BY_PERSON = (
    _F.c.platform == bindparam("of_platform"),
    _F.c.tenant == bindparam("of_tenant"),
    _F.c.person_id == bindparam("of_person"),
)
_INSERT = Upsert(_F, lambda insert: insert.on_conflict_do_nothing())
_LOCK = select(_F.c.counter).where(*_BY_PERSON).with_for_update()
_SAVE = update(_F).where(*_BY_PERSON)
_COMPARE_AND_SWAP = update(_F).where(*_BY_PERSON, _F.c.updated_at == bindparam("unchanged_since"))


async def lock(tx: Transaction, actor: Actor) -> FloodCounter:
    """Return a person's counter; until ``tx`` ends no other replica counts for them."""
    key = _key(actor)
    counter: FloodCounter | None = (await tx.execute(_LOCK, key)).scalar_one_or_none()
    if counter is None:
        row = {
            "platform": actor.platform,
            "tenant": actor.tenant,
            "person_id": actor.person_id,
            "counter": FloodCounter(),
            "updated_at": utc_now(),
        }
        await tx.execute(_INSERT.on(tx), row)
        counter = (await tx.execute(_LOCK, key)).scalar_one()
    return counter


async def save(
    tx: Transaction, actor: Actor, counter: FloodCounter, *, unchanged_since: datetime | None = None
) -> bool:
    """Store a person's counter.

    With ``unchanged_since``, its time of last change, it is stored only if nobody changed it since;
    returns False if somebody did.
    """
    rounded = replace(counter, recent=tuple((round(at, 1), mark) for at, mark in counter.recent))
    values = {**_key(actor), "counter": rounded, "updated_at": utc_now()}
    if unchanged_since is None:
        saved = await tx.execute(_SAVE, values)
    else:
        saved = await tx.execute(_COMPARE_AND_SWAP, {**values, "unchanged_since": unchanged_since})
    return saved.rowcount > 0


async def forget_person(tx: Transaction, actor: Actor) -> None:
    """Delete a person's counter."""
    await tx.execute(
        delete(_F).where(
            _F.c.platform == actor.platform,
            _F.c.tenant == actor.tenant,
            _F.c.person_id == actor.person_id,
        )
    )


async def delete_before(tx: Transaction, moment: datetime, *, tenants: Collection[tuple[str, str]]) -> None:
    """Delete the counters of people of these (platform, tenant) pairs who asked nothing since ``moment``."""
    old = delete(_F).where(_F.c.updated_at < moment, is_of_tenants(_F.c.platform, _F.c.tenant, tenants))
    await tx.execute(old)


def _key(actor: Actor) -> dict[str, str]:
    return {"of_platform": actor.platform, "of_tenant": actor.tenant, "of_person": actor.person_id}
