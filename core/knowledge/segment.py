"""Inverted index of one document's passages, and its stored form. Pure.

A segment belongs to one version of one document and never changes. Its bytes are stored with the
document, so that a process loads it without tokenizing the text again.
"""

import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core.knowledge.features import count_features

SEGMENT_VERSION: Final = 1  #: of the stored form
HEADING_REPEATS: Final = 2  #: how often a heading's features count
MAX_FREQUENCY: Final = 7  #: of a feature in one passage; a higher one changes its score by less than 5 %
_HEADER: Final = struct.Struct("<4sHII")  #: magic, version, passages, size of the body in bytes
_MAGIC: Final = b"MTKS"
_SIZES: Final = struct.Struct("<4I")  #: bytes of names, offsets, passages and frequencies


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageText:
    """Texts of one passage."""

    headings: str  #: path of headings, without a title that all passages share
    text: str
    aliases: str = ""  #: other wordings by which it is found, one a line


@dataclass(frozen=True, slots=True)
class Postings:
    """Passages with one feature."""

    passages: "array[int]"  #: positions in the document, ascending
    frequencies: bytes  #: of the feature in each, at most MAX_FREQUENCY


class FeatureIndex:
    """Postings of one kind of feature."""

    __slots__ = ("_at", "_dense", "_frequencies", "_offsets", "_passage_count", "_passages")

    def __init__(
        self, features: Sequence[str], offsets: "array[int]", passages: "array[int]", frequencies: bytes
    ) -> None:
        self._at = {feature: at for at, feature in enumerate(features)}
        self._offsets, self._passages, self._frequencies = offsets, passages, frequencies
        self._passage_count = max(passages, default=-1) + 1
        self._dense: dict[str, bytes] = {}  #: feature → its frequency in every passage; filled on use

    def get(self, feature: str) -> Postings:
        """Return a feature's postings; empty ones if no passage has it."""
        at = self._at.get(feature)
        if at is None:
            return Postings(array("H"), b"")
        first, last = self._offsets[at], self._offsets[at + 1]
        return Postings(self._passages[first:last], self._frequencies[first:last])

    def count(self, feature: str) -> int:
        """Return the number of passages with a feature."""
        at = self._at.get(feature)
        return 0 if at is None else self._offsets[at + 1] - self._offsets[at]

    def select(self, feature: str, passages: Sequence[int]) -> Iterator[tuple[int, int]]:
        """Yield (passage, frequency) for those of ``passages`` that have a feature."""
        at = self._at.get(feature)
        if at is None:
            return
        count = self._offsets[at + 1] - self._offsets[at]
        if count < 2 * len(passages):
            wanted, postings = set(passages), self.get(feature)
            for passage, often in zip(postings.passages, postings.frequencies, strict=True):
                if passage in wanted:
                    yield passage, often
            return
        frequencies = self._dense.get(feature)
        if frequencies is None:
            frequencies = self._dense[feature] = self._frequencies_by_passage(at)
        for passage in passages:
            if often := frequencies[passage]:
                yield passage, often

    def _frequencies_by_passage(self, at: int) -> bytes:
        first, last = self._offsets[at], self._offsets[at + 1]
        found = bytearray(self._passage_count)
        for passage, often in zip(self._passages[first:last], self._frequencies[first:last], strict=True):
            found[passage] = often
        return bytes(found)

    @property
    def size_bytes(self) -> int:
        """Estimated memory in bytes."""
        return 3 * len(self._passages) + 4 * len(self._offsets) + 100 * len(self._at)

    def encode(self) -> bytes:
        """Return the stored form."""
        names = "\n".join(self._at).encode()
        parts = [names, self._offsets.tobytes(), self._passages.tobytes(), self._frequencies]
        return b"".join([_SIZES.pack(*map(len, parts)), *parts])

    @classmethod
    def decode(cls, data: memoryview) -> tuple["FeatureIndex", memoryview]:
        """Read the stored form; return the index and the rest of the data."""
        sizes = _SIZES.unpack_from(data)
        at, parts = _SIZES.size, []
        for size in sizes:
            parts.append(data[at : at + size])
            at += size
        names = bytes(parts[0]).decode()
        offsets, passages = array("I"), array("H")
        offsets.frombytes(parts[1])
        passages.frombytes(parts[2])
        return cls(names.split("\n") if names else [], offsets, passages, bytes(parts[3])), data[at:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The inverted index of one document."""

    words: FeatureIndex
    grams: FeatureIndex
    word_lengths: Sequence[int]  #: words of each passage, without stopwords and aliases
    gram_lengths: Sequence[int]  #: n-grams of each passage

    @property
    def passage_count(self) -> int:
        """Number of passages of the document."""
        return len(self.word_lengths)

    @property
    def size_bytes(self) -> int:
        """Estimated memory in bytes."""
        return self.words.size_bytes + self.grams.size_bytes + 8 * self.passage_count


def build_segment(passages: Iterable[PassageText]) -> Segment:
    """Return the index of a document's passages (at most 65,535)."""
    words: dict[str, list[tuple[int, int]]] = {}
    grams: dict[str, list[tuple[int, int]]] = {}
    word_lengths, gram_lengths = array("I"), array("I")
    for position, passage in enumerate(passages):
        headings, text = count_features(passage.headings), count_features(passage.text)
        counted = [(headings, HEADING_REPEATS), (text, 1)]
        if passage.aliases:
            counted.append((count_features(passage.aliases), 1))
        _post(words, position, [(one.words, weight) for one, weight in counted])
        gram_lengths.append(_post(grams, position, [(one.grams, weight) for one, weight in counted]))
        word_lengths.append(headings.content_words + text.content_words)
    return Segment(
        words=_index(words), grams=_index(grams), word_lengths=word_lengths, gram_lengths=gram_lengths
    )


def encode_segment(segment: Segment) -> bytes:
    """Return a segment's stored form, compressed."""
    body = b"".join(
        [
            array("I", segment.word_lengths).tobytes(),
            array("I", segment.gram_lengths).tobytes(),
            segment.words.encode(),
            segment.grams.encode(),
        ]
    )
    return _HEADER.pack(_MAGIC, SEGMENT_VERSION, segment.passage_count, len(body)) + zlib.compress(body, 1)


def decode_segment(data: bytes) -> Segment:
    """Read a segment's stored form.

    Raises:
        ValueError: it has another version, or is damaged.
    """
    if len(data) < _HEADER.size:
        raise ValueError("a segment is incomplete")
    magic, version, count, size = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != SEGMENT_VERSION:
        raise ValueError(f"a segment of version {version}, expected {SEGMENT_VERSION}")
    body = memoryview(zlib.decompress(data[_HEADER.size :]))
    if len(body) != size:
        raise ValueError("a segment is incomplete")
    word_lengths, gram_lengths = array("I"), array("I")
    word_lengths.frombytes(body[: 4 * count])
    gram_lengths.frombytes(body[4 * count : 8 * count])
    words, rest = FeatureIndex.decode(body[8 * count :])
    grams, _ = FeatureIndex.decode(rest)
    return Segment(words=words, grams=grams, word_lengths=word_lengths, gram_lengths=gram_lengths)


def _post(
    postings: dict[str, list[tuple[int, int]]],
    position: int,
    counted: Sequence[tuple[Mapping[str, int], int]],
) -> int:
    """Add a passage's features to the postings; return their number."""
    total: dict[str, int] = {}
    for counts, weight in counted:
        for feature, count in counts.items():
            total[feature] = total.get(feature, 0) + weight * count
    for feature, count in total.items():
        postings.setdefault(feature, []).append((position, count))
    return sum(total.values())


def _index(postings: Mapping[str, Sequence[tuple[int, int]]]) -> FeatureIndex:
    offsets, passages, frequencies = array("I", [0]), array("H"), bytearray()
    for pairs in postings.values():
        passages.extend(position for position, _ in pairs)
        frequencies.extend(min(MAX_FREQUENCY, count) for _, count in pairs)
        offsets.append(len(passages))
    return FeatureIndex(list(postings), offsets, passages, bytes(frequencies))
