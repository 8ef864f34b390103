"""Which runs of ``*``, ``_``, ``~~`` and ``||`` may open and which may close.

CommonMark's flanking rule with two differences. It is friendly to scripts without spaces:
``**「重要」**です`` is bold. And it does not take products, names and file patterns for emphasis:
``2*3*4``, ``x**2 + y**2``, ``snake_case``, ``*.py`` and ``src/**/*.ts`` stay as they are.
"""

import re
import unicodedata

_WORD = re.compile(r"[0-9A-Za-z]")


def is_wide(char: str) -> bool:
    """Tell whether a character belongs to a script written without spaces, or its punctuation."""
    return unicodedata.east_asian_width(char) in "WF"


def can_open_and_close(run: str, before: str, after: str, after_next: str = "") -> tuple[bool, bool]:
    """Return whether a run of markers may open and whether it may close.

    ``before`` and ``after`` are the characters around it, a space at a border of the block;
    ``second`` is the one behind ``after``, "" where there is none.
    """
    marker = run[0]
    if marker in "~|":
        return _can_open_and_close_loosely(run, before, after)
    if marker == "*" and _is_glob(run, before, after, after_next):
        return False, False
    strong = len(run) > 1 and marker == "*"
    if _WORD.match(before) and _WORD.match(after):
        return False, marker == "*" and (strong or not after.isdigit())
    left = not after.isspace() and (
        not _is_punctuation(after) or before.isspace() or _is_punctuation(before) or is_wide(before)
    )
    right = not before.isspace() and (
        strong or not _is_punctuation(before) or after.isspace() or _is_punctuation(after) or is_wide(after)
    )
    if marker == "_":
        return left and (not right or _is_punctuation(before)), right and (not left or _is_punctuation(after))
    return left, right


def _can_open_and_close_loosely(run: str, before: str, after: str) -> tuple[bool, bool]:
    if len(run) != 2:
        return False, False
    if run[0] == "~":
        return not after.isspace(), not before.isspace()
    return (
        not after.isspace() and not _WORD.match(before),  # not the "or" of a||b
        not before.isspace() and not _WORD.match(after),
    )


def _is_glob(run: str, before: str, after: str, after_next: str) -> bool:
    """Stars of a file pattern: ``*.py``, ``src/**/*.ts``."""
    return (before == "/" and after in "./") or (run == "*" and after == "." and after_next.isalnum())


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS" and not is_wide(char)
