"""Words and n-grams of a question, with the terms that match each word. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.knowledge.features import weigh_grams
from core.knowledge.synonyms import SYNONYM_WEIGHT, synonyms_of
from core.knowledge.tokenizer import (
    characters_of,
    fold,
    is_common,
    is_han,
    phrase_terms,
    split_words,
    subwords_of,
)

PARTIAL_MATCH_WEIGHT = 0.5  #: of a Chinese word of which only characters match
SINGLE_CHARACTER_WEIGHT = 0.6  #: of a Chinese word of one character
COMMON_WORD_WEIGHT = 0.4  #: of an everyday word
STOPWORD_WEIGHT = 0.1  #: of a stopword
STOPWORD_GRAM_WEIGHT = 0.5  #: of a stopword's n-grams


@dataclass(frozen=True, slots=True)
class Variant:
    """Terms of which any one in a passage counts as a match of one word."""

    terms: tuple[str, ...]  #: their scores are summed
    weight: float  #: relative to the word itself
    parts: int  #: divisor of the sum


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryWord:
    """One word of a question."""

    term: str
    weight: float
    is_stopword: bool
    synonyms: frozenset[str]
    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalQuery:
    """Words and n-grams of a question."""

    words: Sequence[QueryWord]
    grams: Mapping[str, float]  #: n-gram → weight


def parse_lexical_query(question: str) -> LexicalQuery:
    """Return a question's words and n-grams."""
    folded = fold(question)
    words: dict[str, QueryWord] = {}
    for word in split_words(folded):
        if word.term not in words:
            words[word.term] = _query_word(word.term, is_stopword=word.is_stopword)
    for term in phrase_terms(folded):
        words.setdefault(term, _query_word(term, is_stopword=False))
    return LexicalQuery(
        words=list(words.values()), grams=weigh_grams(folded, stopword_weight=STOPWORD_GRAM_WEIGHT)
    )


def _query_word(term: str, *, is_stopword: bool) -> QueryWord:
    if is_stopword:
        own = (Variant((term,), 1.0, 1),)
        return QueryWord(
            term=term, weight=STOPWORD_WEIGHT, is_stopword=True, synonyms=frozenset(), variants=own
        )
    synonyms = synonyms_of(term)
    variants = [
        Variant((term,), 1.0, 1),
        *(Variant((other,), SYNONYM_WEIGHT, 1) for other in sorted(synonyms)),
    ]
    if subwords := subwords_of(term):
        variants.append(Variant(subwords, SYNONYM_WEIGHT, len(subwords)))
    if characters := characters_of(term):
        variants.append(Variant(characters, PARTIAL_MATCH_WEIGHT, len(term)))
    weight = (SINGLE_CHARACTER_WEIGHT if len(term) == 1 and is_han(term) else 1.0) * (
        COMMON_WORD_WEIGHT if is_common(term) else 1.0
    )
    return QueryWord(term=term, weight=weight, is_stopword=False, synonyms=synonyms, variants=tuple(variants))
