"""Divides a growing Markdown text into blocks that are complete, and a rest that still grows. Pure."""

import re
from typing import Final

_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_LIST_ITEM: Final = re.compile(r" {0,3}([-*+]|\d{1,9}[.)])(\s|$)")


def split_blocks(text: str) -> tuple[list[str], str]:
    """Return the complete blocks of a text and its unfinished rest.

    A block ends at a blank line outside a code fence, unless the next line continues it: an indented line,
    or a further item of a list. The beginning of that next line has to be known.
    """
    blocks: list[str] = []
    lines = text.splitlines(keepends=True)
    start, fence, blank = 0, "", False
    for index, line in enumerate(lines):
        if not line.strip() and not fence:
            blank = index > start or blank
            continue
        if blank and not fence and not _continues(lines[start], line):
            if not line.endswith("\n") and len(line) < len("- x"):
                break  # too little of it to know
            blocks.append("".join(lines[start:index]).strip("\n"))
            start = index
        blank = False
        fence = _fence_after(line, fence)
    return [block for block in blocks if block.strip()], "".join(lines[start:])


def _continues(first: str, line: str) -> bool:
    if line.startswith((" ", "\t")):
        return True
    return bool(_LIST_ITEM.match(first) and _LIST_ITEM.match(line))


def _fence_after(line: str, fence: str) -> str:
    """Return the fence that is open after a line; "" if none is."""
    found = _FENCE.match(line)
    if found is None:
        return fence
    if not fence:
        return found[1]
    closes = found[1].startswith(fence) and not line.strip().strip(fence[0])
    return "" if closes else fence
