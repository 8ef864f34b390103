"""What a failed call means for its message. Decides on what came back; performs nothing."""

import structlog

from core.delivery.delivery import Delivery
from core.delivery.operations import Need, Step
from core.domain.errors import (
    MessageGone,
    SurfaceClosed,
    SurfaceError,
    SurfaceRateLimited,
    SurfaceRefused,
    SurfaceUnavailable,
    SurfaceUncertain,
)

log = structlog.get_logger(__name__)

FIRST_BACKOFF_S = 0.5  #: after a failed call; doubled with each further one
MOST_BACKOFF_S = 30.0
MOST_LOST_POSTS = 3  #: blind posts of one message, where the platform cannot be asked


def recover(delivery: Delivery, step: Step, error: SurfaceError, now: float) -> SurfaceError | None:
    """Prepare a message for its next call; return an error where there can be none."""
    growing = delivery.growing
    log.info(
        "frame_failed",
        marker=delivery.marker,
        action=step.action,
        need=step.need.name,
        error=type(error).__name__,
    )
    match error:
        case SurfaceRateLimited():
            if not growing.leave(step):
                growing.again()
        case MessageGone():
            growing.gone(step)
        case SurfaceClosed():
            return error
        case SurfaceRefused() if growing.leave(step):
            log.info("rung_left", marker=delivery.marker, rung=step.rung)
        case SurfaceRefused():
            if growing.refused(step):
                growing.again()
            elif step.need is Need.FINAL:
                return error
        case SurfaceUncertain() if step.action == "post":
            return _lost(delivery, error, now)
        case _:
            _back_off(delivery, now)
            growing.again()
    return None


def _lost(delivery: Delivery, error: SurfaceUncertain, now: float) -> SurfaceError | None:
    """A post may have landed. Ask where that is possible; else say no more until the end."""
    growing = delivery.growing
    delivery.lost_posts += 1
    if delivery.lost_posts > MOST_LOST_POSTS:
        return SurfaceUnavailable(str(error))
    growing.lost_post = growing.can_find
    growing.previews = growing.can_find
    _back_off(delivery, now)
    growing.again()
    return None


def _back_off(delivery: Delivery, now: float) -> None:
    delay_s = min(MOST_BACKOFF_S, FIRST_BACKOFF_S * 2.0**delivery.failures)
    delivery.failures += 1
    delivery.lane.not_before = now + delay_s
