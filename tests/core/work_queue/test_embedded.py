"""The work queue of a single process; ``tests/contracts/test_work_queue.py`` has what both queues promise."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.domain.errors import StoreUnavailable
from core.domain.queue import EventStatus, Lane, QueueKey
from core.store import Database, conversations, inbox
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.embedded import RECOVERY_BATCH, RECOVERY_PAUSE_S, EmbeddedWorkQueue
from tests.event_builders import Chat
from tests.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def queue(virtual_database: Database, loop_clock: LoopClock) -> AsyncIterator[EmbeddedWorkQueue]:
    """A work queue that is not started yet."""
    made = EmbeddedWorkQueue(virtual_database, ActiveAnswers(), loop_clock)
    yield made
    await made.stop(grace_s=0.0)


async def store_question(database: Database, channel: str, text: str = "Why?") -> QueueKey:
    """Store an open question of a chat and return its queue."""
    chat = Chat(channel=channel)
    async with database.begin() as tx:
        conversation = await conversations.get_or_create(tx, chat.key(), chat.chat_type)
        await inbox.add(
            tx,
            chat.message(text),
            conversation_id=conversation.id,
            lane=Lane.TURNS,
            status=EventStatus.OPEN,
        )
    return QueueKey(conversation.id, Lane.TURNS)


async def close_oldest(database: Database, queue_key: QueueKey) -> bool:
    """Close a queue's oldest open event."""
    async with database.begin() as tx:
        items = await inbox.load_open_items(tx, queue_key, limit=1)
        await inbox.set_status(tx, [item.id for item in items], EventStatus.DONE)
    return bool(items)


async def test_what_an_earlier_process_left_is_resumed_in_batches(
    queue: EmbeddedWorkQueue, virtual_database: Database, loop_clock: LoopClock
) -> None:
    """After a crash with thousands of open questions, the first answers do not wait for the last to begin."""
    for number in range(RECOVERY_BATCH + 2):
        await store_question(virtual_database, str(number))
    began: list[float] = []

    async def process_next(queue_key: QueueKey) -> bool:
        began.append(loop_clock.time())
        return await close_oldest(virtual_database, queue_key) and False

    await queue.start(process_next)
    await queue.wait_idle()
    assert len(began) == RECOVERY_BATCH + 2
    assert began[-3:] == pytest.approx([0.0, RECOVERY_PAUSE_S, RECOVERY_PAUSE_S])


async def test_only_what_belongs_to_our_bots_is_resumed(
    virtual_database: Database, loop_clock: LoopClock
) -> None:
    """What another bot left on the same file stays; a team that is reached late gets its own then."""
    served: list[tuple[str, str]] = [("slack", "T1")]
    queue = EmbeddedWorkQueue(virtual_database, ActiveAnswers(), loop_clock, tenants=lambda: served)
    own = await store_question(virtual_database, "1")
    took: list[QueueKey] = []

    async def process_next(queue_key: QueueKey) -> bool:
        took.append(queue_key)
        return await close_oldest(virtual_database, queue_key) and False

    await queue.start(process_next)
    await queue.wait_idle()
    assert took == []
    served.append(("telegram", "bot"))
    await queue.resume()
    await queue.wait_idle()
    assert took == [own]
    await queue.stop(grace_s=0.0)


async def test_an_event_during_the_last_look_is_processed(
    queue: EmbeddedWorkQueue, virtual_database: Database
) -> None:
    """A queue that is woken while its task is about to end looks once more."""
    looks: list[QueueKey] = []
    last_look, resume = asyncio.Event(), asyncio.Event()

    async def process_next(queue_key: QueueKey) -> bool:
        looks.append(queue_key)
        if len(looks) == 1:
            last_look.set()
            await resume.wait()
        return False

    await queue.start(process_next)
    key = QueueKey(1, Lane.TURNS)
    async with virtual_database.begin() as tx:
        wake_up = await queue.enqueue(tx, key)
    wake_up()
    await last_look.wait()
    wake_up()
    resume.set()
    await queue.wait_idle()
    assert looks == [key, key]


async def test_nothing_begins_before_the_start_and_after_the_stop(
    queue: EmbeddedWorkQueue, virtual_database: Database
) -> None:
    """Events that are stored then are the next start's."""
    processed: list[QueueKey] = []

    async def process_next(queue_key: QueueKey) -> bool:
        processed.append(queue_key)
        return await close_oldest(virtual_database, queue_key) and False

    async with virtual_database.begin() as tx:
        wake_up = await queue.enqueue(tx, QueueKey(1, Lane.TURNS))
    wake_up()
    assert not queue.ready
    await queue.start(process_next)
    assert queue.ready
    await queue.stop(grace_s=0.0)
    wake_up()
    assert not queue.ready
    assert processed == []


async def test_work_gets_its_grace_and_no_more(virtual_database: Database, loop_clock: LoopClock) -> None:
    """What ends in time is done; what does not is aborted, and its event stays open."""
    ended: list[float] = []

    async def process_next(queue_key: QueueKey) -> bool:
        await loop_clock.sleep(5.0 if queue_key.conversation_id == 1 else 60.0)
        ended.append(loop_clock.time())
        return False

    queue = EmbeddedWorkQueue(virtual_database, ActiveAnswers(), loop_clock)
    for channel in ("1", "2"):
        await store_question(virtual_database, channel)
    await queue.start(process_next)
    await loop_clock.sleep(1.0)  # both have begun
    await queue.stop(grace_s=10.0)
    assert (ended, loop_clock.time()) == ([pytest.approx(5.0)], pytest.approx(11.0))


async def test_a_stop_does_not_wait_longer_than_the_work(
    virtual_database: Database, loop_clock: LoopClock
) -> None:
    """Without work a stop takes no time, whatever the grace."""

    async def process_next(queue_key: QueueKey) -> bool:
        return False

    queue = EmbeddedWorkQueue(virtual_database, ActiveAnswers(), loop_clock)
    await queue.start(process_next)
    await queue.stop(grace_s=600.0)
    assert loop_clock.time() < 1.0


async def test_a_second_process_on_the_same_file_is_refused(
    queue: EmbeddedWorkQueue, virtual_database: Database, loop_clock: LoopClock
) -> None:
    """Two processes would answer everything twice; without the lock the caller ensures that there is one."""

    async def process_next(queue_key: QueueKey) -> bool:
        return False

    await queue.start(process_next)
    second = EmbeddedWorkQueue(virtual_database, ActiveAnswers(), loop_clock)
    with pytest.raises(StoreUnavailable, match="another Moonthread process"):
        await second.start(process_next)
    trusted = EmbeddedWorkQueue(virtual_database, ActiveAnswers(), loop_clock, exclusive=False)
    await trusted.start(process_next)
    await trusted.stop(grace_s=0.0)
