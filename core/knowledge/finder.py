"""Search: candidates from the database's full-text index, ranked by :mod:`core.knowledge.ranking`.

No database connection is held while terms are cut or candidates ranked: both run in a thread.
"""

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
from core.store import Database, passages
from core.store.passages import StoredPassage

MAX_CANDIDATES = 500  #: passages that the database returns for one search
MAX_RESULTS = 5
MAX_FOLLOW_UP_TERMS = 3  #: terms of a question that may continue the one before it


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    """One passage that may answer a question."""

    number: int  #: rank; 1 is the best
    entry: StoredPassage
    score: float  #: BM25; comparable within one search only
    coverage: float  #: 0 … 1, the share of the question that it covers


async def find_passages(
    database: Database,
    set_ids: Collection[int],
    question: str,
    *,
    previous_question: str = "",
    limit: int = MAX_RESULTS,
    min_coverage: float = MIN_COVERAGE,
) -> Sequence[FoundPassage]:
    """Return the passages of some sets that answer a question, best first; [] if none is relevant.

    A short question without a result ("and to Japan?") is searched again together with
    ``previous_question``.

    Raises:
        StoreUnavailable: the passages could not be read.
    """
    if not set_ids:
        return []
    query_terms = await asyncio.to_thread(parse_query_terms, question)
    found = await _search(database, set_ids, query_terms, limit=limit, min_coverage=min_coverage)
    if found or not previous_question or len(query_terms) > MAX_FOLLOW_UP_TERMS:
        return found
    both_terms = await asyncio.to_thread(parse_query_terms, f"{previous_question}\n{question}")
    return await _search(database, set_ids, both_terms, limit=limit, min_coverage=min_coverage)


async def _search(
    database: Database,
    set_ids: Collection[int],
    query_terms: Sequence[QueryTerm],
    *,
    limit: int,
    min_coverage: float,
) -> Sequence[FoundPassage]:
    corpus, entries = await _load_candidates(database, set_ids, query_terms)
    if not entries:
        return []
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


async def _load_candidates(
    database: Database, set_ids: Collection[int], query_terms: Sequence[QueryTerm]
) -> tuple[CorpusStatistics, Sequence[StoredPassage]]:
    """Return the sets' statistics and the passages to rank, in an order that both databases share."""
    terms = sorted({term for one in query_terms for term in one.variants})
    if not terms:
        return CorpusStatistics(passage_count=0, mean_length=0.0), []
    async with database.read() as tx:
        count, mean_length = await passages.corpus_size(tx, set_ids)
        corpus = CorpusStatistics(
            passage_count=count,
            mean_length=mean_length,
            document_frequencies=await passages.document_frequencies(tx, set_ids, terms) if count else {},
        )
        entries = await passages.find_candidates(
            tx,
            set_ids,
            rarest_terms(query_terms, corpus, max_passages=MAX_CANDIDATES),
            limit=MAX_CANDIDATES,
        )
    return corpus, sorted(entries, key=lambda entry: (entry.document, entry.label, entry.uid))
