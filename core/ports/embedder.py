"""The port through which texts become vectors."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from core.domain.errors import MoonthreadError

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[numpy.float32]


class EmbeddingFailed(MoonthreadError):
    """Texts could not be turned into vectors; the message says why."""


class Embedder(Protocol):
    """A model that turns texts into vectors; the smaller their angle, the closer the meanings."""

    @property
    def model(self) -> str:
        """Name of the model; vectors of different names are never compared."""

    async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> "Vectors":
        """Return a matrix with a row of length 1 for each text.

        Args:
            texts: any number of texts.
            is_question: a person waits for it: fail soon rather than try again.

        Raises:
            EmbeddingFailed: no vectors can be had.
        """

    async def close(self) -> None:
        """Release what the model holds."""
