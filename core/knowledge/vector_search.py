"""Cosines of a question with all passages of a scope, if every document of it has its vectors.

Words alone serve a scope in which a document has none yet, and every scope while the model cannot be asked.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

import structlog

from core.domain.clock import Clock
from core.knowledge.vector_index import VectorIndex, decode_vectors, texts_of
from core.ports.embedder import Embedder, EmbeddingFailed
from core.store import Database, passages, vectors
from core.store.passages import IndexedVersion
from core.store.vectors import VectorPiece

if TYPE_CHECKING:
    from core.ports.embedder import Vectors

log = structlog.get_logger(__name__)

MAX_CACHE_BYTES: Final = 96 * 1024 * 1024  #: of the vectors that a process keeps
PAUSE_S: Final = 30.0  #: after a failure, in which the model is not asked again

_Key: TypeAlias = tuple[int, int]  #: (id of a document, its version)


class VectorSearch:
    """Compares questions with the vectors of passages."""

    def __init__(
        self, database: Database, embedder: Embedder, clock: Clock, *, max_cache_bytes: int = MAX_CACHE_BYTES
    ) -> None:
        self._database = database
        self._embedder = embedder
        self._clock = clock
        self._max_cache_bytes = max_cache_bytes
        self._indexes: OrderedDict[_Key, VectorIndex] = OrderedDict()  # the least recently used first
        self._paused_until = 0.0
        self._has_failed = False

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._embedder.model

    async def cosines(self, versions: Sequence[IndexedVersion], question: str) -> "Sequence[Vectors] | None":
        """Return the cosines by document and passage; None if words alone have to serve.

        Raises:
            StoreUnavailable: the vectors could not be read.
        """
        if self._clock.time() < self._paused_until:
            return None
        indexes = await self._load(versions)
        if indexes is None:
            return None
        try:
            matrix = await self._embedder.embed([question], is_question=True)
        except EmbeddingFailed as exc:
            self._pause(exc)
            return None
        if self._has_failed:
            self._has_failed = False
            log.info("knowledge.vectors_back", model=self.model)
        if any(index.dimensions != matrix.shape[1] for index in indexes):
            self._pause(EmbeddingFailed("the model has other dimensions than the stored vectors"))
            return None
        return await asyncio.to_thread(lambda: [index.cosines(matrix[0]) for index in indexes])

    def _pause(self, error: EmbeddingFailed) -> None:
        """Let words serve for a while; the log tells it once."""
        self._paused_until = self._clock.time() + PAUSE_S
        if not self._has_failed:
            log.warning("knowledge.vectors_unavailable", model=self.model, error=str(error))
        self._has_failed = True

    async def _load(self, versions: Sequence[IndexedVersion]) -> Sequence[VectorIndex] | None:
        """Return the vectors of all documents; None if one has not all of them yet."""
        missing = [one for one in versions if _key(one) not in self._indexes]
        if missing:
            ids = [one.document_id for one in missing]
            async with self._database.read() as tx:
                pieces = await vectors.load_pieces(tx, ids, self.model)
            whole = {one: _whole(pieces.get(one.document_id, ()), one.version) for one in missing}
            if not all(whole.values()):
                return None
            for version, parts in whole.items():
                index = await self._build(version, parts)
                if index is None:
                    return None
                self._indexes[_key(version)] = index
        found = [self._indexes[_key(one)] for one in versions]
        self._keep(versions)
        return found

    async def _build(self, version: IndexedVersion, pieces: Sequence[VectorPiece]) -> VectorIndex | None:
        async with self._database.read() as tx:
            title = await passages.load_title(tx, version)
            stored = await passages.load_document_passages(tx, version.document_id)
        if title is None:
            return None
        owners = [one.passage for one in texts_of(stored, title=title)]
        return await asyncio.to_thread(_build_index, owners, pieces)

    def _keep(self, versions: Sequence[IndexedVersion]) -> None:
        """Mark indexes as used; drop the least recently used ones beyond the cache's size."""
        for version in versions:
            self._indexes.move_to_end(_key(version))
        size = sum(index.size_bytes for index in self._indexes.values())
        while size > self._max_cache_bytes and len(self._indexes) > len(versions):
            size -= self._indexes.popitem(last=False)[1].size_bytes


def _key(version: IndexedVersion) -> _Key:
    return version.document_id, version.version


def _whole(pieces: Sequence[VectorPiece], version: int) -> Sequence[VectorPiece]:
    """Return the pieces of a document's version; () if some are missing."""
    own = [piece for piece in pieces if piece.version == version]
    return own if own and sum(piece.count for piece in own) == own[0].total else ()


def _build_index(owners: Sequence[int], pieces: Sequence[VectorPiece]) -> VectorIndex | None:
    """Return the index of a document; None if its vectors are damaged."""
    import numpy

    try:
        matrix = numpy.vstack([decode_vectors(piece.data, piece.count) for piece in pieces])
    except ValueError as exc:
        log.warning("knowledge.vectors_unreadable", error=str(exc))
        return None
    return VectorIndex(owners, matrix) if len(owners) == len(matrix) else None
