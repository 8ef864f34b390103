"""An hour's soak, compressed: thousands of turns one after the other, and what they leave behind.

``python -m tests.bench.soak [TURNS] [postgres]`` prints one JSON object. The service is a process of
its own; Kimi and Telegram stand in this one. People ask as soon as they are answered; everything that
the service holds (memory, tasks, threads, file handles, connections, objects) is counted after a tenth
of the turns and after all of them, both times at rest.
"""

import asyncio
import gc
import json
import math
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil

from bots.cli.terminal import run_async
from bots.simulator.kimi import Account, KimiSimulator, ScriptedReply
from bots.simulator.telegram import Limits, TelegramSimulator

TURNS = 20_000
AT_ONCE = 24  #: people who wait for an answer at the same time
PEOPLE = 480
PATIENCE_S = 180.0
REST_S = 4.0  #: of quiet before things are counted
POOL = 8  #: connections with the database
KEPT_ALIVE = 32  #: HTTP connections that Kimi's client may keep open for the next call
FAST = {"telegram_private_per_minute": 600, "telegram_private_burst": 10, "telegram_all_per_s": 1000}
OPEN = {
    "unlisted_user_messages_per_day": 0,
    "flood_messages_per_minute": 0,
    "duplicates_per_10_min": 0,
    "while_answering": "queue",
}

Row = dict[str, Any]


def _held() -> Row:
    """Count what this process holds."""
    gc.collect()
    process = psutil.Process()
    with process.oneshot():
        times = process.cpu_times()
        found = {
            "rss_mb": round(process.memory_info().rss / 2**20, 1),
            "cpu_s": times.user + times.system,
            "handles": process.num_fds() if hasattr(process, "num_fds") else 0,
            "connections": len(process.net_connections(kind="all")),
        }
    found |= {"tasks": len(asyncio.all_tasks()), "threads": threading.active_count()}
    return found | {"objects": len(gc.get_objects())}


def _kinds() -> Counter[str]:
    return Counter(type(one).__qualname__ for one in gc.get_objects())


async def service_process(settings: Row) -> None:
    """Be the service; for every line on standard input tell what is held."""
    import structlog

    from bots.composition.platform_wiring import build_platforms
    from bots.composition.service import Service, running_service
    from core.domain.clock import SystemClock
    from core.settings import Settings

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    made = Settings(**settings)
    service = Service(made, build_platforms(made, frozenset({"telegram"}), SystemClock()), web=False)
    async with running_service(service):
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
        )
        async with AsyncExitStack() as held:  # open every connection of the pool: it keeps them for good
            for _ in range(POOL):
                await held.enter_async_context(service.database.read())
        _tell({"started": True})
        before = _kinds()
        while await lines.readline():
            kinds = _kinds()
            grown = (kinds - before).most_common(6)
            before = kinds
            _tell({**_held(), "grown": dict(grown)})


def _tell(fields: Row) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


class People:
    """Those who ask: each question as soon as the one before is answered."""

    def __init__(self, sim: TelegramSimulator) -> None:
        people = [sim.add_person(f"Person {number}") for number in range(PEOPLE)]
        self._rooms = [(sim.private_chat(person), person) for person in people]
        self._sim = sim
        self._asked = 0
        self._waiting: dict[str, asyncio.Event] = {}

    async def ask(self, turns: int) -> None:
        """Let so many questions be asked and answered."""
        until = self._asked + turns
        with self._sim.screen.watching() as frames:
            reading = asyncio.create_task(self._read(frames))
            try:
                await asyncio.gather(*(self._keep_asking(until) for _ in range(AT_ONCE)))
            finally:
                reading.cancel()
        # The stand-in's memory is not the service's, but takes time to look through.
        self._sim.screen.frames.clear()
        self._sim.calls.clear()

    async def _keep_asking(self, until: int) -> None:
        while self._asked < until:
            number = self._asked
            self._asked += 1
            chat, person = self._rooms[number % len(self._rooms)]
            answered = self._waiting[f"Answer {number}."] = asyncio.Event()
            await self._sim.say(chat, person, f"Question {number}")
            try:
                await asyncio.wait_for(answered.wait(), PATIENCE_S)
            except TimeoutError:
                shown = [one.text for one in self._sim.screen.in_channel(str(chat), by_bot=True)[-3:]]
                raise SystemExit(
                    f"soak: question {number} was not answered; its chat shows {shown}"
                ) from None

    async def _read(self, frames: "asyncio.Queue[Any]") -> None:
        while True:
            frame = await frames.get()
            if (answered := self._waiting.pop(frame.message.text, None)) is not None:
                answered.set()


async def soak(turns: int = TURNS, *, postgres: bool = False) -> Row:
    """Run so many turns; return what was held after a tenth of them and after all."""
    async with AsyncExitStack() as stack:
        kimi = await stack.enter_async_context(KimiSimulator(account=Account.unlimited()))
        kimi.script = lambda request: ScriptedReply(
            f"Answer {request.question.rsplit(' ', 1)[-1]}.", chunks_per_s=math.inf
        )
        sim = await stack.enter_async_context(TelegramSimulator(limits=Limits(enabled=False)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = {
            "kimi_api_key": "sk-test",
            "kimi_base_url": kimi.base_url,
            "telegram_bot_token": "1:test",
            "telegram_api_url": sim.api_url,
            "database_url": f"sqlite:///{folder / 'soak.db'}",
            "data_dir": str(folder),
            **FAST,
            **OPEN,
        }
        if postgres:
            from tests.scaleout.conftest import Server

            server = await asyncio.to_thread(Server)
            stack.callback(server.close)
            settings["database_url"] = server.url
        child = await _child(settings, stack)
        people = People(sim)
        steps = []
        for _ in range(10):
            began = time.monotonic()
            await people.ask(turns // 10)
            took_s = time.monotonic() - began
            kimi.requests.clear()
            await asyncio.sleep(REST_S)
            sys.stderr.write(f"soak: {len(steps) + 1} tenths of {turns} turns\n")
            steps.append({**await child(), "turns_per_s": round(turns / 10 / took_s, 1)})
        return _judged(turns, steps)


async def _child(settings: Row, stack: AsyncExitStack) -> Any:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.soak", "service", json.dumps(settings)), stdin=pipe, stdout=pipe
    )

    async def end() -> None:
        if process.returncode is None:
            process.terminate()
        await process.wait()

    stack.push_async_callback(end)
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout
    assert json.loads(await stdout.readline()) == {"started": True}

    async def held() -> Row:
        stdin.write(b"\n")
        await stdin.drain()
        row: Row = json.loads(await stdout.readline())
        return row

    return held


def _judged(turns: int, steps: list[Row]) -> Row:
    """Return the first and the last count, and what every thousand turns between them added."""
    first, last = steps[0], steps[-1]
    thousands = turns * 0.9 / 1000
    grew = {
        name: round((last[name] - first[name]) / thousands, 2)
        for name in ("rss_mb", "handles", "connections", "tasks", "threads", "objects")
    }
    return {
        "turns": turns,
        "turns_per_s": [step["turns_per_s"] for step in steps],
        "cpu_ms_per_turn": round((last["cpu_s"] - first["cpu_s"]) / thousands, 2),
        "rss_mb": [step["rss_mb"] for step in steps],
        "objects": [step["objects"] for step in steps],
        "after_a_tenth": first,
        "after_all": last,
        "grew_per_1000_turns": grew,
        # The allocator keeps some of what a burst needed: a leak goes on, in the last half too.
        "leaks": [
            name
            for name, most in (
                ("handles", KEPT_ALIVE),
                ("connections", KEPT_ALIVE),
                ("tasks", 0),
                ("threads", 0),
            )
            if last[name] > max(first[name], steps[len(steps) // 2][name]) + most
        ],
    }


def main(arguments: list[str]) -> None:
    """Be the service, or soak one."""
    if arguments[:1] == ["service"]:
        run_async(service_process(json.loads(arguments[1])))
        return
    turns = next((int(one) for one in arguments if one.isdigit()), TURNS)
    sys.stdout.write(json.dumps(run_async(soak(turns, postgres="postgres" in arguments)), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
