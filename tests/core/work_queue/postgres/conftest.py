"""Replicas in one process on a real PostgreSQL, each with a connection that can be cut.

``test_outages.py`` and ``test_local_events.py`` cover ``queue``, ``worker``, ``job_manager``, ``heartbeat``,
``statements``, ``cancellation`` and ``timing`` together: what they promise shows only between replicas.
``periodic_jobs`` is covered by ``tests/contracts/test_periodic_tasks.py``.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest

from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.clock import SystemClock
from core.domain.events import Mention, MessageReceived
from core.domain.queue import EventStatus, QueueKey
from core.inbound.ingest import Ingestor
from core.store import Database, inbox
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.postgres import ClusterTiming, PostgresWorkQueue

#: A cluster that looks around quickly, and whose replicas may be without the processor for two seconds.
FAST = ClusterTiming(
    heartbeat_s=0.2,
    lease_s=2.0,
    stalled_s=3.0,
    eviction_check_s=0.1,
    eviction_grace_s=3.0,
    join_grace_s=0.3,
    poll_s=0.2,
    sweep_s=0.3,
    reconnect_s=0.1,
)

RARELY_S = 120.0  #: between two looks that shall play no part in what happens

Handle = Callable[[QueueKey, str], Awaitable[None]]


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


class Wire:
    """A relay to the server's socket: passes bytes, drops connections, or swallows what they send."""

    def __init__(self, target: Path, folder: Path) -> None:
        self.folder = folder
        self._target = target
        self._mode: Literal["pass", "refuse", "swallow"] = "pass"
        self._lines: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._deaf: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to relay."""
        self._server = await asyncio.start_unix_server(self._accept, self.folder / ".s.PGSQL.5432")

    def refuse(self) -> None:
        """Drop every connection and take no new one."""
        self._mode = "refuse"
        for pair in self._lines:
            for end in pair:
                end.close()

    def swallow(self) -> None:
        """Leave every open connection open and silent; new ones work."""
        for pair in self._lines:
            self._deaf.update(pair)

    def heal(self) -> None:
        """Take new connections again."""
        self._mode = "pass"

    async def close(self) -> None:
        """Drop everything."""
        self.refuse()
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._mode == "refuse":
            writer.close()
            return
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        pair = (writer, far_writer)
        self._lines.add(pair)
        try:
            there = asyncio.ensure_future(self._pass(reader, far_writer))
            ways = [there, asyncio.ensure_future(self._pass(far_reader, writer))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
        finally:
            self._lines.discard(pair)
            for end in pair:
                self._deaf.discard(end)
                end.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                if sink not in self._deaf:
                    sink.write(data)
                    await sink.drain()
        except OSError:
            return


class Replica:
    """A work queue with a database connection of its own; it records what it processes."""

    def __init__(
        self,
        url: str,
        wire: Wire,
        timing: ClusterTiming,
        tenants: tuple[tuple[str, str], ...],
        local_concurrency: int,
    ) -> None:
        self.wire = wire
        self.database = Database(url)
        self.running = ActiveAnswers()
        self.cuts = 0
        self.queue = PostgresWorkQueue(
            self.database,
            self.running,
            SystemClock(),
            tenants=lambda: tenants,
            timing=timing,
            on_lease_lost=self._cut,
            local_concurrency=local_concurrency,
        )
        self.ingest = Ingestor(self.database, self.queue)
        self.seen: list[tuple[int, str]] = []  #: (conversation, text) of every event that was begun
        self.done: list[str] = []
        self.aborted: list[str] = []
        self.gate = asyncio.Event()  #: closed, work takes for ever
        self.gate.set()
        self.leaves_open = False  #: it claims that nothing is open after each event

    async def process_next(self, queue_key: QueueKey) -> bool:
        """Process the oldest open event."""
        async with self.database.read() as tx:
            items = await inbox.load_open_items(tx, queue_key, limit=1)
        if not items:
            return False
        event = items[0].event
        assert isinstance(event, MessageReceived)
        self.seen.append((queue_key.conversation_id, event.text))
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.aborted.append(event.text)
            raise
        async with self.database.begin() as tx:
            await inbox.set_status(tx, [items[0].id], EventStatus.DONE)
        self.done.append(event.text)
        return not self.leaves_open

    def _cut(self) -> None:
        self.cuts += 1


class Cluster:
    """Makes replicas, and stops them."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self.url = url
        self._stack = stack

    async def replica(
        self,
        timing: ClusterTiming = FAST,
        platforms: tuple[str, ...] = ("telegram",),
        *,
        tenant: str = "1",
        busy: bool = False,
        local_concurrency: int = 8,
    ) -> Replica:
        """Start a replica; a ``busy`` one does not end what it begins."""
        parts = urlsplit(self.url)
        target = Path(parse_qs(parts.query)["host"][0]) / ".s.PGSQL.5432"
        folder = Path(tempfile.mkdtemp(prefix="wire-"))  # not tmp_path: a socket's path must be short
        self._stack.callback(shutil.rmtree, folder)
        wire = Wire(target, folder)
        await wire.open()
        self._stack.push_async_callback(wire.close)
        made = Replica(
            parts._replace(query=f"host={folder}").geturl(),
            wire,
            timing,
            tuple((platform, tenant) for platform in platforms),
            local_concurrency,
        )
        self._stack.push_async_callback(made.database.close)
        if busy:
            made.gate.clear()
        await made.queue.start(made.process_next)
        self._stack.push_async_callback(made.queue.stop, 0.0)
        self._stack.callback(made.gate.set)
        return made

    async def rows(self, query: str, *values: Any) -> list[Any]:
        """Ask the server directly."""
        database = Database(self.url)
        try:
            async with database.begin() as tx:
                result = await tx.exec_driver_sql(query, values)
                return list(result) if result.returns_rows else []
        finally:
            await database.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds, for a third of the time that :data:`RARELY_S` takes."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not condition():
            assert loop.time() - began < RARELY_S / 3, "waited in vain"
            await asyncio.sleep(0.005)


@pytest.fixture
async def cluster(migrated_postgres_url: str) -> AsyncIterator[Cluster]:
    """A migrated PostgreSQL without replicas yet."""
    async with AsyncExitStack() as stack:
        yield Cluster(migrated_postgres_url, stack)


@pytest.fixture
def question() -> Callable[[int, int], MessageReceived]:
    """Make the n-th question of a conversation."""
    return said


@pytest.fixture
def fast() -> ClusterTiming:
    """The cluster's timing in these tests."""
    return FAST
