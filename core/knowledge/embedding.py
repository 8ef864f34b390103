"""Embedding of stored documents: a job that continues after an interruption."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from core.domain.clock import Clock
from core.knowledge.vector_index import EmbeddedText, encode_vectors, texts_of
from core.ports.embedder import Embedder, EmbeddingFailed
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler
from core.store import Database, passages, vectors
from core.store.vectors import PendingDocument, VectorPiece

log = structlog.get_logger(__name__)

TASK_NAME: Final = "vectors"
EVERY_S: Final = 60.0
ROUND_S: Final = 45.0  #: after which a round of the periodic task ends; the next one goes on
PIECE: Final = 256  #: texts that are stored at once


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingProgress:
    """How far a document is."""

    document: str  #: its name
    embedded: int  #: texts with a vector
    total: int


class PassageEmbedder:
    """Gives every stored passage its vectors, after documents or the model have changed."""

    def __init__(self, database: Database, embedder: Embedder, clock: Clock) -> None:
        self._database = database
        self._embedder = embedder
        self._clock = clock
        self._has_failed = False  # the last round did

    def start(self, scheduler: TaskScheduler) -> None:
        """Schedule the job, which one replica runs for all; call it before the scheduler starts."""
        scheduler.schedule(PeriodicTask(name=TASK_NAME, every_s=EVERY_S, run=self.run_round))

    async def run_round(self) -> None:
        """Embed for a while; a failure is logged once, and tried again with the next round."""
        try:
            await self.embed_pending(until=self._clock.time() + ROUND_S)
        except EmbeddingFailed as exc:
            if not self._has_failed:
                log.warning("knowledge.embedding_failed", model=self._embedder.model, error=str(exc))
            self._has_failed = True
        else:
            self._has_failed = False

    async def embed_pending(
        self, *, until: float | None = None, on_progress: Callable[[EmbeddingProgress], None] | None = None
    ) -> int:
        """Embed the documents without vectors; return the number of texts that were embedded.

        Args:
            until: a time of the clock after which no further piece is begun; None embeds all.
            on_progress: receives the state after each piece.

        Raises:
            EmbeddingFailed: no vectors can be had; what was embedded before is kept.
            StoreUnavailable: the store cannot be reached.
        """
        model, done = self._embedder.model, 0
        async with self._database.read() as tx:
            pending = await vectors.load_pending(tx, model)
        for document in pending:
            async with self._database.read() as tx:
                stored = await passages.load_document_passages(tx, document.id)
            texts = texts_of(stored, title=document.title)
            for start in range(document.embedded, len(texts), PIECE):
                if until is not None and self._clock.time() >= until:
                    self._log_interruption(document, start, len(texts))
                    return done
                if not await self._embed_piece(document, texts, start):
                    break  # the document has changed meanwhile: the next round takes the new one
                done += len(texts[start : start + PIECE])
                if on_progress is not None:
                    at = min(len(texts), start + PIECE)
                    on_progress(EmbeddingProgress(document=document.name, embedded=at, total=len(texts)))
        if done:
            log.info("knowledge.embedded", model=model, documents=len(pending), texts=done)
        return done

    def _log_interruption(self, document: PendingDocument, embedded: int, total: int) -> None:
        """Log the progress of a document that the next round continues."""
        log.info(
            "knowledge.embedding_goes_on",
            model=self._embedder.model,
            document=document.id,
            embedded=embedded,
            total=total,
        )

    async def _embed_piece(
        self, document: PendingDocument, texts: Sequence[EmbeddedText], start: int
    ) -> bool:
        """Embed and store one piece; return False if the document has changed or is gone."""
        some = [one.text for one in texts[start : start + PIECE]]
        matrix = await self._embedder.embed(some)
        piece = VectorPiece(
            version=document.version,
            start=start,
            count=len(some),
            total=len(texts),
            data=encode_vectors(matrix),
        )
        async with self._database.begin() as tx:
            if not await vectors.save_piece(tx, document.id, self._embedder.model, piece):
                return False
            if start + len(some) == len(texts):
                await vectors.remove(tx, document.id, keep_model=self._embedder.model)
        return True
