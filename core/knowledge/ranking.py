"""Which passages answer a question: BM25 over words, their synonyms and characters, with a floor. Pure.

The floor asks how much of the question a passage covers: of all that the question tells (each word as
much as it is rare), the share that stands in the passage. Words that no passage has count as rare as
can be, so that a question about something else is refused although it shares a word or two.

``LIGHT``, ``UNKNOWN`` and ``MIN_COVERAGE`` were chosen by a grid over the demo's two tables (60 questions to
be found, 20 to be refused in each) and 30 more written after those (``tests/core/knowledge``): the lowest
floor at which 90 % of the former are refused. What it means on questions that nobody tuned for is in
the README.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.knowledge.synonyms import SYNONYM_WEIGHT, synonyms_of
from core.knowledge.tokenizer import characters_of, is_common, is_han, subwords_of, tokenize

K1 = 1.2  #: how soon a repeated word counts no more
B = 0.5  #: how much a long passage counts less
HEADING_REPEATS = 2  #: how often a heading's words count
PARTIAL_MATCH_WEIGHT = 0.5  #: of a Chinese word of which only characters are found
SINGLE_CHARACTER_WEIGHT = 0.6  #: of a Chinese word that is one character
COMMON_WORD_WEIGHT = 0.4  #: of a word of every day
UNSEEN_TERM_FACTOR = 1.2  #: of a word that stands nowhere, beside one that stands in one passage only
MIN_COVERAGE = 0.33  #: the share of a question that a passage must cover


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTerm:
    """One word of a question, with what stands for it."""

    term: str
    weight: float
    synonyms: frozenset[str]  #: synonyms
    subwords: tuple[str, ...] = ()  #: shorter words within a Chinese word
    characters: tuple[str, ...] = ()  #: of a Chinese word

    @property
    def variants(self) -> frozenset[str]:
        """Return every term that a passage may have in its place."""
        return self.synonyms | {self.term, *self.subwords, *self.characters}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusStatistics:
    """What is known of all passages that a question may find."""

    passage_count: int
    mean_length: float  #: in words
    document_frequencies: Mapping[str, int] = field(default_factory=dict)  #: term → passages that have it

    def idf(self, term: str) -> float:
        """Return how much a term tells (BM25's inverse document frequency), 0 where no passage has it."""
        found = self.document_frequencies.get(term, 0)
        return self._idf(found) if found else 0.0

    @property
    def max_idf(self) -> float:
        """Return what a term tells that one passage has."""
        return self._idf(1)

    def _idf(self, frequency: int) -> float:
        return math.log(1 + (self.passage_count - frequency + 0.5) / (frequency + 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredCandidate:
    """How well one candidate fits."""

    index: int  #: among the candidates
    score: float  #: BM25
    coverage: float  #: 0 … 1, the share of the question that stands in it


def parse_query_terms(question: str) -> Sequence[QueryTerm]:
    """Return what a question asks for; nothing where it holds no word that tells something."""
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
    """Return the candidates that reach the floor, best first; of equal ones the first given is first.

    A candidate is its terms, with blanks between, and its length in words.
    """
    needs = [_term_information(one, corpus) for one in query_terms]
    total = sum(needs)
    if not total or not corpus.passage_count:
        return []
    found = []
    for index, (words, length) in enumerate(candidates):
        counts = Counter(words.split(" "))
        long = K1 * (1 - B + B * length / max(1.0, corpus.mean_length))
        pairs = [_score_term(one, counts, corpus, long) for one in query_terms]
        covered = sum(min(share, need) for (_, share), need in zip(pairs, needs, strict=True))
        scored = ScoredCandidate(
            index=index, score=sum(score for score, _ in pairs), coverage=covered / total
        )
        if scored.coverage >= min_coverage:
            found.append(scored)
    return sorted(found, key=lambda one: (-one.score, one.index))


def rarest_terms(
    query_terms: Iterable[QueryTerm], corpus: CorpusStatistics, *, max_passages: int
) -> list[str]:
    """Return the rarest terms of a question, as many as ``most`` passages have together; at least one."""
    terms = {term for one in query_terms for term in one.variants if corpus.document_frequencies.get(term)}
    chosen: list[str] = []
    room = max_passages
    for term in sorted(terms, key=lambda term: (corpus.document_frequencies[term], term)):
        room -= corpus.document_frequencies[term]
        if chosen and room < 0:
            break
        chosen.append(term)
    return chosen


def _term_information(query_term: QueryTerm, corpus: CorpusStatistics) -> float:
    """Return how much a word tells; of one that stands nowhere, what its synonyms tell."""
    told = corpus.idf(query_term.term) or max(
        (corpus.idf(other) for other in query_term.synonyms), default=0.0
    )
    return query_term.weight * (told or corpus.max_idf * UNSEEN_TERM_FACTOR)


def _score_term(
    query_term: QueryTerm, counts: Counter[str], corpus: CorpusStatistics, length_norm: float
) -> tuple[float, float]:
    """Return a word's part of the score, and of what the question tells, in one passage."""

    def part(term: str) -> tuple[float, float]:
        told, often = corpus.idf(term), counts[term]
        return told * often * (K1 + 1) / (often + length_norm), told if often else 0.0

    options = [(1.0, part(query_term.term))] + [
        (SYNONYM_WEIGHT, part(other)) for other in query_term.synonyms
    ]
    for pieces, weight, of in (
        (query_term.subwords, SYNONYM_WEIGHT, len(query_term.subwords)),
        (
            query_term.characters,
            PARTIAL_MATCH_WEIGHT,
            len(query_term.term),
        ),  # those that tell nothing count as missing
    ):
        if pieces:
            scores, shares = zip(*(part(piece) for piece in pieces), strict=True)
            options.append((weight, (sum(scores) / of, sum(shares) / of)))
    weight, (score, told) = max(options, key=lambda option: option[0] * option[1][0])
    return query_term.weight * weight * score, query_term.weight * weight * told
