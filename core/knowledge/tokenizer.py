"""Tokenizer of search: the terms of a stored text and of a question. Pure.

Chinese is segmented by rjieba's dictionary. Single characters are indexed beside the words, so that
synonyms which share a character (退钱, 退款) match in part. Other scripts are split at everything that
is neither letter nor digit, and English words are stemmed.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

from core.knowledge.stopwords import CHINESE_STOPWORDS, COMMON_WORDS, ENGLISH_STOPWORDS, NUMBER_WORDS

MAX_TERM_CHARS = 40  #: PostgreSQL limits lexemes to 2 kB
_TOKEN = re.compile("(?P<han>[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0010ffff]+)|(?P<word>[^\\W_]+)")
_VOWEL = re.compile("[aeiouy]")
_PHRASES = (
    (re.compile(r"\b(?:log|sign)(?:ged|ging|s|ning)?[ -]in(?:to)?\b"), "login"),
    (re.compile(r"\b(?:log|sign)(?:ged|ging|s)?[ -]out\b"), "logout"),
    (re.compile(r"\bsign(?:ed|ing|s)?[ -]up\b"), "signup"),
    (re.compile(r"\bmoney back\b"), "refund"),
    (re.compile(r"\bhow much\b"), "price"),
    (re.compile(r"\b(?:e-mail|e mail)"), "email"),
    (re.compile(r"\b(?:co-worker)"), "coworker"),
    (re.compile(r"\b(?:two|2)[ -]factor\b"), "2fa"),
    (re.compile(r"\bsingle sign[ -]?on\b"), "sso"),
    (re.compile("多少钱|什么价|啥价"), " 价格 "),
)


def tokenize(text: str) -> list[str]:
    """Return a text's terms in order, with repetitions and without stopwords."""
    terms: list[str] = []
    for run in _TOKEN.finditer(_fold(text)):
        if run["han"]:
            terms += _segment_chinese(run["han"])
        elif run["word"] not in ENGLISH_STOPWORDS:
            word = NUMBER_WORDS.get(run["word"], run["word"])
            terms.append(stem(word)[:MAX_TERM_CHARS])
    return terms


def index_terms(text: str) -> list[str]:
    """Return the terms by which a stored text is found: its terms, and the parts of Chinese ones."""
    terms: list[str] = []
    for term in tokenize(text):
        terms += (term, *subwords_of(term), *characters_of(term))
    return terms


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
    return "".join(found[0] for found in _TOKEN.finditer(_fold(text)))


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    plain = re.sub(r"(?<=[a-z])'(?:s|re|ve|ll|d|m|t)\b", "", plain)
    for pattern, word in _PHRASES:
        plain = pattern.sub(word, plain)
    return plain


def _segment_chinese(text: str) -> Iterator[str]:
    """Yield the words of Chinese text.

    Adjacent single characters are yielded in overlapping pairs, because words of a trade, such as 生普,
    are in no dictionary.
    """
    before = ""  # adjacent single characters
    for word in (*_segmenter().cut(text, False), ""):
        if len(word) == 1 and word not in CHINESE_STOPWORDS:
            before += word
            continue
        if before:
            yield from (before[at : at + 2] for at in range(max(1, len(before) - 1)))
            before = ""
        if word and word not in CHINESE_STOPWORDS:
            yield word


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
