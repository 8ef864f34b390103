"""A step as calls of a surface: nothing is decided here, and nothing tried again."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog

from core.delivery.delivery import Delivery
from core.delivery.operations import Step
from core.domain.clock import Clock
from core.domain.errors import (
    MessageGone,
    SurfaceClosed,
    SurfaceError,
    SurfaceRateLimited,
    SurfaceRefused,
    SurfaceUnavailable,
    SurfaceUncertain,
)
from core.domain.events import MessageRef, Status
from core.observer import Action, FrameSeen, Observer

log = structlog.get_logger(__name__)

FIND_DELAY_S = 1.0  #: a lost post gets this long to appear before it is looked for

REFUSALS: Final[Mapping[type[SurfaceError], str]] = {
    SurfaceRateLimited: "rate_limited",
    MessageGone: "gone",
    SurfaceRefused: "refused",
    SurfaceClosed: "closed",
    SurfaceUnavailable: "unavailable",
    SurfaceUncertain: "uncertain",
}  #: what observers are told of a call that was not "cut" by us


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


@contextmanager
def told(observer: Observer, delivery: Delivery, action: Action, clock: Clock) -> Generator[None]:
    """Let a call's time and what became of it be heard; the block makes the call."""
    platform, began, refusal = delivery.growing.address.key.platform, clock.time(), "cut"
    since: float | None = None
    if action in ("post", "edit"):
        since, delivery.words_since = delivery.words_since, None
    with observer.span("frame", platform=platform, action=action) as span:
        try:
            yield
            refusal = ""
        except SurfaceError as exc:
            refusal = REFUSALS.get(type(exc), "other")
            raise
        finally:
            now = clock.time()
            if since is not None and refusal:
                delivery.words_since = since
            elif since is not None and delivery.first_words_at is None:
                delivery.first_words_at = now
            span.note(refusal=refusal)
            observer.frame(
                FrameSeen(
                    platform=platform,
                    action=action,
                    refusal=refusal,
                    took_s=now - began,
                    word_delay_s=None if since is None or refusal else now - since,
                )
            )


async def _find(delivery: Delivery, step: Step, clock: Clock) -> MessageRef | None:
    growing = delivery.growing
    if delivery.lost_posts:
        await clock.sleep(FIND_DELAY_S)
    known = delivery.known | {ref.message_id for ref in growing.refs}
    found = await delivery.surface.find(
        growing.address, f"{delivery.marker}:{step.slot}", after=delivery.question_id, known=known
    )
    return None if found is None else await delivery.surface.reclaim(growing.address, found)


async def clear_status(delivery: Delivery, clock: Clock, observer: Observer) -> None:
    """Take the status away once words stand; where that fails it fades by itself."""
    try:
        with told(observer, delivery, "status", clock):
            await delivery.surface.status(delivery.growing.address, Status.IDLE)
    except SurfaceError as exc:
        log.info("status_left", marker=delivery.marker, error=str(exc))
