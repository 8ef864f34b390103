"""Routing of queued work to the part of the product that processes its lane."""

from collections.abc import Mapping

from core.domain.queue import Lane, QueueKey
from core.work_queue.port import ProcessNext


def route_by_lane(processors: Mapping[Lane, ProcessNext]) -> ProcessNext:
    """Return a processor that passes each queue to the processor of its lane.

    Raises:
        ValueError: a lane has no processor.
    """
    if missing := [lane.value for lane in Lane if lane not in processors]:
        raise ValueError(f"no processor for {', '.join(missing)}")

    async def process_next(queue_key: QueueKey) -> bool:
        return await processors[queue_key.lane](queue_key)

    return process_next
