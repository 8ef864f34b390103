"""A step as calls of a surface: nothing is decided here, and nothing tried again."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog

from core.delivery.delivery import Delivery
from core.delivery.message_operations import MessageOperation
from core.domain.bot_messages import MessageRef, PlatformAction, TypingStatus
from core.domain.clock import Clock
from core.domain.errors import (
    MessageGone,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from core.observer import Observer, PlatformCallRecord

log = structlog.get_logger(__name__)

LOOKUP_DELAY_S = 1.0  #: a lost post gets this long to appear before it is looked for

ERROR_CODES: Final[Mapping[type[PlatformError], str]] = {
    PlatformRateLimited: "rate_limited",
    MessageGone: "gone",
    PlatformRefused: "refused",
    PlatformForbidden: "forbidden",
    PlatformUnavailable: "unavailable",
    PlatformOutcomeUnknown: "outcome_unknown",
}  #: label of a failed call; one that the bot itself ended is "aborted"


async def perform(delivery: Delivery, operation: MessageOperation, clock: Clock) -> MessageRef | None:
    """Perform a step and return the message as it is afterwards; None where there is none.

    Raises:
        PlatformError: it did not take effect, or nobody knows.
    """
    growing, surface = delivery.streamed, delivery.channel
    slot = growing.sent_messages[operation.index]
    if operation.action is PlatformAction.POST and operation.rendered is not None:
        marker = f"{delivery.idempotency_key}:{operation.index}"
        return await surface.post(
            growing.address,
            operation.rendered,
            mode=operation.mode,
            idempotency_key=marker,
            buttons=operation.buttons,
            final=operation.final,
        )
    if operation.action is PlatformAction.EDIT and operation.rendered is not None and slot.ref is not None:
        return await surface.edit(
            growing.address,
            slot.ref,
            operation.rendered,
            previous=slot.rendered,
            final=operation.final,
            buttons=operation.buttons,
        )
    if operation.action is PlatformAction.FINALIZE_ORPHAN and slot.ref is not None:
        return await surface.finalize_orphan(growing.address, slot.ref)
    if operation.action is PlatformAction.FIND:
        return await _find(delivery, operation, clock)
    if slot.ref is not None:
        await surface.delete(growing.address, slot.ref)
    return None


@contextmanager
def observed_call(
    observer: Observer, delivery: Delivery, action: PlatformAction, clock: Clock
) -> Generator[None]:
    """Let a call's time and what became of it be heard; the block makes the call."""
    platform, began, refusal = delivery.streamed.address.key.platform, clock.time(), "aborted"
    since: float | None = None
    if action in (PlatformAction.POST, PlatformAction.EDIT):
        since, delivery.pending_since = delivery.pending_since, None
    with observer.span("platform_call", platform=platform, action=action) as span:
        try:
            yield
            refusal = ""
        except PlatformError as exc:
            refusal = ERROR_CODES.get(type(exc), "other")
            raise
        finally:
            now = clock.time()
            if since is not None and refusal:
                delivery.pending_since = since
            elif since is not None and delivery.first_shown_at is None:
                delivery.first_shown_at = now
            span.set_attributes(error=refusal)
            observer.platform_call_finished(
                PlatformCallRecord(
                    platform=platform,
                    action=action,
                    error=refusal,
                    duration_s=now - began,
                    text_latency_s=None if since is None or refusal else now - since,
                )
            )


async def _find(delivery: Delivery, operation: MessageOperation, clock: Clock) -> MessageRef | None:
    growing = delivery.streamed
    if delivery.uncertain_posts:
        await clock.sleep(LOOKUP_DELAY_S)
    known = delivery.known_message_ids | {ref.message_id for ref in growing.refs}
    found = await delivery.channel.find_by_key(
        growing.address,
        f"{delivery.idempotency_key}:{operation.index}",
        after_message_id=delivery.question_id,
        exclude=known,
    )
    return None if found is None else await delivery.channel.finalize_orphan(growing.address, found)


async def clear_status(delivery: Delivery, clock: Clock, observer: Observer) -> None:
    """Take the status away once words stand; where that fails it fades by itself."""
    try:
        with observed_call(observer, delivery, PlatformAction.STATUS, clock):
            await delivery.channel.set_status(delivery.streamed.address, TypingStatus.IDLE)
    except PlatformError as exc:
        log.info("delivery.status_not_cleared", marker=delivery.idempotency_key, error=str(exc))
