"""Search: the documents' stored indexes, ranked by :mod:`core.knowledge.ranking`.

A process keeps the indexes that it has read, because a version of a document never changes. No database
connection is held while indexes are decoded or passages ranked: both run in a thread.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from core.domain.stored_passage import StoredPassage
from core.knowledge.lexical_query import LexicalQuery, parse_lexical_query
from core.knowledge.ranking import PassageRanker
from core.knowledge.segment import Segment, build_segment, decode_segment
from core.knowledge.vector_search import VectorSearch
from core.store import Database, passages
from core.store.passages import IndexedVersion

log = structlog.get_logger(__name__)

DEFAULT_FLOOR: Final = 0.05
"""Least relevance of a passage in a set without a floor of its own: on real customers' questions, at most
5 % of the answerable ones find nothing at it. Kimi judges whether the passages answer the question."""
DEFAULT_VECTOR_FLOOR: Final = 0.14  #: the same for a set that is searched by vectors too
MAX_RESULTS: Final = 5
MAX_FOLLOW_UP_WORDS: Final = 3  #: words of a question that may continue the one before it
CLEAR_RELEVANCE: Final = 0.3  #: from which on a short question needs no context
CLEAR_VECTOR_RELEVANCE: Final = 0.5  #: the same with vectors
MAX_CACHE_BYTES: Final = 64 * 1024 * 1024  #: of the indexes that a process keeps
MAX_RANKERS: Final = 32  #: scopes whose rankers a process keeps

_Key: TypeAlias = tuple[int, int]  #: (id of a document, its version)
_Scope: TypeAlias = tuple[_Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPassage:
    """One passage that may answer a question."""

    number: int  #: rank; 1 is the best
    entry: StoredPassage
    relevance: float  #: about 1 if it has everything that the question asks, 0 if nothing
    floor: float = 0.0  #: least relevance that its set asks for
    model: str = ""  #: of the vectors that the relevance counts; "" for words alone
    document_id: int = 0  #: of the document that has it


class PassageFinder:
    """Finds the passages of knowledge sets that may answer a question."""

    def __init__(
        self,
        database: Database,
        vectors: VectorSearch | None = None,
        *,
        max_cache_bytes: int = MAX_CACHE_BYTES,
    ) -> None:
        """``vectors`` compares meanings too; None compares words alone."""
        self._database = database
        self._vectors = vectors
        self._max_cache_bytes = max_cache_bytes
        self._segments: OrderedDict[_Key, Segment] = OrderedDict()  # the least recently used first
        self._rankers: OrderedDict[_Scope, PassageRanker] = OrderedDict()  # likewise

    async def find(
        self,
        set_ids: Collection[int],
        question: str,
        *,
        previous_question: str = "",
        limit: int = MAX_RESULTS,
        floor: float | None = None,
    ) -> Sequence[FoundPassage]:
        """Return the most relevant passages of some sets, best first; [] if none is relevant.

        A short question without a clear result ("and to Japan?") is searched again together with
        ``previous_question``.

        Args:
            set_ids: the sets to search.
            question: a person's words.
            previous_question: the same person's question before it; "" if there is none.
            limit: the most passages to return.
            floor: the least relevance; None for each set's own.

        Raises:
            StoreUnavailable: the passages could not be read.
        """
        if not set_ids:
            return []
        query = await asyncio.to_thread(parse_lexical_query, question)
        found = await self._search(set_ids, question, query, limit=limit, floor=floor)
        words = sum(not word.is_stopword for word in query.words)
        if _is_clear(found) or not previous_question or words > MAX_FOLLOW_UP_WORDS:
            return found
        both = f"{previous_question}\n{question}"
        query = await asyncio.to_thread(parse_lexical_query, both)
        return await self._search(set_ids, both, query, limit=limit, floor=floor) or found

    async def _search(
        self, set_ids: Collection[int], question: str, query: LexicalQuery, *, limit: int, floor: float | None
    ) -> Sequence[FoundPassage]:
        async with self._database.read() as tx:
            versions = await passages.load_indexed_versions(tx, set_ids)
            ranker = self._rankers.get(_scope(versions))
            if ranker is not None:
                self._mark_used(_scope(versions))
            else:
                known = {version: self._segments.get(_key(version)) for version in versions}
                missing = [one.document_id for one, segment in known.items() if segment is None]
                stored = await passages.load_indexes(tx, missing)
        if ranker is None:
            ranker = await asyncio.to_thread(_build_ranker, known, stored)
            self._keep(versions, ranker)
        cosines = await self._load_cosines(versions, ranker, question)
        model = self._vectors.model if self._vectors is not None and cosines is not None else ""
        floors = [_floor(version, model) if floor is None else floor for version in versions]
        scored = await asyncio.to_thread(ranker.rank, query, limit=limit, floors=floors, cosines=cosines)
        if not scored:
            return []
        places = [(versions[one.segment], one.passage) for one in scored]
        async with self._database.read() as tx:
            entries = await passages.load_passages(tx, places)
        found = [
            (entries[place], one.relevance, version)
            for (version, at), one in zip(places, scored, strict=True)
            if (place := (version.document_id, at)) in entries
        ]
        return [
            FoundPassage(
                number=number,
                entry=entry,
                relevance=relevance,
                floor=_floor(version, model),
                model=model,
                document_id=version.document_id,
            )
            for number, (entry, relevance, version) in enumerate(found, start=1)
        ]

    async def _load_cosines(
        self, versions: Sequence[IndexedVersion], ranker: PassageRanker, question: str
    ) -> Sequence[Sequence[float]] | None:
        """Return the cosines by segment and passage; None if words alone have to serve."""
        if self._vectors is None or not versions:
            return None
        found = await self._vectors.cosines(versions, question)
        if found is None:
            return None
        cosines: list[list[float]] = [one.tolist() for one in found]
        counts = [segment.passage_count for segment in ranker.segments]
        return cosines if [len(one) for one in cosines] == counts else None

    def _keep(self, versions: Sequence[IndexedVersion], ranker: PassageRanker) -> None:
        """Cache a ranker with its segments; drop the least recently used ones beyond the cache's size."""
        self._segments.update(zip(_scope(versions), ranker.segments, strict=True))
        self._rankers[_scope(versions)] = ranker
        self._mark_used(_scope(versions))
        size = sum(segment.size_bytes for segment in self._segments.values())
        while len(self._rankers) > MAX_RANKERS:
            self._rankers.popitem(last=False)
        while size > self._max_cache_bytes and len(self._segments) > 1:
            gone, segment = self._segments.popitem(last=False)
            size -= segment.size_bytes
            for scope in [scope for scope in self._rankers if gone in scope]:
                del self._rankers[scope]

    def _mark_used(self, scope: _Scope) -> None:
        """Move a cached ranker and its segments to the end that is dropped last."""
        self._rankers.move_to_end(scope)
        for key in scope:
            self._segments.move_to_end(key)


def _build_ranker(
    known: Mapping[IndexedVersion, Segment | None], stored: Mapping[int, bytes]
) -> PassageRanker:
    return PassageRanker(
        [
            segment or _decode(version, stored.get(version.document_id, b""))
            for version, segment in known.items()
        ]
    )


def _decode(version: IndexedVersion, data: bytes) -> Segment:
    """Return a stored index; an empty one if it cannot be read by this version of the service."""
    try:
        return decode_segment(data)
    except ValueError as exc:
        log.warning(
            "knowledge.index_unreadable",
            document=version.document_id,
            error=str(exc),
            advice="add the document again: moonthread knowledge add",
        )
        return build_segment(())


def _scope(versions: Sequence[IndexedVersion]) -> _Scope:
    return tuple(map(_key, versions))


def _key(version: IndexedVersion) -> _Key:
    return version.document_id, version.version


def _floor(version: IndexedVersion, model: str) -> float:
    """Return the least relevance of a document's passages.

    A floor counts for searches like those that it was measured with: by words, or with a model's vectors.
    """
    if version.floor is not None and version.floor_model == model:
        return version.floor
    return DEFAULT_VECTOR_FLOOR if model else DEFAULT_FLOOR


def _is_clear(found: Sequence[FoundPassage]) -> bool:
    if not found:
        return False
    return found[0].relevance >= (CLEAR_VECTOR_RELEVANCE if found[0].model else CLEAR_RELEVANCE)
