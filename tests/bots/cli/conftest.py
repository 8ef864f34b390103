"""The command line in a clean environment, with a scripted Kimi.

``moonthread(…)`` runs a command in this process, in a thread of its own, as ``main`` would be called by the
console script; ``moonthread.start(…)`` starts the real console script in a process of its own, for tests
about signals, terminals and servers.
"""

import asyncio
import contextlib
import io
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import pytest
import structlog

from bots.cli import main
from bots.simulator.kimi import KimiSimulator, answer_with

SCRIPT = Path(sys.executable).with_name("moonthread")


@dataclass(frozen=True)
class Done:
    """Output and exit status of one command."""

    status: int
    out: str
    err: str


@dataclass
class Console:
    """Runs ``moonthread`` in an empty folder, with none of this machine's settings."""

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def __call__(self, *arguments: str, piped: str = "") -> Done:
        """Run a command to its end in this process; ``piped`` is its standard input."""
        return await asyncio.to_thread(self._run, arguments, piped)

    async def start(self, *arguments: str, terminal: int | None = None) -> asyncio.subprocess.Process:
        """Start the console script, on a terminal or on pipes, and return its process."""
        stream = asyncio.subprocess.PIPE if terminal is None else terminal
        process = await asyncio.create_subprocess_exec(
            SCRIPT,
            *arguments,
            stdin=stream,
            stdout=stream,
            stderr=stream,
            cwd=self.folder,
            env=self._environment(),
        )
        self.processes.append(process)
        return process

    async def in_own_process(self, *arguments: str) -> Done:
        """Run the console script to its end in a process of its own."""
        process = await self.start(*arguments)
        out, err = await asyncio.wait_for(process.communicate(), timeout=100)
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def shell(self, line: str) -> Done:
        """Run a line in a shell to its end."""
        process = await asyncio.create_subprocess_shell(
            line,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
            env=self._environment() | {"PATH": os.environ["PATH"]},
        )
        self.processes.append(process)
        out, err = await asyncio.wait_for(process.communicate(), timeout=100)
        return Done(process.returncode or 0, out.decode(), err.decode())

    async def interrupted(self, *arguments: str, after: str) -> Done:
        """Start a command, press Ctrl-C once it has shown ``after``, and return how it ended."""
        process = await self.start(*arguments)
        process.stdin.close()
        shown = await asyncio.wait_for(process.stdout.readuntil(after.encode()), timeout=100)
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), timeout=100)
        return Done(process.returncode or 0, (shown + out).decode(), err.decode())

    def _environment(self) -> dict[str, str]:
        clean = {"HOME": str(self.folder), "LANG": "C.UTF-8", "NO_COLOR": "1", "COLUMNS": "200"}
        return clean | self.environ

    def _run(self, arguments: tuple[str, ...], piped: str) -> Done:
        stdin, stdout, stderr = (
            io.TextIOWrapper(io.BytesIO(content), encoding="utf-8") for content in (piped.encode(), b"", b"")
        )
        status = 0
        with (
            mock.patch.dict(os.environ, self._environment(), clear=True),
            mock.patch.object(sys, "argv", ["moonthread", *arguments]),
            mock.patch.object(sys, "stdin", stdin),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
            contextlib.chdir(self.folder),
        ):
            try:
                main()
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        return Done(status, _text(stdout), _text(stderr))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


@pytest.fixture
def _logging_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave logging as it was: a command configures it for its process, which here is ours.

    Loggers are not cached meanwhile, because they would keep the command's configuration.
    """
    root, ours = logging.getLogger(), logging.getLogger("moonthread")
    before = root.level, list(root.handlers), ours.level
    configure = structlog.configure
    monkeypatch.setattr(
        structlog, "configure", lambda **given: configure(**given | {"cache_logger_on_first_use": False})
    )
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    ours.setLevel(before[2])
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
async def kimi() -> AsyncIterator[KimiSimulator]:
    """A strict Kimi that says hello; its key is "sk-test"."""
    async with KimiSimulator(script=answer_with("Hello, you.", chunks_per_s=1000)) as kimi:
        yield kimi


@pytest.fixture
async def moonthread(tmp_path: Path, _logging_restored: None) -> AsyncIterator[Console]:
    """The command line with nothing set; processes that a test leaves running are killed."""
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
