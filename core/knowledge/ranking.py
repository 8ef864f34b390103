"""Which passages answer a question: BM25 over words, their synonyms and characters, with a floor. Pure.

The floor asks how much of the question a passage covers: of all that the question tells (each word as
much as it is rare), the share that stands in the passage. Words that no passage has count as rare as
can be, so that a question about something else is refused although it shares a word or two.

``LIGHT``, ``UNKNOWN`` and ``FLOOR`` were chosen by a grid over the demo's two tables (60 questions to be
found, 20 to be refused in each) and 30 more written after those (``tests/core/knowledge``): the lowest
floor at which 90 % of the former are refused. What it means on questions that nobody tuned for is in
the README.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.knowledge.synonyms import WEIGHT, synonyms_of
from core.knowledge.words import characters_of, is_han, is_light, parts_of, terms_of

K1 = 1.2  #: how soon a repeated word counts no more
B = 0.5  #: how much a long passage counts less
HEADING = 2  #: how often a heading's words count
PARTIAL = 0.5  #: of a Chinese word of which only characters are found
SINGLE = 0.6  #: of a Chinese word that is one character
LIGHT = 0.4  #: of a word of every day
UNKNOWN = 1.2  #: of a word that stands nowhere, beside one that stands in one passage only
FLOOR = 0.33  #: the share of a question that a passage must cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One word of a question, with what stands for it."""

    term: str
    weight: float
    others: frozenset[str]  #: synonyms
    parts: tuple[str, ...] = ()  #: shorter words within a Chinese word
    characters: tuple[str, ...] = ()  #: of a Chinese word

    @property
    def all(self) -> frozenset[str]:
        """Return every term that a passage may have in its place."""
        return self.others | {self.term, *self.parts, *self.characters}


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What is known of all passages that a question may find."""

    passages: int
    mean_length: float  #: in words
    frequencies: Mapping[str, int] = field(default_factory=dict)  #: term → passages that have it

    def rarity(self, term: str) -> float:
        """Return how much a term tells (BM25's inverse document frequency), 0 where no passage has it."""
        found = self.frequencies.get(term, 0)
        return self._rarity(found) if found else 0.0

    @property
    def rarest(self) -> float:
        """Return what a term tells that one passage has."""
        return self._rarity(1)

    def _rarity(self, found: int) -> float:
        return math.log(1 + (self.passages - found + 0.5) / (found + 0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """How well one candidate fits."""

    index: int  #: among the candidates
    score: float  #: BM25
    coverage: float  #: 0 … 1, the share of the question that stands in it


def wanted_of(question: str) -> Sequence[Wanted]:
    """Return what a question asks for; nothing where it holds no word that tells something."""
    return [
        Wanted(
            term=term,
            weight=_weight(term),
            others=synonyms_of(term),
            parts=parts_of(term),
            characters=characters_of(term),
        )
        for term in dict.fromkeys(terms_of(question))
    ]


def _weight(term: str) -> float:
    single = SINGLE if len(term) == 1 and is_han(term) else 1.0
    return single * (LIGHT if is_light(term) else 1.0)


def rank(
    wanted: Sequence[Wanted], candidates: Sequence[tuple[str, int]], corpus: Corpus, *, floor: float = FLOOR
) -> list[Scored]:
    """Return the candidates that reach the floor, best first; of equal ones the first given is first.

    A candidate is its terms, with blanks between, and its length in words.
    """
    needs = [_need(one, corpus) for one in wanted]
    total = sum(needs)
    if not total or not corpus.passages:
        return []
    found = []
    for index, (words, length) in enumerate(candidates):
        counts = Counter(words.split(" "))
        long = K1 * (1 - B + B * length / max(1.0, corpus.mean_length))
        pairs = [_met(one, counts, corpus, long) for one in wanted]
        covered = sum(min(share, need) for (_, share), need in zip(pairs, needs, strict=True))
        scored = Scored(index=index, score=sum(score for score, _ in pairs), coverage=covered / total)
        if scored.coverage >= floor:
            found.append(scored)
    return sorted(found, key=lambda one: (-one.score, one.index))


def rare_enough(wanted: Iterable[Wanted], corpus: Corpus, *, most: int) -> list[str]:
    """Return the rarest terms of a question, as many as ``most`` passages have together; at least one."""
    terms = {term for one in wanted for term in one.all if corpus.frequencies.get(term)}
    chosen: list[str] = []
    room = most
    for term in sorted(terms, key=lambda term: (corpus.frequencies[term], term)):
        room -= corpus.frequencies[term]
        if chosen and room < 0:
            break
        chosen.append(term)
    return chosen


def _need(one: Wanted, corpus: Corpus) -> float:
    """Return how much a word tells; of one that stands nowhere, what its synonyms tell."""
    told = corpus.rarity(one.term) or max((corpus.rarity(other) for other in one.others), default=0.0)
    return one.weight * (told or corpus.rarest * UNKNOWN)


def _met(one: Wanted, counts: Counter[str], corpus: Corpus, long: float) -> tuple[float, float]:
    """Return a word's part of the score, and of what the question tells, in one passage."""

    def part(term: str) -> tuple[float, float]:
        told, often = corpus.rarity(term), counts[term]
        return told * often * (K1 + 1) / (often + long), told if often else 0.0

    options = [(1.0, part(one.term))] + [(WEIGHT, part(other)) for other in one.others]
    for pieces, weight, of in (
        (one.parts, WEIGHT, len(one.parts)),
        (one.characters, PARTIAL, len(one.term)),  # those that tell nothing count as missing
    ):
        if pieces:
            scores, shares = zip(*(part(piece) for piece in pieces), strict=True)
            options.append((weight, (sum(scores) / of, sum(shares) / of)))
    weight, (score, told) = max(options, key=lambda option: option[0] * option[1][0])
    return one.weight * weight * score, one.weight * weight * told
