"""The process in which the demo's service runs: ``python -m bots.simulator.demo.service_main``.

Reads its settings from standard input, writes one line of JSON to standard output when the service has
started or cannot start, and stops when standard input ends: also if the demo itself is gone.
"""

import asyncio
import pickle
import sys
import threading

import orjson

from bots.cli.terminal import error_lines, run_async
from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service
from bots.observability import logging_setup
from core.domain.clock import SystemClock
from core.domain.errors import MoonthreadError
from core.settings import Settings


async def serve(settings: Settings) -> None:
    """Run the service until standard input ends."""
    input_ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(input_ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    service = Service(settings, build_platforms(settings, settings.platforms, SystemClock()), web=False)
    try:
        await service.start()
    except MoonthreadError as exc:
        _report(faults=error_lines(exc))
        return
    _report(console_port=service.console.port if service.console is not None else 0)
    await input_ended.wait()
    await service.stop()


def _report(**facts: object) -> None:
    sys.stdout.buffer.write(orjson.dumps(facts) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    logging_setup.configure("warning")
    run_async(serve(pickle.load(sys.stdin.buffer)))  # noqa: S301 (written by the demo, see service_process)
