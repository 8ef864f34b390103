"""The retry loop of both work queues."""

from itertools import pairwise

import pytest

from core.domain.errors import StoreUnavailable
from core.domain.queue import Lane, QueueKey
from core.work_queue.drain import RETRY_INITIAL_S, RETRY_MAX_S, drain
from tests.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time

KEY = QueueKey(1, Lane.TURNS)


async def test_a_queue_is_processed_until_nothing_is_open(loop_clock: LoopClock) -> None:
    """Each event is processed, one after the other, without a pause."""
    left = [3]

    async def process_next(queue_key: QueueKey) -> bool:
        assert queue_key == KEY
        left[0] -= 1
        return left[0] > 0

    await drain(process_next, KEY, loop_clock, is_stopping=lambda: False)
    assert (left, loop_clock.time()) == ([0], 0.0)


@pytest.mark.parametrize("error", [StoreUnavailable("disk full"), ValueError("a defect")])
async def test_a_failure_is_tried_again_after_a_growing_pause(
    loop_clock: LoopClock, error: Exception
) -> None:
    """Neither an outage of the database nor a defect of ours leaves an event behind (we chose)."""
    tried_at: list[float] = []

    async def process_next(queue_key: QueueKey) -> bool:
        tried_at.append(loop_clock.time())
        if len(tried_at) < 9:
            raise error
        return False

    await drain(process_next, KEY, loop_clock, is_stopping=lambda: False)
    pauses = [later - earlier for earlier, later in pairwise(tried_at)]
    assert pauses == pytest.approx([min(RETRY_MAX_S, RETRY_INITIAL_S * 2**n) for n in range(8)])


async def test_a_success_makes_the_next_pause_short_again(loop_clock: LoopClock) -> None:
    """The pauses grow with failures in a row, not with all there ever were."""
    results: list[bool | None] = [None, None, True, None, False]
    tried_at: list[float] = []

    async def process_next(queue_key: QueueKey) -> bool:
        tried_at.append(loop_clock.time())
        result = results.pop(0)
        if result is None:
            raise StoreUnavailable("disk full")
        return result

    await drain(process_next, KEY, loop_clock, is_stopping=lambda: False)
    assert tried_at == pytest.approx([0.0, 0.5, 1.5, 1.5, 2.0])


async def test_a_process_that_stops_begins_nothing_more(loop_clock: LoopClock) -> None:
    """Open events stay open for the next process."""
    processed: list[QueueKey] = []

    async def process_next(queue_key: QueueKey) -> bool:
        processed.append(queue_key)
        return True

    await drain(process_next, KEY, loop_clock, is_stopping=lambda: len(processed) == 2)
    assert len(processed) == 2


async def test_a_process_that_stops_does_not_wait_to_try_again(loop_clock: LoopClock) -> None:
    """A failure during the stop is the next process's matter."""
    stopping = [False]

    async def process_next(queue_key: QueueKey) -> bool:
        stopping[0] = True
        raise StoreUnavailable("disk full")

    await drain(process_next, KEY, loop_clock, is_stopping=lambda: stopping[0])
    assert loop_clock.time() == 0.0
