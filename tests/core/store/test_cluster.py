"""Sessions of their own on PostgreSQL, and one leader at a time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from core.domain.errors import StoreUnavailable
from core.store import Database
from core.store.cluster import DedicatedConnection, notify
from core.store.leader_election import LeaderElection

LOCK = 4711


class Candidate:
    """Somebody who wants to lead, and what became of it."""

    def __init__(self, database: Database, book: list[str], name: str) -> None:
        self.database = database
        self._book, self._name = book, name
        self.leadership = LeaderElection(database, lambda: LOCK, on_elected=self._gain, on_deposed=self._lose)

    async def _gain(self) -> None:
        self._book.append(f"{self._name} leads")

    async def _lose(self) -> None:
        self._book.append(f"{self._name} left")


PATIENCE_S = 100.0  #: for what happens within seconds if the machine has nothing else to do


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 (what is waited for are lists and members, not events)
            await asyncio.sleep(0.01)


@pytest.fixture
async def candidates(postgres_url: str) -> Any:
    """Two who want to lead on one PostgreSQL, and the book of what happened."""
    book: list[str] = []
    made = [Candidate(Database(postgres_url), book, name) for name in ("A", "B")]
    yield made, book
    for one in made:
        await one.leadership.stop()
        await one.database.close()


async def test_on_sqlite_one_leads_at_once(sqlite_url: str) -> None:
    """A single process needs nobody's leave, and gives the lead back at its end."""
    book: list[str] = []
    only = Candidate(Database(sqlite_url), book, "A")
    await only.leadership.start()
    assert book == ["A leads"]
    await only.leadership.stop()
    assert book == ["A leads", "A left"]
    await only.database.close()


async def test_one_of_two_leads_and_the_other_follows_it(candidates: Any) -> None:
    """While one leads the other waits; it takes over once the first one leaves."""
    (first, second), book = candidates
    await first.leadership.start()
    await until(lambda: first.leadership.is_leader)
    await second.leadership.start()
    await asyncio.sleep(1.5)
    assert book == ["A leads"]
    await first.leadership.stop()
    await until(lambda: second.leadership.is_leader)
    assert book == ["A leads", "A left", "B leads"]


async def test_a_leader_whose_session_ends_stops_before_the_next_one_begins(candidates: Any) -> None:
    """A leader that loses its connection ends what it led before another begins it."""
    (first, second), book = candidates
    await first.leadership.start()
    await until(lambda: first.leadership.is_leader)
    await second.leadership.start()
    await asyncio.sleep(0.2)
    async with second.database.begin() as tx:
        await tx.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        )
    await until(lambda: len(book) >= 3)
    assert book[1] == "A left"
    assert book[2] in ("A leads", "B leads")


async def test_a_leader_that_is_frozen_is_deposed(candidates: Any) -> None:
    """A leader whose session is open and silent loses the lead to one that is alive."""
    (_, second), book = candidates
    frozen = DedicatedConnection(second.database, name="frozen")
    await frozen.open()
    assert await frozen.fetch("SELECT pg_try_advisory_lock(%(lock)s)", lock=LOCK) == [(True,)]
    began = asyncio.get_running_loop().time()
    await second.leadership.start()
    await until(lambda: second.leadership.is_leader)
    assert asyncio.get_running_loop().time() - began > 3.0, "it had its chance to answer"
    assert book == ["B leads"]
    with pytest.raises(StoreUnavailable):
        await frozen.fetch("SELECT 1")


async def test_a_session_hears_what_a_transaction_tells(postgres_url: str) -> None:
    """A notice arrives once its transaction is committed, also one that came during a statement."""
    database = Database(postgres_url)
    session = DedicatedConnection(database, name="test")
    await session.open()
    await session.listen(["news"])
    async with database.begin() as tx:
        await notify(tx, "news", "first")
        assert await session.notifications(0.1) == []
    await session.fetch("SELECT 1")
    [notice] = await session.notifications(PATIENCE_S)
    assert (notice.channel, notice.payload) == ("news", "first")
    await session.close()
    await database.close()


async def test_a_session_that_gets_no_answer_says_so_in_time(postgres_url: str) -> None:
    """A statement that takes too long ends the session instead of the caller's patience."""
    database = Database(postgres_url)
    session = DedicatedConnection(database, name="test", timeout_s=2.0)
    await session.open()
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(session.fetch("SELECT pg_sleep(600)"), PATIENCE_S)
    with pytest.raises(StoreUnavailable):
        await session.fetch("SELECT 1")
    await session.open()
    assert await session.fetch("SELECT 1") == [(1,)]
    await session.close()
    await database.close()


async def test_a_severed_database_fails_whoever_waits_on_it(postgres_url: str) -> None:
    """Cutting the lines ends a waiting statement at once; the next one has a new line."""
    database, begun = Database(postgres_url), asyncio.Event()

    async def wait() -> None:
        async with database.begin() as tx:
            begun.set()
            await tx.exec_driver_sql("SELECT pg_sleep(600)")

    waiting = asyncio.create_task(wait())
    await begun.wait()
    await asyncio.sleep(0.2)
    database.abort_connections()
    with pytest.raises(StoreUnavailable):
        await asyncio.wait_for(waiting, PATIENCE_S)
    async with database.begin() as tx:
        assert list(await tx.exec_driver_sql("SELECT 1")) == [(1,)]
    await database.close()
