"""What every engine promises: order, exclusiveness, nothing lost, on every database it runs on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.clock import ScaledClock
from core.domain.command_names import CommandName
from core.domain.errors import StoreUnavailable
from core.domain.events import CommandReceived, Mention, MessageReceived
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason
from core.inbound.ingest import Ingestor
from core.store import Database, inbox
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.embedded import EmbeddedWorkQueue
from core.work_queue.postgres import ClusterTiming, PostgresWorkQueue

AnyEngine = EmbeddedWorkQueue | PostgresWorkQueue
Handle = Callable[[int, str], Awaitable[None]]
PATIENT = ClusterTiming(lease_s=60.0, stalled_s=75.0)  #: a loaded machine costs no replica its lease
PATIENCE_S = 60.0  #: for what happens soon


def said(conversation: int, number: int) -> MessageReceived:
    """Make the ``number``-th question of a conversation."""
    key = ThreadKey(platform="telegram", tenant="1", channel=str(conversation), thread="")
    return MessageReceived(
        delivery_id=f"msg:{conversation}:{number}",
        message_id=str(number),
        address=Address(key=key),
        author=Person(id=str(conversation), name="Bob"),
        text=f"{number}",
        sent_at=datetime(2026, 11, 21, tzinfo=UTC),
        chat_type=ChatType.DIRECT,
        mention=Mention.DIRECT,
    )


def engine_for(database: Database, running: ActiveAnswers | None = None) -> AnyEngine:
    """The engine that belongs to a database."""
    running, clock = ActiveAnswers() if running is None else running, ScaledClock(20)
    if database.dialect == "postgresql":
        return PostgresWorkQueue(
            database, running, clock, tenants=lambda: [("telegram", "1")], timing=PATIENT
        )
    return EmbeddedWorkQueue(database, running, clock)


@asynccontextmanager
async def engine_on(database: Database, handle: Handle) -> AsyncIterator[tuple[AnyEngine, Ingestor]]:
    """A work queue that passes every open question to ``handle`` and closes it."""
    engine = engine_for(database)

    async def process_next(queue_key: QueueKey) -> bool:
        async with database.read() as tx:
            items = await inbox.load_open_items(tx, queue_key, limit=1)
        if not items:
            return False
        event = items[0].event
        assert isinstance(event, MessageReceived)
        await handle(queue_key.conversation_id, event.text)
        async with database.begin() as tx:
            await inbox.set_status(tx, [items[0].id], EventStatus.DONE)
        return True

    await engine.start(process_next)
    try:
        yield engine, Ingestor(database, engine)
    finally:
        await engine.stop(grace_s=0.0)


async def no_work(_: QueueKey) -> bool:
    """Nothing is ever open."""
    return False


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (what is waited for are rows and lists, not events)
            await asyncio.sleep(0.005)


async def test_each_conversation_is_answered_in_order_and_once(database: Database) -> None:
    """A thousand mixed deliveries with duplicates: every question once, in its conversation's order."""
    seen: dict[int, list[str]] = {}

    async def handle(conversation: int, text: str) -> None:
        seen.setdefault(conversation, []).append(text)

    async with engine_on(database, handle) as (_, ingest):
        events = [said(conversation, number) for number in range(10) for conversation in range(10)]
        for event in events:
            await ingest(event)
            if event.message_id == "3":
                assert await ingest(event) is False
        await until(lambda: sum(map(len, seen.values())) >= 100)
    assert all(texts == [str(number) for number in range(10)] for texts in seen.values())
    assert len(seen) == 10


async def test_one_conversation_never_runs_twice_at_once_and_others_run_beside_it(
    database: Database,
) -> None:
    """Work of one conversation is exclusive; another one does not wait for it."""
    running: set[int] = set()
    most = 0
    overlapped: list[int] = []
    done = 0

    async def handle(conversation: int, text: str) -> None:
        nonlocal most, done
        if conversation in running:
            overlapped.append(conversation)
        running.add(conversation)
        most = max(most, len(running))
        await asyncio.sleep(0.03)
        running.discard(conversation)
        done += 1

    async with engine_on(database, handle) as (_, ingest):
        await asyncio.gather(*(ingest(said(conversation, n)) for n in range(3) for conversation in range(4)))
        await until(lambda: done == 12)
    assert overlapped == []
    assert most > 1


async def test_what_a_stopped_engine_left_is_done_by_the_next(database: Database) -> None:
    """A question that was being worked on when the process ended is worked on again."""
    started = asyncio.Event()
    seen: list[str] = []

    async def hang(_: int, __: str) -> None:
        started.set()
        await asyncio.sleep(3600)

    async def handle(_: int, text: str) -> None:
        seen.append(text)

    async with engine_on(database, hang) as (_, ingest):
        await ingest(said(1, 1))
        await ingest(said(1, 2))
        await started.wait()
    async with engine_on(database, handle):
        await until(lambda: len(seen) == 2)
    assert seen == ["1", "2"]


async def test_a_failing_drain_is_tried_again(database: Database) -> None:
    """An error in the middle strands no question."""
    attempts: list[str] = []

    async def handle(_: int, text: str) -> None:
        attempts.append(text)
        if len(attempts) == 1:
            raise StoreUnavailable("a hiccup")
        if len(attempts) == 2:
            raise RuntimeError("a bug")

    async with engine_on(database, handle) as (engine, ingest):
        await ingest(said(1, 1))
        await until(lambda: len(attempts) == 3)
        await engine.wait_idle()


async def test_a_question_that_comes_while_the_last_one_ends_is_not_forgotten(database: Database) -> None:
    """Waking a conversation in the very moment its work ends starts it again."""
    seen: list[str] = []

    async def handle(_: int, text: str) -> None:
        seen.append(text)

    async with engine_on(database, handle) as (_, ingest):
        for number in range(50):
            await ingest(said(1, number))
            await asyncio.sleep(0.001 * (number % 5))
        await until(lambda: len(seen) == 50)
    assert seen == [str(number) for number in range(50)]


async def test_work_waiting_in_one_lane_does_not_block_the_other(database: Database) -> None:
    """Commands are worked on beside a running answer of the same conversation."""
    seen: list[Lane] = []
    release = asyncio.Event()

    async def process_all(work: QueueKey) -> bool:
        seen.append(work.lane)
        if work.lane is Lane.TURNS:
            await release.wait()
        async with database.begin() as tx:
            await inbox.set_status(
                tx, [item.id for item in await inbox.load_open_items(tx, work, limit=9)], EventStatus.DONE
            )
        return False

    engine = engine_for(database)
    await engine.start(process_all)
    ingest = Ingestor(database, engine)
    question = said(1, 1)
    await ingest(question)
    await until(lambda: seen == [Lane.TURNS])
    await ingest(
        CommandReceived(
            delivery_id="order",
            message_id="2",
            address=question.address,
            author=question.author,
            command=CommandName.HELP,
            argument="",
            chat_type=ChatType.DIRECT,
            sent_at=question.sent_at,
        )
    )
    await until(lambda: seen == [Lane.TURNS, Lane.COMMANDS])
    release.set()
    await engine.stop(grace_s=1.0)


async def test_a_running_answer_is_ended_from_outside(database: Database) -> None:
    """Cancelling a conversation reaches the answer that is being written in it, with its reason."""
    running = ActiveAnswers()
    engine = engine_for(database, running)
    ended: list[CancelReason | None] = []

    async def process_all(work: QueueKey) -> bool:
        answer = running.register(work.conversation_id)
        answer.task = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.wait({answer.task})
        ended.append(answer.cancel_reason)
        running.remove(work.conversation_id, answer)
        async with database.begin() as tx:
            await inbox.set_status(
                tx, [item.id for item in await inbox.load_open_items(tx, work, limit=9)], EventStatus.DONE
            )
        return False

    await engine.start(process_all)
    await Ingestor(database, engine)(said(1, 1))
    await until(lambda: len(running) == 1)
    engine.cancel(running.conversation_ids()[0], CancelReason.STOP)
    await until(lambda: ended == [CancelReason.STOP])
    await engine.stop(grace_s=1.0)


async def test_stopping_gives_running_work_its_grace(database: Database) -> None:
    """Work that ends within the grace is done; the engine stops no later than that."""
    done: list[str] = []
    started = asyncio.Event()

    async def process_all(work: QueueKey) -> bool:
        started.set()
        await asyncio.sleep(0.1)
        async with database.begin() as tx:
            await inbox.set_status(
                tx, [item.id for item in await inbox.load_open_items(tx, work, limit=9)], EventStatus.DONE
            )
        done.append("done")
        return False

    engine = engine_for(database)
    await engine.start(process_all)
    await Ingestor(database, engine)(said(1, 1))
    await started.wait()
    await engine.stop(grace_s=60.0)
    assert done == ["done"]


async def test_a_second_embedded_engine_on_the_same_database_is_refused(migrated_sqlite_url: str) -> None:
    """Two embedded engines would answer everything twice: the second says so and does not start."""
    database = Database(migrated_sqlite_url)
    first = engine_for(database)
    await first.start(no_work)
    with pytest.raises(StoreUnavailable, match="another Moonthread process"):
        await engine_for(database).start(no_work)
    await first.stop(grace_s=0.0)
    await database.close()
