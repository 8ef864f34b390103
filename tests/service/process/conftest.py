"""The real console script as a process, with stand-ins in the test's own process.

They outlive every kill. All of it runs on the machine's clock.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bots.simulator.kimi import KimiSimulator, answer_with
from bots.simulator.slack import Limits as SlackLimits
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import Limits as TelegramLimits
from bots.simulator.telegram import TelegramSimulator

SCRIPT = Path(sys.executable).with_name("moonthread")


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on the machine's clock: the processes do."""
    return {"system": asyncio.new_event_loop}


@dataclass(eq=False)
class Process:
    """``moonthread run``, over and over on the same database."""

    folder: Path
    environ: dict[str, str]
    running: asyncio.subprocess.Process | None = None
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / "log.txt"

    async def start(self) -> None:
        """Start it, and do not wait until it is up."""
        with self.log.open("ab") as log:
            self.running = await asyncio.create_subprocess_exec(
                SCRIPT, "run", cwd=self.folder, env=self.environ, stdout=log, stderr=log
            )

    async def kill(self) -> None:
        """Send SIGKILL to it, while it runs."""
        assert self.running is not None
        assert self.running.returncode is None, self.log.read_text()[-3000:]
        self.running.kill()
        await self.running.wait()

    async def end(self) -> int:
        """Send SIGTERM to it and return its exit status."""
        assert self.running is not None
        if self.running.returncode is None:
            self.running.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.running.wait(), timeout=100)


@pytest.fixture
async def stand_ins() -> AsyncIterator[tuple[KimiSimulator, TelegramSimulator, SlackSimulator]]:
    """Kimi, Telegram and Slack, without limits: a process that starts anew cannot know what is spent."""
    # What Slack could not deliver it tries again after a minute; here after a moment.
    slack = SlackSimulator(limits=SlackLimits(enabled=False, retries_after_s=(0.25,) * 200))
    telegram = TelegramSimulator(limits=TelegramLimits(enabled=False))
    async with KimiSimulator(script=answer_with("Hello there.")) as kimi, telegram, slack:
        yield kimi, telegram, slack


@pytest.fixture
async def process(tmp_path: Path, stand_ins: Any) -> AsyncIterator[Process]:
    """The service's process, killed at the end where it still runs."""
    kimi, telegram, slack = stand_ins
    made = Process(
        tmp_path,
        {
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "LANG": "C.UTF-8",
            "KIMI_API_KEY": "sk-test",
            "KIMI_BASE_URL": kimi.base_url,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'moonthread.db'}",
            "TELEGRAM_BOT_TOKEN": "1:test",
            "TELEGRAM_API_URL": telegram.api_url,
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url.rstrip("/"),
            "MOONTHREAD_HTTP_PORT": "0",
            "MOONTHREAD_LOG_FORMAT": "json",
        },
    )
    yield made
    if made.running is not None and made.running.returncode is None:
        made.running.kill()
        await made.running.wait()
