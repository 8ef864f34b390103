"""Milliseconds from an event to Kimi's request: questions one after another, in real time, on SQLite.

Stand-ins, service and Kimi share one process. The time runs from the moment at which a person asks to the
one at which the request is at Kimi; CPU time, that of the whole process, tells more on a busy machine.
"""

import asyncio
import gc
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service
from bots.simulator.kimi import ScriptedReply, SeenRequest
from core.domain.clock import SystemClock
from core.settings import Settings
from tests.bench.stage import Place, Room, Stage

PLACES: Final[tuple[Place, ...]] = ("dm", "group", "stream")
WARM_UP: Final = 10  #: questions before the measured ones
PATIENCE_S: Final = 20.0
PAUSE_S: Final = 0.3  #: after a request, for its answer and the end of the turn


class Arrival:
    """Kimi's script; notes when a request has arrived."""

    def __init__(self) -> None:
        self._arrived = asyncio.Event()
        self._at = (0.0, 0.0)

    def __call__(self, request: SeenRequest) -> ScriptedReply:
        """Note the times, and answer at once."""
        if not self._arrived.is_set():
            self._at = _now()
            self._arrived.set()
        return ScriptedReply("Yes.", first_after_s=0.01)

    async def after(self, stage: Stage, room: Room) -> tuple[float, float, float]:
        """Ask in a room and let the turn end.

        Returns:
            Milliseconds of the wall and of the CPU until Kimi has the question, and of the CPU to the end.
        """
        self._arrived.clear()
        gc.collect()
        began = _now()
        await stage.ask_in(room)
        await asyncio.wait_for(self._arrived.wait(), PATIENCE_S)
        await asyncio.sleep(PAUSE_S)
        ended = _now()
        spent = (self._at[0] - began[0], self._at[1] - began[1], ended[1] - began[1])
        wall_ms, cpu_ms, turn_cpu_ms = (seconds * 1000 for seconds in spent)
        return wall_ms, cpu_ms, turn_cpu_ms


async def measure_requests(questions: int = 100) -> dict[str, Any]:
    """Return the percentiles for each place; each question begins a conversation of its own."""
    return {place: await _measure(place, questions) for place in PLACES}


async def _measure(place: Place, questions: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        async with Stage(place, rooms=WARM_UP + questions, seconds=0.05, per_s=100, limited=False) as stage:
            stage.kimi.script = arrival = Arrival()
            given = stage.settings() | {"database_url": f"sqlite:///{folder}/b.db", "http_port": 0}
            settings = Settings(**given, data_dir=Path(folder))
            platforms = build_platforms(settings, frozenset({stage.platform}), SystemClock())
            service = Service(settings, platforms, clock=SystemClock(), web=False)
            await service.start()
            try:
                await stage.connected()
                found = [await arrival.after(stage, room) for room in stage.rooms][WARM_UP:]
            finally:
                await service.stop()
    wall_ms, cpu_ms, turn_cpu_ms = zip(*found, strict=True)
    return {
        "questions": questions,
        "p50_ms": round(median(wall_ms), 2),
        "p95_ms": round(quantiles(wall_ms, n=20)[-1], 2),
        "cpu_p50_ms": round(median(cpu_ms), 2),
        "turn_cpu_p50_ms": round(median(turn_cpu_ms), 2),
    }


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()
