"""How much CPU a question costs in a set of 5,000 passages, and whether the best passages are found.

``python -m tests.bench.retrieval`` prints one JSON object for each language. The passages are sentences of
the demo's documents, mixed anew, so that words and their frequencies are those of real texts. Bounded
candidates are compared with a scan of all passages.
"""

import asyncio
import csv
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bots.simulator.demo import knowledge as demo
from core.domain.clock import SystemClock
from core.embeddings import OfflineEncoder
from core.knowledge import ranking
from core.knowledge.embedding import PassageEmbedder
from core.knowledge.finder import PassageFinder
from core.knowledge.indexing import index_document
from core.knowledge.lexical_query import parse_lexical_query
from core.knowledge.ranking import PassageRanker
from core.knowledge.segment import PassageText, build_segment
from core.knowledge.vector_search import VectorSearch
from core.store import Database, knowledge, migrate
from core.store.knowledge import DEPLOYMENT

if TYPE_CHECKING:
    from core.ports.embedder import Vectors

PASSAGES = 5_000
EMBEDDED = 50  #: texts that the model encodes; the vectors of all 5,000 passages would take minutes
DIMENSIONS = 512
SENTENCES = 6  #: of a passage
LIMIT = 5
TICK_S = 0.002  #: between two looks at the event loop
LANGUAGES = {"zh": "tea", "en": "lantern"}

Row = dict[str, Any]


async def retrieval() -> Row:
    """Measure both languages; CPU in milliseconds for a question."""
    return {language: await _measure(name) for language, name in LANGUAGES.items()}


async def _measure(name: str) -> Row:
    questions, passages = demo_questions(name), demo_passages(name, PASSAGES)
    row: Row = {"passages": len(passages), "questions": len(questions)}
    row |= _rank(passages, questions)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/moonthread.db"
        await migrate.upgrade(url)
        database = Database(url)
        try:
            row |= await _search(database, passages, questions)
        finally:
            await database.close()
    return row


def _rank(passages: Sequence[PassageText], questions: Sequence[str]) -> Row:
    """Measure words and n-grams over all passages, and compare with a full scan."""
    ranker = PassageRanker([build_segment(passages)])
    took, found = _timed(ranker, questions)
    bounded = ranking.MAX_CANDIDATES
    ranking.MAX_CANDIDATES = sys.maxsize
    try:
        scanned, wanted = _timed(ranker, questions)
    finally:
        ranking.MAX_CANDIDATES = bounded
    pairs = list(zip(found, wanted, strict=True))
    hits = sum(len({*best[:3]} & {*ours}) for ours, best in pairs)
    return {
        "cpu_ms": _spread(took),
        "cpu_ms_full_scan": _spread(scanned),
        "same_first_percent": round(100 * sum(ours[:1] == best[:1] for ours, best in pairs) / len(pairs), 1),
        "best_three_found_percent": round(100 * hits / sum(len(best[:3]) for _, best in pairs), 1),
    }


def _timed(ranker: PassageRanker, questions: Sequence[str]) -> tuple[list[float], list[list[int]]]:
    for question in questions:  # the second question about a word is cheaper: measure like a running service
        ranker.rank(parse_lexical_query(question), limit=LIMIT)
    took, found = [], []
    for question in questions:
        began = time.process_time()
        best = ranker.rank(parse_lexical_query(question), limit=LIMIT)
        took.append(1_000 * (time.process_time() - began))
        found.append([one.passage for one in best])
    return took, found


async def _search(database: Database, passages: Sequence[PassageText], questions: Sequence[str]) -> Row:
    """Measure whole searches by words, and with vectors: the passages' are made up, the questions' not."""
    text = "# All\n\n" + "\n\n".join(f"## {one.headings}\n\n{one.text}" for one in passages)
    await index_document(database, DEPLOYMENT, "bench", name="bench.md", text=text, extension="md")
    encoder = _QuestionEncoder()
    await PassageEmbedder(database, encoder, SystemClock()).embed_pending()
    row: Row = {"embedding_cpu_ms_per_text": await encoder.measure([one.text for one in passages[:EMBEDDED]])}
    async with database.read() as tx:
        set_ids = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["bench"])
    for name, vectors in (("words", None), ("vectors", VectorSearch(database, encoder, SystemClock()))):
        finder = PassageFinder(database, vectors)
        for question in questions:
            await finder.find(set_ids, question)
        took = []
        for question in questions:
            began = time.process_time()
            await finder.find(set_ids, question)
            took.append(1_000 * (time.process_time() - began))
        stops = asyncio.create_task(_longest_stop_ms())  # for itself: it costs CPU too
        for question in questions:
            await finder.find(set_ids, question)
        stops.cancel()
        row[f"search_by_{name}"] = {"cpu_ms": _spread(took), "longest_loop_stop_ms": await stops}
    return row


class _QuestionEncoder:
    """The offline model for questions, and vectors by chance for passages."""

    model = "bench"

    def __init__(self) -> None:
        self._offline = OfflineEncoder()

    async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> "Vectors":
        """Return a matrix with a row of length 1 for each text; see ``Embedder``."""
        if is_question:
            return await self._offline.embed(texts)
        import numpy

        made = numpy.random.default_rng(len(texts)).standard_normal((len(texts), DIMENSIONS), numpy.float32)
        lengths: Vectors = numpy.linalg.norm(made, axis=1, keepdims=True)
        return made / lengths

    async def close(self) -> None:
        """Release the model."""
        await self._offline.close()

    async def measure(self, texts: Sequence[str]) -> float:
        """Return the milliseconds of CPU that the offline model takes for a text."""
        await self._offline.embed(texts[:1])
        began = time.process_time()
        await self._offline.embed(texts)
        return round(1_000 * (time.process_time() - began) / len(texts), 1)


async def _longest_stop_ms() -> float:
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(TICK_S)
            now = time.perf_counter()
            longest, last = max(longest, now - last - TICK_S), now
    except asyncio.CancelledError:
        return round(1_000 * longest, 1)


def _spread(values: Sequence[float]) -> Row:
    ordered = sorted(values)
    return {
        "best": round(ordered[0], 1),
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(0.95 * len(ordered))], 1),
        "max": round(ordered[-1], 1),
    }


def demo_questions(name: str) -> Sequence[str]:
    """Return the questions of a set of the demo."""
    with demo.questions(name).open(encoding="utf-8", newline="") as file:
        return [row[0] for row in csv.reader(file)][1:]


def demo_passages(name: str, count: int) -> Sequence[PassageText]:
    """Return so many passages, mixed of the sentences of a set of the demo; the same ones in every run."""
    chance = random.Random(7)  # noqa: S311
    texts = "\n".join(path.read_text(encoding="utf-8") for path in demo.documents(name))
    sentences = [one.strip(" #-") for one in re.split(r"[。！？\n]|(?<=[.!?])\s", texts) if len(one) > 8]
    return [
        PassageText(
            headings=chance.choice(sentences)[:60],
            text=" ".join(chance.choice(sentences) for _ in range(SENTENCES)),
        )
        for _ in range(count)
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(retrieval()), ensure_ascii=False) + "\n")
