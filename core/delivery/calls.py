"""A step as calls of a surface: nothing is decided here, and nothing tried again."""

import structlog

from core.clock import Clock
from core.delivery.delivery import Delivery
from core.delivery.steps import Step
from core.errors import SurfaceError
from core.model import MessageRef, Status

log = structlog.get_logger(__name__)

FIND_DELAY_S = 1.0  #: a lost post gets this long to appear before it is looked for


async def call(delivery: Delivery, step: Step, clock: Clock) -> MessageRef | None:
    """Perform a step and return the message as it is afterwards; None where there is none.

    Raises:
        SurfaceError: it did not take effect, or nobody knows.
    """
    growing, surface = delivery.growing, delivery.surface
    slot = growing.slots[step.slot]
    if step.action == "post" and step.page is not None:
        marker = f"{delivery.marker}:{step.slot}"
        return await surface.post(
            growing.address,
            step.page,
            rung=step.rung,
            marker=marker,
            controls=step.controls,
            last=step.last,
        )
    if step.action == "edit" and step.page is not None and slot.ref is not None:
        return await surface.edit(
            growing.address,
            slot.ref,
            step.page,
            shown=slot.shown,
            last=step.last,
            controls=step.controls,
        )
    if step.action == "reclaim" and slot.ref is not None:
        return await surface.reclaim(growing.address, slot.ref)
    if step.action == "find":
        return await _find(delivery, step, clock)
    if slot.ref is not None:
        await surface.delete(growing.address, slot.ref)
    return None


async def _find(delivery: Delivery, step: Step, clock: Clock) -> MessageRef | None:
    growing = delivery.growing
    if delivery.lost_posts:
        await clock.sleep(FIND_DELAY_S)
    known = delivery.known | {ref.message_id for ref in growing.refs}
    found = await delivery.surface.find(
        growing.address, f"{delivery.marker}:{step.slot}", after=delivery.question_id, known=known
    )
    return None if found is None else await delivery.surface.reclaim(growing.address, found)


async def clear_status(delivery: Delivery) -> None:
    """Take the status away once words stand; where that fails it fades by itself."""
    try:
        await delivery.surface.status(delivery.growing.address, Status.IDLE)
    except SurfaceError as exc:
        log.info("status_left", marker=delivery.marker, error=str(exc))
