"""How cost grows with work: chunks with streams, questions with conversations, searches with passages.

``python -m tests.bench growth`` prints each with its exponent: 1 is linear, 0 does not grow. CPU seconds are
those of the service's process, or of this one; they mean more than delays on a busy machine.
"""

import asyncio
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any, Final

from sqlalchemy import text

from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service
from core.domain.clock import SystemClock
from core.knowledge.lexical_query import parse_lexical_query
from core.knowledge.ranking import PassageRanker
from core.knowledge.segment import build_segment
from core.settings import Settings
from core.store import Database, migrate
from tests.bench.first_request import Arrival
from tests.bench.load import measure_load
from tests.bench.retrieval import LIMIT, demo_passages, demo_questions
from tests.bench.stage import Stage

STREAMS: Final = (1, 10, 100, 500)
CONVERSATIONS: Final = (100, 1_000, 10_000, 100_000)  #: each with a question and an answer
PASSAGES: Final = (100, 1_000, 10_000)
WARM_UP: Final = 5  #: questions before the measured ones
QUESTIONS: Final = 25

Row = dict[str, Any]

_PAST: Final = (
    """
INSERT INTO conversations (id, platform, tenant, channel, thread, chat_type, history_cutoff_seq, created_at)
SELECT i, 'telegram', '1', CAST(900000000 + i AS VARCHAR(32)), '', 'direct', -1, :moment FROM n
""",
    """
INSERT INTO messages (conversation_id, seq, role, author_id, author_name, text, created_at)
SELECT i, 2 * i - 1, 'user', 'U', 'Ann', 'Question ' || i || :words, :moment FROM n
""",
    """
INSERT INTO messages (conversation_id, seq, role, author_id, author_name, text, created_at)
SELECT i, 2 * i, 'assistant', '', '', 'Answer ' || i || :words, :moment FROM n
""",
)


async def growth() -> Row:
    """Return for each kind of work its points (size, cost) and the exponent of the total cost."""
    streams = [(count, await _chunks(count)) for count in STREAMS]
    conversations = [(count, await _question_ms(count)) for count in CONVERSATIONS]
    passages = [(count, _search_ms(count)) for count in PASSAGES]
    return {
        "chunks": _curve("streams of 40 chunks a second", "CPU seconds a second", streams),
        "conversations": _curve("conversations known", "CPU ms, event to Kimi's request", conversations),
        "knowledge": _curve("passages", "CPU ms a search by words", passages),
    }


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Return the slope of the line through the logarithms of sizes and costs, by least squares."""
    xs, ys = [math.log(size) for size, _ in points], [math.log(cost) for _, cost in points]
    x_mean, y_mean = fmean(xs), fmean(ys)
    above = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return above / sum((x - x_mean) ** 2 for x in xs)


def _curve(size: str, cost: str, points: Sequence[tuple[int, float]]) -> Row:
    return {"size": size, "cost": cost, "points": points, "exponent": round(exponent(points), 2)}


async def _chunks(streams: int) -> float:
    """Return the CPU seconds that the service takes for a second of so many streams."""
    row = await measure_load(streams)
    return float(row["cpu_share"])


async def _question_ms(conversations: int) -> float:
    """Return the median CPU milliseconds from an event to Kimi's request, with so many conversations."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        await migrate.upgrade(url)
        database = Database(url)
        try:
            await _store_past(database, conversations)
        finally:
            await database.close()
        async with Stage("dm", rooms=WARM_UP + QUESTIONS, seconds=0.05, per_s=100, limited=False) as stage:
            stage.kimi.script = arrival = Arrival()
            given = stage.settings() | {"database_url": url, "http_port": 0}
            settings = Settings(**given, data_dir=Path(folder))
            platforms = build_platforms(settings, frozenset({stage.platform}), SystemClock())
            service = Service(settings, platforms, clock=SystemClock(), web=False)
            await service.start()
            try:
                found = [await arrival.after(stage, room) for room in stage.rooms][WARM_UP:]
            finally:
                await service.stop()
    return median(cpu_ms for _, cpu_ms in found)


async def _store_past(database: Database, conversations: int) -> None:
    values = {"moment": "2026-11-20 10:00:00.000000", "words": ": " + "some words of it " * 12}
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {conversations}) "  # noqa: S608
    async with database.begin() as tx:
        for statement in _PAST:
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            await tx.execute(text(numbers + statement), names)


def _search_ms(passages: int) -> float:
    """Return the median of the CPU milliseconds of a search among so many passages."""
    ranker = PassageRanker([build_segment(demo_passages("lantern", passages))])
    took = []
    for _ in range(2):  # the second question about a word is cheaper: measure like a running service
        took.clear()
        for question in demo_questions("lantern"):
            began = time.process_time()
            ranker.rank(parse_lexical_query(question), limit=LIMIT)
            took.append(1_000 * (time.process_time() - began))
    return median(took)


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(asyncio.run(growth())) + "\n")
