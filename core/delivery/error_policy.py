"""What a failed call means for its message. Decides on what came back; performs nothing."""

import structlog

from core.delivery.delivery import Delivery
from core.delivery.message_operations import MessageOperation, Priority
from core.domain.bot_messages import PlatformAction
from core.domain.errors import (
    MessageGone,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)

log = structlog.get_logger(__name__)

INITIAL_BACKOFF_S = 0.5  #: after a failed call; doubled with each further one
MAX_BACKOFF_S = 30.0
MAX_UNCERTAIN_POSTS = 3  #: blind posts of one message, where the platform cannot be asked


def handle_error(
    delivery: Delivery, operation: MessageOperation, error: PlatformError, now: float
) -> PlatformError | None:
    """Prepare a message for its next call; return an error where there can be none."""
    growing = delivery.streamed
    log.info(
        "delivery.call_failed",
        marker=delivery.idempotency_key,
        action=operation.action,
        need=operation.priority.name,
        error=type(error).__name__,
    )
    match error:
        case PlatformRateLimited():
            if not growing.abandon_mode(operation):
                growing.mark_not_shown()
        case MessageGone():
            growing.mark_deleted(operation)
        case PlatformForbidden():
            return error
        case PlatformRefused() if growing.abandon_mode(operation):
            log.info("delivery.mode_abandoned", marker=delivery.idempotency_key, mode=operation.mode)
        case PlatformRefused():
            if growing.fall_back_to_plain(operation):
                growing.mark_not_shown()
            elif operation.priority is Priority.FINAL:
                return error
        case PlatformOutcomeUnknown() if operation.action is PlatformAction.POST:
            return _handle_uncertain_post(delivery, error, now)
        case _:
            _back_off(delivery, now)
            growing.mark_not_shown()
    return None


def _handle_uncertain_post(
    delivery: Delivery, error: PlatformOutcomeUnknown, now: float
) -> PlatformError | None:
    """A post may have landed. Ask where that is possible; else say no more until the end."""
    growing = delivery.streamed
    delivery.uncertain_posts += 1
    if delivery.uncertain_posts > MAX_UNCERTAIN_POSTS:
        return PlatformUnavailable(str(error))
    growing.post_uncertain = growing.can_find_by_key
    growing.previews_enabled = growing.can_find_by_key
    _back_off(delivery, now)
    growing.mark_not_shown()
    return None


def _back_off(delivery: Delivery, now: float) -> None:
    delay_s = min(MAX_BACKOFF_S, INITIAL_BACKOFF_S * 2.0**delivery.failures)
    delivery.failures += 1
    delivery.scheduled.not_before = now + delay_s
