"""Recognizes Markdown that is nested so deeply that it cannot be meant as markup. Pure.

CommonMark parsers look for the end of a link's label anew at each bracket within it, so a page of open
brackets costs the square of its length.
"""

import re
from typing import Final

from core.markdown.lines import FENCE_KINDS, LineKind, scan_lines

MAX_OPEN_BRACKETS: Final = 50  #: of one paragraph
MAX_BLOCK_DEPTH: Final = 30  #: quote marks or list markers at the start of one line
_DEEP_BLOCK = re.compile(rf"[ \t]*(?:(?:>[ \t]*){{{MAX_BLOCK_DEPTH}}}|(?:[-+*][ \t]+){{{MAX_BLOCK_DEPTH}}})")
_BRACKET = re.compile(r"\\.|[\[\]]")


def is_too_deeply_nested(text: str) -> bool:
    """Return whether brackets, quotes or lists are nested deeper than anybody writes them."""
    depth = 0
    for line in scan_lines(text):
        if line.kind in FENCE_KINDS:
            continue
        if line.kind is LineKind.BLANK:
            depth = 0
            continue
        if _DEEP_BLOCK.match(text, line.start, line.end):
            return True
        for found in _BRACKET.finditer(text, line.content_start, line.end):
            match found[0]:
                case "[":
                    depth += 1
                    if depth > MAX_OPEN_BRACKETS:
                        return True
                case "]":
                    depth = max(0, depth - 1)
                case _:  # escaped
                    pass
    return False
