"""Recognises texts that show nothing, that repeat themselves, and that look finished. Pure."""

import re
import unicodedata
from typing import Final

from core.text.visible_text import has_visible_text

HTML_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)  #: hidden, also while it is open
_MARKS: Final = str.maketrans("", "", "*_~`>#|=+-")  #: of Markdown; alone they show nothing

REPETITION_CHARS: Final = 2_000  #: end of a text that is looked at
MAX_PERIOD_CHARS: Final = 200  #: longest piece that counts as repeated

_SENTENCE_ENDS: Final = ".!?…。！？｡؟।۔‼⁇⁈⁉"
_EMPHASIS: Final = "*_~"
_ENUMERATOR: Final = re.compile(r"(?:\A|\n)[ \t>]*\d{1,9}\.\Z")
_TABLE_ROW: Final = re.compile(r"\|.*\|")
_FENCE: Final = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})", re.MULTILINE)


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


def looks_finished(text: str) -> bool:
    """Return whether a text ends as a whole answer does.

    It ends with a sentence, a symbol such as an emoji, a closed code block or formula, or a whole row of a
    table. Anything else may be cut: within a word, a code block, a link, a bold phrase or after "1.".
    """
    end = text.rstrip()
    last_line = end[end.rfind("\n") + 1 :].strip()
    fences = _FENCE.findall(end)
    if len(fences) % 2:
        return False
    if fences and _FENCE.fullmatch(last_line):
        return True
    if end.endswith(("$$", "\\]")):
        return end.count("$$") % 2 == 0 and end.count("\\[") == end.count("\\]")
    if last_line.startswith("|"):
        return _is_whole_row(end, last_line)
    if _ENUMERATOR.search(end) or last_line.count("**") % 2 or last_line.count("`") % 2:
        return False
    while end and (end[-1] in _EMPHASIS or unicodedata.category(end[-1]) in ("Pe", "Pf", "Mn", "Cf")):
        end = end[:-1]
    end = end.rstrip("\"'")
    return bool(end) and (end[-1] in _SENTENCE_ENDS or unicodedata.category(end[-1]) in ("So", "Sk"))


def _is_whole_row(text: str, last_row: str) -> bool:
    """Return whether the last row of a table has as many cells as the row before it."""
    rows = text.rsplit("\n", 2)
    is_closed = _TABLE_ROW.fullmatch(last_row) is not None
    return is_closed and (len(rows) < 2 or rows[-2].count("|") == last_row.count("|"))
