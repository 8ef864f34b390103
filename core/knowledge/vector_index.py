"""Vectors of one document's texts: which texts a passage is found by, and the stored form. Pure.

A passage has a vector for its path of headings, one for its text with the headings, and one for each
sentence of its aliases: a question is near to one of them, not to their mean.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from core.domain.stored_passage import StoredPassage
from core.knowledge.passage_splitter import PATH_SEPARATOR

if TYPE_CHECKING:
    from core.ports.embedder import Vectors

_SENTENCE_END: Final = re.compile(r"(?<=[。！？!?；;])\s*|(?<=\.)\s+|\n+")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedText:
    """One text of a passage that gets a vector."""

    passage: int  #: position in its document
    text: str


class VectorIndex:
    """Vectors of one version of a document."""

    __slots__ = ("_first_texts", "_matrix", "passage_count")

    def __init__(self, owners: Sequence[int], matrix: "Vectors") -> None:
        """``owners`` are the passages of the matrix's rows, ascending, each with a row at least."""
        import numpy

        first = [at for at, owner in enumerate(owners) if at == 0 or owner != owners[at - 1]]
        self._first_texts = numpy.array(first, numpy.intp)
        self._matrix = matrix
        self.passage_count = len(first)

    def cosines(self, question: "Vectors") -> "Vectors":
        """Return for each passage the cosine of its nearest text with a question's vector."""
        import numpy

        return numpy.maximum.reduceat(self._matrix @ question, self._first_texts)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return int(self._matrix.shape[1])

    @property
    def size_bytes(self) -> int:
        """Memory in bytes."""
        return int(self._matrix.nbytes)


def texts_of(passages: Sequence[StoredPassage], *, title: str) -> Sequence[EmbeddedText]:
    """Return the texts of a document's passages that get a vector, in order.

    Args:
        passages: of the whole document, in order.
        title: of the document; it tells nothing about a passage, because all share it.
    """
    return [
        EmbeddedText(passage=at, text=text)
        for at, passage in enumerate(passages)
        for text in _texts(passage, title)
    ]


def headings_of(passage: StoredPassage, *, title: str) -> str:
    """Return a passage's path of headings as one text, without the title that all passages share."""
    path = passage.label.split(PATH_SEPARATOR)
    return " ".join(path[1:] if path[0] == title else path).strip()


def split_aliases(aliases: str) -> Sequence[str]:
    """Return the sentences of a passage's aliases: one a line, or several with their marks."""
    return [part for piece in _SENTENCE_END.split(aliases) if (part := piece.strip())]


def encode_vectors(matrix: "Vectors") -> bytes:
    """Return the stored form of vectors: half precision, row by row."""
    import numpy

    return numpy.asarray(matrix, "<f2").tobytes()


def decode_vectors(data: bytes, count: int) -> "Vectors":
    """Read the stored form of ``count`` vectors.

    Raises:
        ValueError: it has another size.
    """
    import numpy

    return numpy.frombuffer(data, "<f2").reshape(count, -1).astype(numpy.float32)


def _texts(passage: StoredPassage, title: str) -> Iterator[str]:
    headings = headings_of(passage, title=title)
    if headings:
        yield headings
    yield f"{headings}\n{passage.text}".strip()
    yield from split_aliases(passage.all_aliases)
