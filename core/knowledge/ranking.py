"""Ranking of passages by a question's words and character n-grams, and by vectors if there are any. Pure.

``relevance = (W / W* + G / G*) / 2``. ``W`` and ``G`` are a passage's BM25 scores over words and n-grams;
``W*`` and ``G*`` are the scores of an average passage with every feature of the question, in which unknown
features count as the rarest. The relevance is about 1 for a passage with all features of the question and
0 for one with none. BM25 accounts for the passage's length. Relevances of different questions can be
compared, so one number serves both for the order and as a floor.

With vectors, ``(relevance + 1.5 * cosine) / 2.5`` takes its place, in which the cosine is that of the
passage's nearest text.
"""

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from core.knowledge.lexical_query import LexicalQuery
from core.knowledge.segment import MAX_FREQUENCY, Postings, Segment

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

WORD_K1, WORD_B = 1.2, 0.5  #: BM25 over words: saturation, normalization by length
GRAM_K1, GRAM_B = 1.2, 0.75  #: BM25 over n-grams
UNSEEN_FACTOR = 1.2  #: information of a feature in no passage, relative to a feature in one passage
MAX_CANDIDATES = 300  #: passages that are scored by all features
MAX_NEAR_CANDIDATES = 100  #: passages that are scored beside those, because their vectors are near
MAX_POSTINGS = 20_000  #: postings that are read to choose the candidates
GRAM_SHARE = 0.5  #: share of the n-grams in the relevance
COSINE_WEIGHT = 1.5  #: of a cosine, beside the relevance by words and n-grams


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """Relevance of one passage."""

    segment: int  #: position of its segment in the ranker
    passage: int  #: position in its document
    relevance: float


class PassageRanker:
    """Ranks the passages of several segments together."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = segments
        self.passage_count = sum(one.passage_count for one in segments)
        # places of each segment's passages among all, as (first, end)
        self._places = list(pairwise(accumulate((one.passage_count for one in segments), initial=0)))

    @cached_property
    def _word_factors(self) -> "Sequence[Sequence[array[float]]]":
        return self._factors([one.word_lengths for one in self.segments], WORD_K1, WORD_B)

    @cached_property
    def _gram_factors(self) -> "Sequence[Sequence[array[float]]]":
        return self._factors([one.gram_lengths for one in self.segments], GRAM_K1, GRAM_B)

    def _factors(
        self, lengths: Sequence[Sequence[int]], k1: float, b: float
    ) -> "Sequence[Sequence[array[float]]]":
        """Return BM25's factor of a feature by segment, frequency and passage."""
        mean = max(1.0, sum(map(sum, lengths)) / max(1, self.passage_count))
        found = []
        for own in lengths:
            norms = [k1 * (1 - b + b * length / mean) for length in own]
            found.append(
                [
                    array("d", [often * (k1 + 1) / (often + norm) for norm in norms])
                    for often in range(MAX_FREQUENCY + 1)
                ]
            )
        return found

    def rank(
        self,
        query: LexicalQuery,
        *,
        limit: int,
        floors: Sequence[float] = (),
        cosines: Sequence[Sequence[float]] | None = None,
    ) -> list[ScoredPassage]:
        """Return the most relevant passages, best first; ties are in the order of segments and passages.

        Passages of a large scope are scored in two steps: the question's rarest features choose candidates,
        and all features score those.

        Args:
            query: the question.
            limit: the most passages to return.
            floors: the least relevance of each segment's passages; () for any above 0.
            cosines: of the question with the passages, by segment and passage; None if there are none.
        """
        weights = self._weigh(query)
        chosen, rest = self._choose(weights, cosines)
        found = []
        for segment, partial in enumerate(chosen):
            floor = floors[segment] if floors else 0.0
            for passage, score in self._complete(weights, rest, segment, partial):
                relevance = score if cosines is None else _fuse(score, cosines[segment][passage])
                if relevance > 0 and relevance >= floor:
                    found.append(ScoredPassage(segment, passage, relevance))
        found.sort(key=lambda one: (-one.relevance, one.segment, one.passage))
        return found[:limit]

    def _weigh(self, query: LexicalQuery) -> "_Weights":
        words, words_total = [], 0.0
        for word in query.words:
            frequencies = {
                term: sum(one.words.count(term) for one in self.segments)
                for variant in word.variants
                for term in variant.terms
            }
            idfs = {term: self._idf(count) for term, count in frequencies.items()}
            information = idfs[word.term] or max((idfs[other] for other in word.synonyms), default=0.0)
            if information or not word.is_stopword:
                words_total += word.weight * (information or self._max_idf * UNSEEN_FACTOR)
            words.append(
                [
                    [
                        _Feature(
                            frequencies[term], term, word.weight * variant.weight * idfs[term] / variant.parts
                        )
                        for term in variant.terms
                        if frequencies[term]
                    ]
                    for variant in word.variants
                ]
            )
        grams, grams_total = [], 0.0
        for gram, weight in query.grams.items():
            count = sum(one.grams.count(gram) for one in self.segments)
            idf = self._idf(count)
            grams_total += weight * (idf or self._max_idf * UNSEEN_FACTOR)
            if count:
                grams.append(_Feature(count, gram, weight * idf))
        words_by = (1 - GRAM_SHARE) / words_total if words_total else 0.0
        grams_by = GRAM_SHARE / grams_total if grams_total else 0.0
        return _Weights(
            words=[
                [
                    [one._replace(weight=one.weight * words_by) for one in variant]
                    for variant in word
                    if variant
                ]
                for word in words
            ],
            grams=[one._replace(weight=one.weight * grams_by) for one in grams],
        )

    def _choose(
        self, weights: "_Weights", cosines: Sequence[Sequence[float]] | None
    ) -> "tuple[list[dict[int, float]], list[_Feature]]":
        """Return each segment's candidates with their scores by rare n-grams, and the remaining n-grams."""
        if self.passage_count <= MAX_CANDIDATES:
            return [dict.fromkeys(range(one.passage_count), 0.0) for one in self.segments], weights.grams
        import numpy

        terms = [one for word in weights.words for variant in word for one in variant]
        features = sorted([*((one, True) for one in terms), *((one, False) for one in weights.grams)])
        by_words = [numpy.zeros(one.passage_count) for one in self.segments]
        by_grams = [numpy.zeros(one.passage_count) for one in self.segments]
        room, rest = MAX_POSTINGS, []
        for feature, is_word in features:
            room -= feature.passage_count
            if room < 0:
                if not is_word:
                    rest.append(feature)
                continue
            for at, segment in enumerate(self.segments):
                if is_word:
                    postings = segment.words.get(feature.name)
                    _add(by_words[at], postings, self._word_factors[at], feature.weight)
                else:
                    postings = segment.grams.get(feature.name)
                    _add(by_grams[at], postings, self._gram_factors[at], feature.weight)
        sums = numpy.concatenate(by_words) + numpy.concatenate(by_grams)
        candidates = {place for place in _largest(sums, MAX_CANDIDATES) if sums[place]}
        if cosines is not None:
            candidates.update(_largest(numpy.concatenate(cosines), MAX_NEAR_CANDIDATES))
        return [
            {
                place - first: float(by_grams[at][place - first])
                for place in sorted(candidates)
                if first <= place < end
            }
            for at, (first, end) in enumerate(self._places)
        ], rest

    def _complete(
        self, weights: "_Weights", rest: "Sequence[_Feature]", at: int, partial: Mapping[int, float]
    ) -> Iterable[tuple[int, float]]:
        """Return the relevance of one segment's candidates.

        Args:
            weights: the question's features.
            rest: n-grams that ``partial`` does not include.
            at: position of the segment.
            partial: candidate → score by the other n-grams.
        """
        segment, scores, passages = self.segments[at], dict(partial), list(partial)
        word_factors, gram_factors = self._word_factors[at], self._gram_factors[at]
        for gram in rest:
            for passage, often in segment.grams.select(gram.name, passages):
                scores[passage] += gram.weight * gram_factors[often][passage]
        for word in weights.words:
            best: dict[int, float] = {}
            for variant in word:
                found: dict[int, float] = {}
                for term in variant:
                    for passage, often in segment.words.select(term.name, passages):
                        found[passage] = found.get(passage, 0.0) + term.weight * word_factors[often][passage]
                for passage, score in found.items():
                    if score > best.get(passage, 0.0):
                        best[passage] = score
            for passage, score in best.items():
                scores[passage] += score
        return scores.items()

    def _idf(self, frequency: int) -> float:
        if not frequency:
            return 0.0
        return math.log(1 + (self.passage_count - frequency + 0.5) / (frequency + 0.5))

    @property
    def _max_idf(self) -> float:
        return self._idf(1)


def _fuse(relevance: float, cosine: float) -> float:
    """Return the relevance by words and vectors."""
    return (relevance + COSINE_WEIGHT * cosine) / (1 + COSINE_WEIGHT)


class _Feature(NamedTuple):
    """A word or an n-gram of a question; the rarest sorts first."""

    passage_count: int  #: passages with it
    name: str
    weight: float  #: its part of the relevance before BM25's factor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weights:
    """Features of a question that occur in some passage."""

    words: list[list[list[_Feature]]]  #: word → variant → terms
    grams: list[_Feature]


def _add(
    scores: "NDArray[numpy.float64]", postings: Postings, factors: "Sequence[array[float]]", weight: float
) -> None:
    import numpy

    if not postings.passages:
        return
    passages = numpy.frombuffer(postings.passages, numpy.uint16)
    frequencies = numpy.frombuffer(postings.frequencies, numpy.uint8)
    for often in range(1, int(frequencies.max()) + 1):
        own = passages if often == 1 == frequencies.max() else passages[frequencies == often]
        scores[own] += weight * numpy.frombuffer(factors[often])[own]


def _largest(values: "NDArray[Any]", count: int) -> Sequence[int]:
    """Return the places of the largest values, in any order."""
    import numpy

    if len(values) <= count:
        return range(len(values))
    places: list[int] = numpy.argpartition(-values, count)[:count].tolist()
    return places
