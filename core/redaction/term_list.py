"""Reading the operator's list of secret words. Pure."""

import re
from collections.abc import Mapping
from typing import Final

MIN_TERM_CHARS: Final = 2  #: of a word: one character alone would take every text apart


def parse_terms(text: str) -> Mapping[str, str]:
    """Read "codename=Bluebird, Project Sunrise" into words with their keys, "" for none.

    Raises:
        ValueError: a word is too short, or a key is no plain name. The word itself is not repeated.
    """
    words: dict[str, str] = {}
    for number, entry in enumerate(filter(None, map(str.strip, re.split(r"[,;，；\n]", text))), 1):
        key, found, word = entry.partition("=")
        key, word = (key.strip(), word.strip()) if found else ("", entry)
        if len(word) < MIN_TERM_CHARS:
            raise ValueError(f"has a word (number {number}) of less than {MIN_TERM_CHARS} characters")
        if key and not re.fullmatch(r"[A-Za-z][A-Za-z_-]{0,30}", key):
            raise ValueError(f"has a key (number {number}) that is more than letters, - and _")
        words[word] = key
    return words
