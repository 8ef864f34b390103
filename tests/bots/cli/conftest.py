"""The real console script in a process of its own, with a clean environment and a scripted Kimi."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bots.simulator.kimi import KimiSimulator, answer_with

SCRIPT = Path(sys.executable).with_name("moonthread")


@dataclass(frozen=True)
class Done:
    """What one command said, and its exit status."""

    status: int
    out: str
    err: str


@dataclass
class Console:
    """Runs ``moonthread`` in an empty folder, where nothing of this machine is set."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, *arguments: str, terminal: int | None = None) -> asyncio.subprocess.Process:
        """Start a command, on a terminal or on pipes, and return its process."""
        way = asyncio.subprocess.PIPE if terminal is None else terminal
        clean = {"HOME": str(self.folder), "LANG": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "200"}
        process = await asyncio.create_subprocess_exec(
            SCRIPT,
            *arguments,
            stdin=way,
            stdout=way,
            stderr=way,
            cwd=self.folder,
            env=clean | self.environ,
        )
        self.processes.append(process)
        return process

    async def __call__(self, *arguments: str, piped: str = "", interrupt_after: str = "") -> Done:
        """Run a command to its end; press Ctrl-C once it has shown ``interrupt_after``."""
        process = await self.start(*arguments)
        shown = b""
        if interrupt_after:
            process.stdin.close()
            shown = await asyncio.wait_for(process.stdout.readuntil(interrupt_after.encode()), timeout=60)
            process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(piped.encode()), timeout=60)
        return Done(process.returncode or 0, (shown + out).decode(), err.decode())


@pytest.fixture
async def kimi() -> AsyncIterator[KimiSimulator]:
    """A strict Kimi that says hello; its key is "sk-test"."""
    async with KimiSimulator(script=answer_with("Hello, you.", chunks_per_s=1000)) as kimi:
        yield kimi


@pytest.fixture
async def moonthread(tmp_path: Path) -> AsyncIterator[Console]:
    """The command line with nothing set; what a test leaves running is ended."""
    console = Console(tmp_path)
    yield console
    for process in console.processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
def with_kimi(moonthread: Console, kimi: KimiSimulator) -> Console:
    """The command line with a key and a Kimi."""
    moonthread.environ |= {"KIMI_API_KEY": "sk-test", "KIMI_BASE_URL": kimi.base_url}
    return moonthread
