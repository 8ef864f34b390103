"""What every engine promises of chores: done at the start and when due, by one process for all."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from core.domain.clock import SystemClock
from core.domain.errors import StoreUnavailable
from core.domain.queue import QueueKey
from core.ports.periodic_tasks import PeriodicTask
from core.store import Database
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.embedded import EmbeddedWorkQueue
from core.work_queue.postgres import ClusterTiming, PostgresWorkQueue
from core.work_queue.postgres.periodic_jobs import cron_expression

AnyEngine = EmbeddedWorkQueue | PostgresWorkQueue
DAY_S = 86_400.0
PATIENT = ClusterTiming(lease_s=60.0, stalled_s=75.0)  #: a loaded machine costs no replica its lease
PATIENCE_S = 60.0  #: for what happens soon


async def nothing(_: QueueKey) -> bool:
    """No conversation has work here."""
    return False


@asynccontextmanager
async def engine_with(
    database: Database, do: Callable[[], Awaitable[None]], every_s: float = DAY_S
) -> AsyncIterator[AnyEngine]:
    """A running engine that has one chore."""
    engine: AnyEngine = EmbeddedWorkQueue(database, ActiveAnswers(), SystemClock())
    if database.dialect == "postgresql":
        engine = PostgresWorkQueue(
            database, ActiveAnswers(), SystemClock(), tenants=lambda: [("telegram", "1")], timing=PATIENT
        )
    engine.schedule(PeriodicTask(name="sweep", every_s=every_s, run=do))
    await engine.start(nothing)
    try:
        yield engine
    finally:
        await engine.stop(0.0)


async def until(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    """Wait for something that happens soon."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (what is waited for are lists, not events)
            await asyncio.sleep(0.01)


async def test_a_chore_is_done_at_the_start_and_when_it_is_hurried(database: Database) -> None:
    """The first round needs no waiting for its hour, and a further one can be asked for."""
    rounds: list[float] = []

    async def do() -> None:
        rounds.append(asyncio.get_running_loop().time())

    async with engine_with(database, do) as engine:
        await until(lambda: len(rounds) == 1)
        engine.run_soon("sweep")
        await until(lambda: len(rounds) == 2)
        engine.run_soon("no such chore")
        await asyncio.sleep(0.2)
    assert len(rounds) == 2


async def test_a_chore_comes_again_and_never_twice_at_once(database: Database) -> None:
    """Every second a round, and none beside one that takes longer."""
    running = most = rounds = 0

    async def do() -> None:
        nonlocal running, most, rounds
        running, rounds = running + 1, rounds + 1
        most = max(most, running)
        await asyncio.sleep(1.2 if rounds == 1 else 0.05)
        running -= 1

    async with engine_with(database, do, every_s=1.0) as engine:
        await until(lambda: rounds == 1)
        engine.run_soon("sweep")
        await until(lambda: rounds >= 3)
    assert most == 1


@pytest.mark.parametrize("fault", [StoreUnavailable("gone"), ValueError("a defect")])
async def test_a_round_that_fails_ends_neither_the_chore_nor_the_engine(
    database: Database, fault: Exception
) -> None:
    """The next round is done as if nothing had been."""
    rounds = 0

    async def do() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            raise fault

    async with engine_with(database, do, every_s=1.0):
        await until(lambda: rounds >= 2)


async def test_a_stop_does_not_wait_for_a_round(database: Database) -> None:
    """A chore can be done later; whoever stops the process wants it to end."""
    begun = asyncio.Event()

    async def do() -> None:
        begun.set()
        await asyncio.sleep(3600)

    async with engine_with(database, do):
        await asyncio.wait_for(begun.wait(), timeout=100)
        before = time.monotonic()
    assert time.monotonic() - before < 5


@pytest.fixture
async def replicas(migrated_postgres_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """One PostgreSQL, as two replicas see it."""
    two = Database(migrated_postgres_url), Database(migrated_postgres_url)
    yield two
    for one in two:
        await one.close()


async def test_of_two_replicas_one_does_each_round(replicas: tuple[Database, Database]) -> None:
    """Both know when a round is due, and no moment has two of them."""
    rounds: list[int] = []

    async def do() -> None:
        rounds.append(int(time.time()))

    began = int(time.time())
    async with engine_with(replicas[0], do, 2.0), engine_with(replicas[1], do, 2.0):
        await until(lambda: len(rounds) >= 3)
    due = range(began // 2 * 2, int(time.time()) + 1, 2)
    assert len(rounds) <= len(due)
    async with replicas[0].read() as tx:
        left = (
            await tx.exec_driver_sql("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")
        ).scalar()
    assert left == 0


async def test_a_round_goes_to_the_other_replica_when_its_own_stops(
    replicas: tuple[Database, Database],
) -> None:
    """A replica that leaves in the middle of a round has another one do it."""
    begun, done = asyncio.Event(), asyncio.Event()

    async def forever() -> None:
        begun.set()
        await asyncio.sleep(3600)

    async def quickly() -> None:
        done.set()

    async with engine_with(replicas[0], forever):
        await asyncio.wait_for(begun.wait(), timeout=100)
    async with engine_with(replicas[1], quickly):
        await asyncio.wait_for(done.wait(), timeout=100)


@pytest.mark.parametrize(
    ("every_s", "cron"),
    [
        (5, "* * * * * */5"),
        (60, "*/1 * * * *"),
        (300, "*/5 * * * *"),
        (3600, "0 */1 * * *"),
        (21_600, "0 */6 * * *"),
        (86_400, "0 4 * * *"),
    ],
)
def test_a_rhythm_becomes_cron(every_s: float, cron: str) -> None:
    """Seconds stand in cron's sixth field."""
    assert cron_expression(every_s) == cron


@pytest.mark.parametrize("every_s", [0, 0.5, 7, 7_000, 100_000])
def test_a_rhythm_that_cron_does_not_have_is_refused(every_s: float) -> None:
    """Such a chore would come at other times than it says."""
    with pytest.raises(ValueError, match="divide"):
        cron_expression(every_s)
