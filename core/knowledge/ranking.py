"""Ranking of passages: BM25 over words, their synonyms and characters, with a minimum coverage. Pure.

Coverage is the share of a question's information that a passage contains; a term's information is its
inverse document frequency. A term that no passage has counts as the rarest, so that a question about
something else is rejected although it shares a word or two.

``COMMON_WORD_WEIGHT``, ``UNSEEN_TERM_FACTOR`` and ``MIN_COVERAGE`` were chosen by a grid search over the
demo's two tables (60 questions to find and 20 to reject in each) and 30 questions written after those
(``tests/core/knowledge``): the lowest floor at which 90 % of the questions to reject are rejected. The
README has the figures for questions that were not tuned for.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.knowledge.synonyms import SYNONYM_WEIGHT, synonyms_of
from core.knowledge.tokenizer import characters_of, is_common, is_han, subwords_of, tokenize

K1 = 1.2  #: BM25's saturation of repeated terms
B = 0.5  #: BM25's normalization by passage length
HEADING_REPEATS = 2  #: how often a heading's words are indexed
PARTIAL_MATCH_WEIGHT = 0.5  #: of a Chinese word of which only characters are found
SINGLE_CHARACTER_WEIGHT = 0.6  #: of a Chinese word of one character
COMMON_WORD_WEIGHT = 0.4  #: of an everyday word
UNSEEN_TERM_FACTOR = 1.2  #: information of a term in no passage, relative to a term in one passage
MIN_COVERAGE = 0.33  #: share of a question that a passage must cover


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTerm:
    """One term of a question, with the terms that may replace it."""

    term: str
    weight: float
    synonyms: frozenset[str]
    subwords: tuple[str, ...] = ()  #: shorter words within a Chinese word
    characters: tuple[str, ...] = ()  #: of a Chinese word

    @property
    def variants(self) -> frozenset[str]:
        """Every term that matches it, the term itself included."""
        return self.synonyms | {self.term, *self.subwords, *self.characters}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusStatistics:
    """Statistics of all passages that a question may find."""

    passage_count: int
    mean_length: float  #: words per passage
    document_frequencies: Mapping[str, int] = field(default_factory=dict)  #: term → passages that have it

    def idf(self, term: str) -> float:
        """Return a term's information (BM25's inverse document frequency); 0 if no passage has it."""
        found = self.document_frequencies.get(term, 0)
        return self._idf(found) if found else 0.0

    @property
    def max_idf(self) -> float:
        """Information of a term that exactly one passage has."""
        return self._idf(1)

    def _idf(self, frequency: int) -> float:
        return math.log(1 + (self.passage_count - frequency + 0.5) / (frequency + 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCandidate:
    """Score of one candidate."""

    index: int  #: position among the candidates
    score: float  #: BM25
    coverage: float  #: 0 … 1, the share of the question that it covers


def parse_query_terms(question: str) -> Sequence[QueryTerm]:
    """Return a question's terms without repetition; [] if all of its words are stopwords."""
    return [
        QueryTerm(
            term=term,
            weight=_base_weight(term),
            synonyms=synonyms_of(term),
            subwords=subwords_of(term),
            characters=characters_of(term),
        )
        for term in dict.fromkeys(tokenize(question))
    ]


def _base_weight(term: str) -> float:
    single = SINGLE_CHARACTER_WEIGHT if len(term) == 1 and is_han(term) else 1.0
    return single * (COMMON_WORD_WEIGHT if is_common(term) else 1.0)


def rank(
    query_terms: Sequence[QueryTerm],
    candidates: Sequence[tuple[str, int]],
    corpus: CorpusStatistics,
    *,
    min_coverage: float = MIN_COVERAGE,
) -> list[ScoredCandidate]:
    """Return the candidates that reach ``min_coverage``, best first; ties keep their order.

    Args:
        query_terms: of the question.
        candidates: (index terms separated by blanks, length in words) of each passage.
        corpus: statistics of all passages, not only of the candidates.
        min_coverage: 0 … 1.
    """
    information = [_term_information(one, corpus) for one in query_terms]
    total = sum(information)
    if not total or not corpus.passage_count:
        return []
    found = []
    for index, (words, length) in enumerate(candidates):
        counts = Counter(words.split(" "))
        length_norm = K1 * (1 - B + B * length / max(1.0, corpus.mean_length))
        pairs = [_score_term(one, counts, corpus, length_norm) for one in query_terms]
        covered = sum(min(found, most) for (_, found), most in zip(pairs, information, strict=True))
        scored = ScoredCandidate(
            index=index, score=sum(score for score, _ in pairs), coverage=covered / total
        )
        if scored.coverage >= min_coverage:
            found.append(scored)
    return sorted(found, key=lambda one: (-one.score, one.index))


def rarest_terms(
    query_terms: Iterable[QueryTerm], corpus: CorpusStatistics, *, max_passages: int
) -> list[str]:
    """Return a question's rarest terms that together have at most ``max_passages`` passages.

    The rarest term is always included; [] if no passage has any of the terms.
    """
    terms = {term for one in query_terms for term in one.variants if corpus.document_frequencies.get(term)}
    chosen: list[str] = []
    remaining = max_passages
    for term in sorted(terms, key=lambda term: (corpus.document_frequencies[term], term)):
        remaining -= corpus.document_frequencies[term]
        if chosen and remaining < 0:
            break
        chosen.append(term)
    return chosen


def _term_information(query_term: QueryTerm, corpus: CorpusStatistics) -> float:
    """Return a term's weighted information; that of its synonyms if no passage has the term."""
    idf = corpus.idf(query_term.term) or max(
        (corpus.idf(other) for other in query_term.synonyms), default=0.0
    )
    return query_term.weight * (idf or corpus.max_idf * UNSEEN_TERM_FACTOR)


def _score_term(
    query_term: QueryTerm, counts: Counter[str], corpus: CorpusStatistics, length_norm: float
) -> tuple[float, float]:
    """Return a term's BM25 score in one passage, and the information of it that the passage covers."""

    def part(term: str) -> tuple[float, float]:
        idf, frequency = corpus.idf(term), counts[term]
        return idf * frequency * (K1 + 1) / (frequency + length_norm), idf if frequency else 0.0

    options = [(1.0, part(query_term.term))] + [
        (SYNONYM_WEIGHT, part(other)) for other in query_term.synonyms
    ]
    for pieces, weight, count in (
        (query_term.subwords, SYNONYM_WEIGHT, len(query_term.subwords)),
        # Characters that are stopwords are not among the pieces and count as missing.
        (query_term.characters, PARTIAL_MATCH_WEIGHT, len(query_term.term)),
    ):
        if pieces:
            scores, shares = zip(*(part(piece) for piece in pieces), strict=True)
            options.append((weight, (sum(scores) / count, sum(shares) / count)))
    weight, (score, covered) = max(options, key=lambda option: option[0] * option[1][0])
    return query_term.weight * weight * score, query_term.weight * weight * covered
