"""From a question to the passages that answer it: the database's candidates, in our own order."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.knowledge.ranking import (
    MIN_COVERAGE,
    CorpusStatistics,
    QueryTerm,
    parse_query_terms,
    rank,
    rarest_terms,
)
from core.store import Transaction, passages
from core.store.passages import StoredPassage

MAX_CANDIDATES = 500  #: that the database hands over
MAX_RESULTS = 5
MAX_FOLLOW_UP_TERMS = 3  #: words of a question that may be the rest of the one before


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    """One passage that may answer a question."""

    number: int  #: 1 for the best
    entry: StoredPassage
    score: float  #: BM25; to compare within one search only
    coverage: float  #: 0 … 1, the share of the question that it covers


async def find_passages(
    tx: Transaction,
    set_ids: Collection[int],
    question: str,
    *,
    previous_question: str = "",
    limit: int = MAX_RESULTS,
    min_coverage: float = MIN_COVERAGE,
) -> Sequence[FoundPassage]:
    """Return the passages of some sets that answer a question, best first; none where none is relevant.

    A short question that finds nothing ("and to Japan?") is read as the rest of the one ``before`` it.

    Raises:
        StoreUnavailable: they could not be read.
    """
    if not set_ids:
        return []
    # The dictionary's first use takes a moment.
    wanted = await asyncio.to_thread(parse_query_terms, question)
    found = await _search(tx, set_ids, wanted, limit=limit, min_coverage=min_coverage)
    if found or not previous_question or len(wanted) > MAX_FOLLOW_UP_TERMS:
        return found
    together = await asyncio.to_thread(parse_query_terms, f"{previous_question}\n{question}")
    return await _search(tx, set_ids, together, limit=limit, min_coverage=min_coverage)


async def _search(
    tx: Transaction,
    set_ids: Collection[int],
    query_terms: Sequence[QueryTerm],
    *,
    limit: int,
    min_coverage: float,
) -> Sequence[FoundPassage]:
    terms = sorted({term for one in query_terms for term in one.variants})
    count, mean_length = await passages.corpus_size(tx, set_ids)
    if not terms or not count:
        return []
    corpus = CorpusStatistics(
        passage_count=count,
        mean_length=mean_length,
        document_frequencies=await passages.document_frequencies(tx, set_ids, terms),
    )
    looked_for = rarest_terms(query_terms, corpus, max_passages=MAX_CANDIDATES)
    entries = sorted(
        await passages.find_candidates(tx, set_ids, looked_for, limit=MAX_CANDIDATES),
        key=lambda entry: (entry.document, entry.label, entry.uid),
    )
    ranked = await asyncio.to_thread(
        rank,
        query_terms,
        [(entry.words, entry.length) for entry in entries],
        corpus,
        min_coverage=min_coverage,
    )
    return [
        FoundPassage(number=number, entry=entries[one.index], score=one.score, coverage=one.coverage)
        for number, one in enumerate(ranked[:limit], start=1)
    ]
