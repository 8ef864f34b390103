"""What of a growing Markdown text reads well already.

:func:`held` only takes away, and what it shows of a text is always a prefix of what it shows of
a longer one: for streams that can only append. :func:`settled` closes emphasis, code and links
that are half open, so that their words can be seen at once: for messages that can be edited.
"""

import re

from core.markdown.borders import blocks
from core.markdown.inline import Inline, Open, read
from core.markdown.lines import FENCED, Kind, Line, is_table_rule, scan

_HALF_MARKER = re.compile(
    r"(?:[-+*]|\d{1,9}[.)]?|#{1,6}|>|`{1,2}|~{1,2}|[-*_=][-*_= \t]*)[ \t]*$"  # a block's marker alone
    r"|(?:[-+*]|\d{1,9}[.)])[ \t]+\[[ xX]?\]?[ \t]*$"  # a task's box
)
_HALF_TAIL = re.compile(r"(?:&#?[0-9A-Za-z]{0,8}|<[/!]?[A-Za-z@#:/.%?=&_~+-]{0,80}|!)$")


def held(text: str) -> str:
    """Return the beginning of ``text`` that no later text will change the look of."""
    lines = scan(text)
    end = _block_end(text, lines)
    inline, _ = _last_inline(text, lines, end)
    if inline is not None:
        end = min([end, *(item.at for item in inline.opened[:1]), *_at(inline.undecided)])
    return _without_tail(text[:end], lines)


def settled(text: str) -> str:
    """Return ``text`` with its half-open end left out or closed."""
    lines = scan(text)
    end = _block_end(text, lines)
    if end < len(text):
        text = text[:end]
        lines = scan(text)
    inline, start = _last_inline(text, lines, len(text))
    if inline is None:
        return _without_tail(text, lines)
    if inline.undecided is not None:
        text = text[: inline.undecided]
    if not any(item.mark[0] == "`" or item.target_at for item in inline.opened):
        text = _without_tail(text, lines)
    return _close(text, inline.opened, start)


def _at(place: int | None) -> list[int]:
    return [] if place is None else [place]


def _without_tail(text: str, lines: list[Line]) -> str:
    if lines and lines[-1].kind in FENCED:
        return text
    match = _HALF_TAIL.search(text, max(0, len(text) - 90))
    return text[: match.start()] if match else text


def _block_end(text: str, lines: list[Line]) -> int:
    """Where the last lines begin if it is not clear yet what they are, else the text's end."""
    if not lines:
        return 0
    last = lines[-1]
    content = text[last.start + len(last.box) : last.end].lstrip(" \t")
    if not last.open:
        return last.start if _may_be_header(text, lines, len(lines) - 1) else len(text)
    if last.kind is Kind.FENCE:
        return last.start
    if last.kind is Kind.CODE and last.fence is not None:
        run = content.rstrip()
        return last.start if run and not run.strip(last.fence.mark[0]) else len(text)
    if last.kind in FENCED:
        return len(text)
    if last.kind is Kind.TABLE_RULE or (
        len(lines) > 1 and _may_be_rule(content) and _may_be_header(text, lines, len(lines) - 2)
    ):
        return lines[-2].start
    if _may_be_header(text, lines, len(lines) - 1) or _HALF_MARKER.match(content):
        return last.start
    return len(text)


def _may_be_rule(content: str) -> bool:
    return not content.strip("|:- \t")


def _may_be_header(text: str, lines: list[Line], index: int) -> bool:
    """A row of pipes whose next line is not known yet."""
    line = lines[index]
    content = text[line.body : line.end]
    return line.kind is Kind.TEXT and content.startswith("|") and not is_table_rule(content)


def _last_inline(text: str, lines: list[Line], end: int) -> tuple[Inline | None, int]:
    """Read the last block's inline markup up to ``end``."""
    if not lines or lines[-1].kind in FENCED:
        return None, 0
    last = None
    for last in blocks(lines):
        pass
    if last is None:
        return None, 0
    first, line = lines[last[0]], lines[last[-1]]
    if first.kind is Kind.BLANK or first.body >= end:
        return None, 0
    growing = line.open or line.kind in (Kind.TEXT, Kind.ITEM)
    return read(text, first.body, end, growing=growing), first.body


def _close(text: str, opened: list[Open], start: int) -> str:
    """Close what is open, innermost first."""
    closers = ""
    for item in reversed(opened):
        if item.at >= len(text):
            continue
        inner = text[item.at + len(item.mark) :]
        if item.mark[-1] == "[":
            label = inner if not item.target_at else text[item.at + len(item.mark) : item.target_at - 1]
            text = text[: item.at] + label
        elif not inner.strip():
            text = text[: item.at]
        else:
            closers += item.mark
            if item.mark[0] != "`":
                text = text.rstrip()
    del start
    return text + closers
