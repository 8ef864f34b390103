"""Adapts Markdown to Slack: it needs a gap between emphasis and letters of scripts without spaces."""

import re
from itertools import pairwise

from core.markdown.break_points import group_blocks
from core.markdown.flanking import is_wide
from core.markdown.inline import read_inline
from core.markdown.lines import FENCE_KINDS, LineKind, scan_lines

ZERO_WIDTH_SPACE = "\u200b"
ZERO_WIDTH_SPACE_BYTES = 3
EMPHASIS_BESIDE_WIDE = re.compile(r"(?<=[^\x00-\u2fff])[*_~`]++|(?<![*_~`])[*_~`]++(?=[^\x00-\u2fff])")
"""Every place in which :func:`separate_emphasis` may insert a space."""


def separate_emphasis(text: str) -> str:
    """Insert a zero-width space between emphasis and letters of scripts without spaces.

    Otherwise Slack shows the asterisks of ``**重要**です`` (observed, not documented).
    """
    if not EMPHASIS_BESIDE_WIDE.search(text):
        return text
    gaps: list[int] = []
    lines = scan_lines(text)
    for block in group_blocks(lines):
        first, last = lines[block[0]], lines[block[-1]]
        if first.kind in FENCE_KINDS or first.kind is LineKind.BLANK:
            continue
        for start, end, mark in read_inline(text, first.content_start, last.end, may_grow=False).closed:
            if mark[-1] == "[":
                continue
            if start > first.content_start and is_wide(text[start - 1]):
                gaps.append(start)
            if end < last.end and is_wide(text[end]):
                gaps.append(end)
    edges = [0, *sorted(set(gaps)), len(text)]
    return ZERO_WIDTH_SPACE.join(text[start:end] for start, end in pairwise(edges))
