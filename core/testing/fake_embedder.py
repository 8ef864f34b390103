"""A fake model of meanings: texts are near if they share words, or words that mean the same."""

import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from core.ports.embedder import EmbeddingFailed

if TYPE_CHECKING:
    from core.ports.embedder import Vectors

DIMENSIONS: Final = 512


class FakeEmbedder:
    """An :class:`core.ports.embedder.Embedder` that needs no model and fails on request."""

    def __init__(self, model: str = "fake", *, synonyms: Mapping[str, str] | None = None) -> None:
        """``synonyms`` maps words to the word that they mean."""
        self.model = model
        self.synonyms = dict(synonyms or {})
        self.is_down = False
        self.fails_after: int | None = None  #: calls that still succeed
        self.calls: list[tuple[str, ...]] = []

    async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> "Vectors":
        """Return a vector of length 1 for each text.

        Raises:
            EmbeddingFailed: the test says so.
        """
        import numpy

        if self.is_down or self.fails_after == 0:
            raise EmbeddingFailed("the fake is down")
        if self.fails_after is not None:
            self.fails_after -= 1
        self.calls.append(tuple(texts))
        found = numpy.full((len(texts), DIMENSIONS), 0.001, numpy.float32)
        for row, text in enumerate(texts):
            for word in text.casefold().split():
                plain = word.strip("?.,")
                found[row, zlib.crc32(self.synonyms.get(plain, plain).encode()) % DIMENSIONS] += 1
        return numpy.asarray(found / numpy.linalg.norm(found, axis=1, keepdims=True), numpy.float32)

    async def close(self) -> None:
        """Do nothing."""
