"""A client of ``POST /v1/embeddings`` as OpenAI, SiliconFlow, DashScope, Ollama and vLLM serve it.

The number of texts in a request differs between hosts (DashScope takes 10 of ``text-embedding-v4``,
SiliconFlow 32, OpenAI 2,048): a request that is refused is halved, and the size that passed is kept.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import structlog

from core.embeddings.blas_threads import limit_blas_threads
from core.kimi import AsyncKimi, KimiContextTooLong, KimiError, KimiInvalidRequest, RetryPolicy
from core.ports.embedder import EmbeddingFailed

if TYPE_CHECKING:
    from core.ports.embedder import Vectors

log = structlog.get_logger(__name__)

MAX_BATCH: Final = 64  #: texts of one request
MAX_TEXT_CHARS: Final = 4_000  #: of a text; models read 512 to 8,192 tokens
MAX_DIMENSIONS: Final = 16_384  #: of a vector; no model has more
MIN_TEXT_CHARS: Final = 200  #: to which a text that is refused is shortened at most
QUESTION_TIMEOUT_S: Final = 4.0  #: that an answer waits for the vector of its question
RETRY: Final = RetryPolicy(max_attempts=5, total_wait_s=120.0)  #: of requests for which nobody waits
ONCE: Final = RetryPolicy(max_attempts=1)


class EmbeddingEndpoint:
    """Asks a provider for vectors. Waits, retries and errors are those of the Kimi client."""

    def __init__(self, client: AsyncKimi, model: str) -> None:
        """``client`` is closed with the endpoint; ``model`` is the provider's name for it."""
        limit_blas_threads()
        self.model = model
        self._client = client
        self._batch = MAX_BATCH
        self._text_chars = MAX_TEXT_CHARS

    async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> "Vectors":
        """Return a matrix with a row of length 1 for each text; see ``Embedder``.

        Raises:
            EmbeddingFailed: the provider refuses, cannot be reached, or answers something else.
        """
        import numpy

        parts, start = [], 0
        try:
            while start < len(texts):
                some = texts[start : start + self._batch]
                try:
                    parts.append(await self._request(some, is_question=is_question))
                except (KimiInvalidRequest, KimiContextTooLong):
                    if not self._make_smaller(len(some)):
                        raise
                else:
                    start += len(some)
        except KimiError as exc:
            raise EmbeddingFailed(f"{type(exc).__name__}: {exc}") from exc
        except TimeoutError as exc:
            raise EmbeddingFailed(f"no answer within {QUESTION_TIMEOUT_S:g} s") from exc
        return numpy.vstack(parts) if parts else numpy.zeros((0, 0), numpy.float32)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _make_smaller(self, count: int) -> bool:
        """Halve the next request, or its only text; return False if that is as small as can be."""
        if count > 1:
            self._batch = count // 2
            log.info("knowledge.embedding_batch_halved", batch=self._batch)
        elif self._text_chars > MIN_TEXT_CHARS:
            self._text_chars //= 2
        else:
            return False
        return True

    async def _request(self, texts: Sequence[str], *, is_question: bool) -> "Vectors":
        body = {"model": self.model, "input": [text[: self._text_chars] for text in texts]}
        call = self._client.request_json("POST", "/embeddings", body, retry=ONCE if is_question else RETRY)
        if is_question:
            async with asyncio.timeout(QUESTION_TIMEOUT_S):
                return parse_vectors(await call, len(texts))
        return parse_vectors(await call, len(texts))


def parse_vectors(answer: Any, count: int) -> "Vectors":
    """Return the vectors of an answer in the order of the request, each of length 1.

    Raises:
        EmbeddingFailed: they are not one finite vector for each text, all of one size.
    """
    import numpy

    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list):
        raise EmbeddingFailed("the answer has no field data")
    try:
        found = {row.get("index"): row.get("embedding") for row in data if isinstance(row, dict)}
        matrix = numpy.array([found[index] for index in range(count)], numpy.float32)
    except (KeyError, TypeError, ValueError, OverflowError) as exc:
        raise EmbeddingFailed(f"the answer has not {count} vectors of one size") from exc
    if matrix.ndim == 2 and matrix.shape[1] > MAX_DIMENSIONS:
        raise EmbeddingFailed(f"vectors of more than {MAX_DIMENSIONS:,} numbers")
    lengths = numpy.linalg.norm(matrix, axis=-1, keepdims=True) if matrix.ndim == 2 else numpy.zeros(1)
    if not (numpy.isfinite(matrix).all() and (lengths > 0).all()):
        raise EmbeddingFailed("the answer has vectors without a direction")
    return numpy.asarray(matrix / lengths, numpy.float32)
