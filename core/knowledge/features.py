"""Features by which a text is found: words and character n-grams. Pure.

Words are stemmed (Latin scripts) or segmented by a dictionary (Chinese). Stopwords are kept with a low
weight. Character n-grams are three characters of a padded Latin word, or one and two characters of a
Chinese run; they match misspelt, inflected and unsegmented text.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from core.knowledge.stopwords import CHINESE_STOPWORDS, ENGLISH_STOPWORDS
from core.knowledge.tokenizer import (
    MAX_TERM_CHARS,
    characters_of,
    fold,
    latin_word,
    phrase_terms,
    split_chinese,
    split_runs,
    subwords_of,
)

GRAM_CHARS: Final = 3  #: length of a Latin word's n-grams
MAX_HAN_GRAM_CHARS: Final = 2  #: longest n-gram of Chinese text
_CACHED_WORDS: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFeatures:
    """Counted features of a stored text."""

    words: Counter[str]  #: terms, with the parts of Chinese words
    grams: Counter[str]
    content_words: int  #: number of words that are no stopwords


def count_features(text: str) -> TextFeatures:
    """Return the features of a stored text."""
    folded = fold(text)
    words: Counter[str] = Counter(phrase_terms(folded))
    grams: Counter[str] = Counter()
    latin: Counter[str] = Counter()
    content_words = 0
    for han, other in split_runs(folded):
        if other:
            latin[other] += 1
            continue
        grams.update(_han_grams(han))
        for word in split_chinese(han):
            words[word.term] += 1
            if not word.is_stopword:
                content_words += 1
                words.update(_parts(word.term))
    for text_word, count in latin.items():
        word = latin_word(text_word)
        words[word.term] += count
        if not word.is_stopword:
            content_words += count
        for gram in latin_grams(text_word):
            grams[gram] += count
    return TextFeatures(words=words, grams=grams, content_words=content_words)


def weigh_grams(folded: str, *, stopword_weight: float) -> dict[str, float]:
    """Return the n-grams of a folded text with their summed weights.

    Args:
        folded: a question, folded by :func:`core.knowledge.tokenizer.fold`.
        stopword_weight: 0 … 1, of an n-gram of a stopword; others weigh 1.
    """
    weights: dict[str, float] = {}
    for han, other in split_runs(folded):
        if han:
            for gram in _han_grams(han):
                weight = stopword_weight if _is_han_stopword(gram) else 1.0
                weights[gram] = weights.get(gram, 0.0) + weight
        else:
            weight = stopword_weight if other in ENGLISH_STOPWORDS else 1.0
            for gram in latin_grams(other):
                weights[gram] = weights.get(gram, 0.0) + weight
    return weights


def latin_grams(word: str) -> tuple[str, ...]:
    """Return the n-grams of one word, padded with a blank at both ends."""
    return _cached_grams(word[:MAX_TERM_CHARS])


@lru_cache(maxsize=_CACHED_WORDS)
def _cached_grams(word: str) -> tuple[str, ...]:
    padded = f" {word} "
    return tuple(padded[at : at + GRAM_CHARS] for at in range(len(padded) - GRAM_CHARS + 1))


@lru_cache(maxsize=_CACHED_WORDS)
def _parts(term: str) -> tuple[str, ...]:
    return (*subwords_of(term), *characters_of(term))


def _han_grams(run: str) -> Iterator[str]:
    for size in range(1, MAX_HAN_GRAM_CHARS + 1):
        yield from (run[at : at + size] for at in range(len(run) - size + 1))


def _is_han_stopword(gram: str) -> bool:
    return gram in CHINESE_STOPWORDS or all(char in CHINESE_STOPWORDS for char in gram)
