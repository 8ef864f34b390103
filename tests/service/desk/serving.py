"""The service as a process of its own on a fast clock, so that a test may kill it: ``serving.py SPEED``."""

import asyncio
import signal
import sys

from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service
from core.domain.clock import ScaledClock
from core.settings import load


async def serve(speed: float) -> None:
    """Serve with the environment's settings until SIGTERM."""
    settings, clock = load(), ScaledClock(speed)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    service = Service(settings, build_platforms(settings, settings.platforms, clock), clock=clock, web=False)
    await service.start()
    await stop.wait()
    await service.stop()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
