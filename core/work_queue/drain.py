"""The one retry loop of both work queues."""

from collections.abc import Callable
from typing import Final

import structlog

from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.domain.queue import QueueKey
from core.work_queue.port import ProcessNext

log = structlog.get_logger(__name__)

RETRY_INITIAL_S: Final = 0.5  #: after a failure; doubled with each further one
RETRY_MAX_S: Final = 15.0


async def drain(
    process_next: ProcessNext, queue_key: QueueKey, clock: Clock, *, is_stopping: Callable[[], bool]
) -> None:
    """Process a queue until nothing is open or the process stops; retry failures after growing pauses."""
    delay_s = RETRY_INITIAL_S
    while not is_stopping():
        try:
            more = await process_next(queue_key)
        except StoreUnavailable as exc:
            log.debug("store.unavailable", error=str(exc), retry_in_s=delay_s)
        except Exception:  # the boundary of a task: the event stays open and is tried again
            log.exception("work_queue.processing_failed", conversation=queue_key.conversation_id)
        else:
            if not more:
                return
            delay_s = RETRY_INITIAL_S
            continue
        if is_stopping():
            return
        await clock.sleep(delay_s)
        delay_s = min(RETRY_MAX_S, delay_s * 2)
