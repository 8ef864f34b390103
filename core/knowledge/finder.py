"""From a question to the passages that answer it: the database's candidates, in our own order."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.knowledge.ranking import FLOOR, Corpus, Wanted, rank, rare_enough, wanted_of
from core.store import Transaction, passages
from core.store.passages import Entry

MOST_CANDIDATES = 500  #: that the database hands over
MOST_FOUND = 5
MOST_FOLLOWING = 3  #: words of a question that may be the rest of the one before


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One passage that may answer a question."""

    number: int  #: 1 for the best
    entry: Entry
    score: float  #: BM25; to compare within one search only
    coverage: float  #: 0 … 1, the share of the question that it covers


async def find(
    tx: Transaction,
    set_ids: Collection[int],
    question: str,
    *,
    before: str = "",
    limit: int = MOST_FOUND,
    floor: float = FLOOR,
) -> Sequence[Found]:
    """Return the passages of some sets that answer a question, best first; none where none is relevant.

    A short question that finds nothing ("and to Japan?") is read as the rest of the one ``before`` it.

    Raises:
        StoreUnavailable: they could not be read.
    """
    if not set_ids:
        return []
    # The dictionary's first use takes a moment.
    wanted = await asyncio.to_thread(wanted_of, question)
    found = await _found(tx, set_ids, wanted, limit=limit, floor=floor)
    if found or not before or len(wanted) > MOST_FOLLOWING:
        return found
    together = await asyncio.to_thread(wanted_of, f"{before}\n{question}")
    return await _found(tx, set_ids, together, limit=limit, floor=floor)


async def _found(
    tx: Transaction, set_ids: Collection[int], wanted: Sequence[Wanted], *, limit: int, floor: float
) -> Sequence[Found]:
    terms = sorted({term for one in wanted for term in one.all})
    count, mean_length = await passages.size(tx, set_ids)
    if not terms or not count:
        return []
    corpus = Corpus(
        passages=count,
        mean_length=mean_length,
        frequencies=await passages.frequencies(tx, set_ids, terms),
    )
    looked_for = rare_enough(wanted, corpus, most=MOST_CANDIDATES)
    entries = sorted(
        await passages.candidates(tx, set_ids, looked_for, limit=MOST_CANDIDATES),
        key=lambda entry: (entry.document, entry.label, entry.uid),
    )
    ranked = await asyncio.to_thread(
        rank, wanted, [(entry.words, entry.length) for entry in entries], corpus, floor=floor
    )
    return [
        Found(number=number, entry=entries[one.index], score=one.score, coverage=one.coverage)
        for number, one in enumerate(ranked[:limit], start=1)
    ]
