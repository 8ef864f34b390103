"""Routing of queues by lane."""

import pytest

from core.domain.queue import Lane, QueueKey
from core.work_queue.lanes import route_by_lane
from core.work_queue.port import ProcessNext


async def test_each_lane_goes_to_its_processor() -> None:
    """The processor of a queue's lane decides whether more is open."""
    seen: list[tuple[str, QueueKey]] = []

    def processor(name: str, *, more: bool) -> ProcessNext:
        async def process_next(queue_key: QueueKey) -> bool:
            seen.append((name, queue_key))
            return more

        return process_next

    answers, notes = processor("answers", more=True), processor("notes", more=False)
    route = route_by_lane(
        {Lane.TURNS: answers, Lane.COMMANDS: answers, Lane.HANDOFF: notes, Lane.AI_ASSIST: notes}
    )
    assert await route(QueueKey(1, Lane.TURNS))
    assert not await route(QueueKey(2, Lane.AI_ASSIST))
    assert seen == [("answers", QueueKey(1, Lane.TURNS)), ("notes", QueueKey(2, Lane.AI_ASSIST))]


def test_a_lane_without_a_processor_is_refused() -> None:
    """Its events would stay open for ever, so the process does not start."""

    async def process_next(queue_key: QueueKey) -> bool:
        return False

    with pytest.raises(ValueError, match="handoff, ai_assist"):
        route_by_lane({Lane.TURNS: process_next, Lane.COMMANDS: process_next})
