"""Recognises texts that show nothing, and texts that repeat themselves. Pure."""

import re
from typing import Final

from core.text.visible_text import has_visible_text

HTML_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)  #: hidden, also while it is open
_MARKS: Final = str.maketrans("", "", "*_~`>#|=+-")  #: of Markdown; alone they show nothing

REPETITION_CHARS: Final = 2_000  #: end of a text that is looked at
MAX_PERIOD_CHARS: Final = 200  #: longest piece that counts as repeated


def is_empty_reply(text: str) -> bool:
    """Return whether a reply shows nothing: white space, joiners, marks and comments alone are no answer."""
    if "<!--" in text:
        text = HTML_COMMENT.sub("", text)
    return not has_visible_text(text.translate(_MARKS))


def repeats_itself(text: str) -> bool:
    """Return whether the last ``REPETITION_CHARS`` characters are one short piece over and over."""
    end = text[-REPETITION_CHARS:]
    if len(end) < REPETITION_CHARS:
        return False
    return any(end[period:] == end[:-period] for period in range(1, MAX_PERIOD_CHARS + 1))
