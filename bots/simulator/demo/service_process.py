"""The demo's service as a process of its own, so that it can be killed in the middle of an answer."""

import asyncio
import contextlib
import os
import pickle
import sys

import orjson

from core.domain.errors import SettingsError
from core.settings import Settings

STOP_DEADLINE_S = 10.0  #: a service that has not stopped by then is killed
CHILD = "bots.simulator.demo.service_main"


class ServiceProcess:
    """One process of the service, which can be stopped or killed, and started again on what it has stored."""

    def __init__(self, settings: Settings) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    @property
    def console_url(self) -> str:
        """The console's address; the same after each start. "" before the first one."""
        port = self._settings.console_port
        return f"http://{self._settings.console_host}:{port}" if port else ""

    async def start(self) -> None:
        """Start the process and wait until it serves.

        Raises:
            SettingsError: it cannot start; with one clear line for each fault.
        """
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            CHILD,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,  # Ctrl-C in the terminal is for the demo, which then stops the service
        )
        assert process.stdin is not None  # noqa: S101 (it was asked for)
        assert process.stdout is not None  # noqa: S101 (it was asked for)
        process.stdin.write(pickle.dumps(self._settings))
        facts = orjson.loads(await process.stdout.readline() or b"{}")
        if "console_port" not in facts:
            await self.stop()
            raise SettingsError(facts.get("faults", ["The service ended at its start."]))
        self._settings = self._settings.model_copy(update=facts)

    async def stop(self) -> None:
        """End the process in order: its running answers are left to the next one."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101 (it was asked for)
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_DEADLINE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def kill(self) -> None:
        """End the process at once, as ``kill -9`` does; it can store and say nothing more."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
