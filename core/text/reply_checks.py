"""Recognises texts that show nothing, and texts that repeat themselves. Pure."""

import re
import unicodedata
from typing import Final

_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_MARKS: Final = frozenset("*_~`>#|=+-")  #: of Markdown; alone they show nothing
_BLANKS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0")  #: letters and symbols without ink
_INVISIBLE_CATEGORIES: Final = frozenset({"Cf", "Cc", "Cs", "Cn", "Zs", "Zl", "Zp", "Mn", "Me"})

REPETITION_CHARS: Final = 2_000  #: end of a text that is looked at
MAX_PERIOD_CHARS: Final = 200  #: longest piece that counts as repeated


def is_empty_reply(text: str) -> bool:
    """Return whether a reply shows nothing: white space, joiners, marks and comments alone are no answer."""
    return not any(_is_visible(char) for char in (_COMMENT.sub("", text) if "<!--" in text else text))


def repeats_itself(text: str) -> bool:
    """Return whether the last ``REPETITION_CHARS`` characters are one short piece over and over."""
    end = text[-REPETITION_CHARS:]
    if len(end) < REPETITION_CHARS:
        return False
    return any(end[period:] == end[:-period] for period in range(1, MAX_PERIOD_CHARS + 1))


def _is_visible(char: str) -> bool:
    if char in _MARKS or char in _BLANKS:
        return False
    return unicodedata.category(char) not in _INVISIBLE_CATEGORIES
