"""What many streams at once cost: CPU and memory of the service process, and delays under load.

Three processes: Kimi and Telegram as stand-ins (``python -m tests.bench.load stage``), the service
(``python -m tests.bench.load service``), and this one, which tells them by lines on their standard
input when to act. Telegram's limit over all chats is lifted on both sides, so that every stream has
the same budget whatever their number: one call a second and a burst of three.
"""

import asyncio
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bots.cli.terminal import run_async
from tests.bench.stage import Stage, delays_s

SECONDS = 20.0
PER_S = 40.0
SETTLE_S = 6.0  #: from the questions until every stream runs
MEASURED_S = 12.0
UNLIMITED_PER_S = 6_000  #: the most that the setting takes


async def _lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    return reader


def _tell(fields: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


async def stage_process(streams: int, per_s: float) -> None:
    """Be Kimi and Telegram: ask on the first line, tell what was seen on the second."""
    async with Stage("dm", rooms=streams, seconds=SECONDS, per_s=per_s, limited=False) as stage:
        _tell(stage.settings())
        lines = await _lines()
        await lines.readline()
        used, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
        await stage.ask()
        complete = await stage.shown(SECONDS + 120.0)
        spent, took_s = resource.getrusage(resource.RUSAGE_SELF), time.monotonic() - began
        delays = sorted(delays_s(stage.rooms))
        _tell(
            {
                "stand_ins_cpu_share": (spent.ru_utime + spent.ru_stime - used.ru_utime - used.ru_stime)
                / took_s,
                "complete": complete,
                "p50_s": delays[len(delays) // 2],
                "p95_s": delays[int(len(delays) * 0.95)],
                "mean_s": sum(delays) / len(delays),
                "calls": stage.calls,
                "refused": stage.refused,
                "first_at": min(room.words[0] for room in stage.rooms),
                "last_at": max(room.words[-1] for room in stage.rooms),
                "call_times": [call.at for call in stage.sim.calls],
                "chunk_times": sorted(at for room in stage.rooms for at in room.words),
            }
        )


async def service_process(settings: dict[str, Any]) -> None:
    """Be the service; for every line tell time, CPU seconds and resident bytes."""
    import structlog

    from bots.composition.platform_wiring import build_platforms
    from bots.composition.service import Service, running_service
    from core.domain.clock import SystemClock
    from core.settings import Settings

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    made = Settings(**settings)
    service = Service(made, build_platforms(made, frozenset({"telegram"}), SystemClock()), web=False)
    async with running_service(service):
        _tell({"started": True})
        lines = await _lines()
        while await lines.readline():
            used = resource.getrusage(resource.RUSAGE_SELF)
            _tell({"at": time.monotonic(), "cpu_s": used.ru_utime + used.ru_stime, "rss_bytes": _rss_bytes()})


def _rss_bytes() -> int:
    """Return resident memory; its peak where the system does not tell the present."""
    status = Path("/proc/self/statm")
    if status.exists():
        return int(status.read_text("ascii").split()[1]) * resource.getpagesize()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Child:
    """One of the processes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, *arguments: str) -> "Child":
        """Start ``python -m tests.bench.load`` with arguments."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.load", *arguments), stdin=pipe, stdout=pipe, limit=2**28
        )
        return cls(process)

    async def hears(self) -> dict[str, Any]:
        """Return what the process tells next.

        Raises:
            RuntimeError: it ended instead.
        """
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the benchmark ended early; see its output above")
        found: dict[str, Any] = json.loads(line)
        return found

    def says(self) -> None:
        """Send the process a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")

    async def asks(self) -> dict[str, Any]:
        """Send a line and return what comes back."""
        self.says()
        return await self.hears()

    async def end(self) -> None:
        """End the process."""
        if self._process.returncode is None:
            self._process.terminate()
        await self._process.wait()


async def measure_load(streams: int, per_s: float = PER_S) -> dict[str, Any]:
    """Run so many streams at once and return what they cost."""
    children: list[Child] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            stage = await Child.start("stage", str(streams), str(per_s))
            children.append(stage)
            settings = await stage.hears()
            settings |= {
                "telegram_all_per_s": UNLIMITED_PER_S,
                "database_url": f"sqlite:///{Path(folder) / 'bench.db'}",
                "http_port": 0,
                "unlisted_user_messages_per_day": 0,
                "flood_messages_per_minute": 0,
                "duplicates_per_10_min": 0,
                "shutdown_grace_s": 1.0,
            }
            service = await Child.start("service", json.dumps(settings))
            children.append(service)
            await service.hears()
            idle = await service.asks()
            stage.says()
            await asyncio.sleep(SETTLE_S)
            before = await service.asks()
            await asyncio.sleep(MEASURED_S)
            after = await service.asks()
            seen = await stage.hears()
        finally:
            for child in reversed(children):
                await child.end()
    return _cost(streams, per_s, idle, before, after, seen)


def _cost(
    streams: int,
    per_s: float,
    idle: dict[str, Any],
    before: dict[str, Any],
    after: dict[str, Any],
    seen: dict[str, Any],
) -> dict[str, Any]:
    def within(times: list[float]) -> int:
        return sum(before["at"] <= at < after["at"] for at in times)

    frames, chunks = within(seen.pop("call_times")), within(seen.pop("chunk_times"))
    cpu_s, took_s = after["cpu_s"] - before["cpu_s"], after["at"] - before["at"]
    lasted_s = seen.pop("last_at") - seen.pop("first_at")
    return seen | {
        "streams": streams,
        "chunks_per_s_each": per_s,
        "chunks_per_s": chunks / took_s,
        "frames_per_s": frames / took_s,
        "cpu_share": cpu_s / took_s,
        "cpu_us_per_chunk_all_in": cpu_s / max(1, chunks) * 1e6,
        "rss_kib_per_stream": (after["rss_bytes"] - idle["rss_bytes"]) / 1024 / streams,
        "rss_idle_mib": idle["rss_bytes"] / 2**20,
        "stream_lasted_s": lasted_s,
    }


def split_cost(fast: dict[str, Any], slow: dict[str, Any]) -> dict[str, float]:
    """Tell a chunk's cost from a frame's by two runs that differ in chunks a second only."""
    chunks = fast["chunks_per_s"] - slow["chunks_per_s"]
    frames = fast["frames_per_s"] - slow["frames_per_s"]
    # Two equations: share = chunks * a + frames * b.
    determinant = fast["chunks_per_s"] * slow["frames_per_s"] - slow["chunks_per_s"] * fast["frames_per_s"]
    chunk_s = (
        fast["cpu_share"] * slow["frames_per_s"] - slow["cpu_share"] * fast["frames_per_s"]
    ) / determinant
    frame_s = (slow["cpu_share"] - slow["chunks_per_s"] * chunk_s) / slow["frames_per_s"]
    return {
        "cpu_us_per_chunk": chunk_s * 1e6,
        "cpu_us_per_frame": frame_s * 1e6,
        "chunks_per_s_apart": chunks,
        "frames_per_s_apart": frames,
    }


if __name__ == "__main__":
    if sys.argv[1] == "stage":
        run_async(stage_process(int(sys.argv[2]), float(sys.argv[3])))
    else:
        run_async(service_process(json.loads(sys.argv[2])))
