"""Markdown as Slack reads it: standard, but for emphasis beside letters of scripts without spaces."""

import re

from core.markdown.borders import blocks
from core.markdown.flanking import is_wide
from core.markdown.inline import read
from core.markdown.lines import FENCED, Kind, scan

GAP = "\u200b"
GAP_BYTES = 3
BESIDE_WIDE = re.compile(r"(?<=[^\x00-\u2fff])[*_~`]+|[*_~`]+(?=[^\x00-\u2fff])")
"""Where :func:`spaced` may put a gap, at the most."""


def spaced(text: str) -> str:
    """Put a zero-width space between emphasis and letters of scripts without spaces.

    Slack shows ``**重要**です`` with its asterisks otherwise.
    """
    gaps: list[int] = []
    lines = scan(text)
    for block in blocks(lines):
        first, last = lines[block[0]], lines[block[-1]]
        if first.kind in FENCED or first.kind is Kind.BLANK:
            continue
        for start, end, mark in read(text, first.body, last.end, growing=False).closed:
            if mark[-1] == "[":
                continue
            if start > first.body and is_wide(text[start - 1]):
                gaps.append(start)
            if end < last.end and is_wide(text[end]):
                gaps.append(end)
    for at in sorted(set(gaps), reverse=True):
        text = text[:at] + GAP + text[at:]
    return text
