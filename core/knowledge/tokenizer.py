"""Tokenizer of search: the words of a stored text and of a question. Pure.

Chinese is segmented by rjieba's dictionary. Other scripts are split at everything that is neither letter
nor digit, and English words are stemmed.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from core.knowledge.stopwords import CHINESE_STOPWORDS, COMMON_WORDS, ENGLISH_STOPWORDS, NUMBER_WORDS

MAX_TERM_CHARS = 40  #: of a term; what follows is cut off
_TOKEN = re.compile("(?P<han>[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0010ffff]+)|(?P<word>[^\\W_]+)")
_CONTRACTION = re.compile(r"(?<=[a-z])'(?:s|re|ve|ll|d|m|t)\b")
_VOWEL = re.compile("[aeiouy]")
_CACHED_WORDS = 50_000
#: (phrase, term): other spellings of a word, and phrases that ask for one.
_PHRASES = (
    (re.compile(r"\b(?:log|sign)(?:ged|ging|s|ning)?[ -]in(?:to)?\b"), "login"),
    (re.compile(r"\b(?:log|sign)(?:ged|ging|s)?[ -]out\b"), "logout"),
    (re.compile(r"\bsign(?:ed|ing|s)?[ -]up\b"), "signup"),
    (re.compile(r"\bmoney back\b"), "refund"),
    (re.compile(r"\bhow much\b"), "price"),
    (re.compile(r"\b(?:e-mail|e mail)s?\b"), "email"),
    (re.compile(r"\bco-worker"), "coworker"),
    (re.compile(r"\b(?:two|2)[ -]factor\b"), "2fa"),
    (re.compile(r"\bsingle sign[ -]?on\b"), "sso"),
    (re.compile("多少钱|什么价|啥价"), "价格"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a text."""

    term: str  #: stemmed, at most :data:`MAX_TERM_CHARS` characters
    is_stopword: bool  #: a function word, which says little about the text's subject


def tokenize(text: str) -> list[str]:
    """Return a text's terms in order, with repetitions, without stopwords, with phrases as their terms."""
    folded = fold(text)
    for pattern, term in _PHRASES:
        folded = pattern.sub(f" {term} ", folded)
    return [word.term for word in split_words(folded) if not word.is_stopword]


def phrase_terms(folded: str) -> list[str]:
    """Return the terms that the phrases of a folded text add to its words."""
    return [term for pattern, term in _PHRASES if pattern.search(folded)]


def fold(text: str) -> str:
    """Return a text in NFKC and lower case, without English contractions."""
    return _CONTRACTION.sub("", unicodedata.normalize("NFKC", text).casefold().replace("’", "'"))


def split_runs(folded: str) -> Iterator[tuple[str, str]]:
    """Yield (Chinese run, "") and ("", other word) in the order of a folded text."""
    for run in _TOKEN.finditer(folded):
        yield run["han"] or "", run["word"] or ""


def split_words(folded: str) -> Iterator[Word]:
    """Yield a folded text's words in order, with repetitions."""
    for han, word in split_runs(folded):
        if han:
            yield from split_chinese(han)
        else:
            yield latin_word(word)


def latin_word(word: str) -> Word:
    """Return a word of a script that separates words; long ones, which are rare, are not cached."""
    return _cached_word(word) if len(word) <= MAX_TERM_CHARS else _make_word(word)


def _make_word(word: str) -> Word:
    if word in ENGLISH_STOPWORDS:
        return Word(term=word[:MAX_TERM_CHARS], is_stopword=True)
    return Word(term=stem(NUMBER_WORDS.get(word, word))[:MAX_TERM_CHARS], is_stopword=False)


_cached_word = lru_cache(maxsize=_CACHED_WORDS)(_make_word)


def split_chinese(run: str) -> Iterator[Word]:
    """Yield the words of Chinese text.

    Adjacent single characters are yielded in overlapping pairs, because words of a trade, such as 生普,
    are in no dictionary.
    """
    single = ""  # adjacent single characters
    for word in (*_segmenter().cut(run, False), ""):
        is_stopword = word in CHINESE_STOPWORDS
        if len(word) == 1 and not is_stopword:
            single += word
            continue
        if single:
            for at in range(max(1, len(single) - 1)):
                yield Word(term=single[at : at + 2], is_stopword=False)
            single = ""
        if word:
            yield Word(term=word, is_stopword=is_stopword)


def subwords_of(term: str) -> tuple[str, ...]:
    """Return the shorter words within a Chinese word; most have none."""
    if len(term) < 3 or not is_han(term):
        return ()
    return tuple(part for part in _segmenter().cut_for_search(term, False) if 1 < len(part) < len(term))


def characters_of(term: str) -> tuple[str, ...]:
    """Return the characters of a Chinese word that are no stopwords; () for a single character."""
    if len(term) < 2 or not is_han(term):
        return ()
    return tuple(char for char in term if char not in CHINESE_STOPWORDS)


def is_han(term: str) -> bool:
    """Return whether a term consists of Chinese characters."""
    found = _TOKEN.match(term)
    return found is not None and bool(found["han"])


def is_common(term: str) -> bool:
    """Return whether a term is an everyday word."""
    return term in _common_terms()


@cache
def _common_terms() -> frozenset[str]:
    return frozenset(stem(word) for word in COMMON_WORDS)


def normalize(text: str) -> str:
    """Return a text without case, blanks and punctuation, for comparison."""
    return "".join(found[0] for found in _TOKEN.finditer(fold(text)))


def _segmenter() -> Any:
    import rjieba  # late: loading its dictionary takes a moment, and few processes need it

    return rjieba


def stem(word: str) -> str:
    """Return an English word's stem; short and non-ASCII words stay as they are."""
    if not word.isascii() or not word.isalpha() or len(word) <= 3:
        return word
    short = _strip_suffix(word)
    if short != word and short.endswith("er"):  # "ordered" as "order" and "orders"
        short = _strip_suffix(short)
    return _normalize_stem(short)


def _strip_suffix(word: str) -> str:
    for ending, by in _SUFFIXES:
        if word.endswith(ending) and len(word) - len(ending) >= (4 if len(ending) > 3 else 3):
            short = word[: -len(ending)] + by
            return short if _VOWEL.search(short) else word
    return word


#: (suffix, replacement), longest first; the first that matches is applied.
_SUFFIXES = (
    ("ifications", "ify"),
    ("ification", "ify"),
    ("izations", "ize"),
    ("ization", "ize"),
    ("ations", "ate"),
    ("ation", "ate"),
    ("ellations", "el"),
    ("ements", "e"),
    ("ement", "e"),
    ("ments", ""),
    ("ment", ""),
    ("nesses", ""),
    ("ness", ""),
    ("tions", "t"),
    ("tion", "t"),
    ("ingly", ""),
    ("edly", ""),
    ("ically", "ic"),
    ("ings", ""),
    ("ing", ""),
    ("ies", "y"),
    ("ied", "y"),
    ("sses", "ss"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("xes", "x"),
    ("ers", ""),
    ("er", ""),
    ("ed", ""),
    ("ly", ""),
    ("ss", "ss"),
    ("us", "us"),
    ("is", "is"),
    ("s", ""),
)


def _normalize_stem(stripped: str) -> str:
    """Return the stem that all forms of a word share: "stopp" → "stop", "cancelate" → "cancel"."""
    if len(stripped) > 5 and stripped.endswith("ate"):
        stripped = stripped[:-3]
    if len(stripped) > 3 and stripped[-1] == stripped[-2] and stripped[-1] not in "aeiou":
        stripped = stripped[:-1]
    if len(stripped) > 3 and stripped.endswith("e"):
        stripped = stripped[:-1]
    return stripped[:-1] + "i" if len(stripped) > 3 and stripped.endswith("y") else stripped
