"""Parsing of the operator's list of secret terms. Pure."""

import re
from collections.abc import Mapping
from typing import Final

MIN_TERM_CHARS: Final = 2  #: a single character would match in every text


def parse_terms(text: str) -> Mapping[str, str]:
    """Parse "codename=Bluebird, Project Sunrise" into term → key; the key is "" if there is none.

    Raises:
        ValueError: a term is too short, or a key is not a plain name. The message contains no term.
    """
    terms: dict[str, str] = {}
    for number, entry in enumerate(filter(None, map(str.strip, re.split(r"[,;，；\n]", text))), 1):
        key, separator, term = entry.partition("=")
        key, term = (key.strip(), term.strip()) if separator else ("", entry)
        if len(term) < MIN_TERM_CHARS:
            raise ValueError(f"has a word (number {number}) of less than {MIN_TERM_CHARS} characters")
        if key and not re.fullmatch(r"[A-Za-z][A-Za-z_-]{0,30}", key):
            raise ValueError(f"has a key (number {number}) that is more than letters, - and _")
        terms[term] = key
    return terms
