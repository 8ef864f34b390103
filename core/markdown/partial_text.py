"""What of a growing Markdown text reads well already.

:func:`held` only takes away, and what it shows of a text is always a prefix of what it shows of
a longer one: for streams that can only append. :func:`settled` closes emphasis, code and links
that are half open, so that their words can be seen at once: for messages that can be edited.
"""

import re
from collections.abc import Sequence

from core.markdown.break_points import group_blocks
from core.markdown.inline import InlineMarkup, OpenMarker, read_inline
from core.markdown.lines import (
    FENCE_KINDS,
    LineKind,
    MarkdownLine,
    is_partial_marker,
    is_table_delimiter,
    scan_lines,
)

_PARTIAL_TAIL = re.compile(r"(?:&#?[0-9A-Za-z]{0,8}|<[/!]?[A-Za-z@#:/.%?=&_~+-]{0,80}|!)$")

_NAME = re.compile(r"[a-z0-9_]*")  # may become __init__
_SHORT_LABEL = 60  #: characters of a label that wait until it is clear whether it is a link's
_CLOSERS = {"\\(": "\\)", "\\[": "\\]"}


def stable_prefix(text: str) -> str:
    """Return the beginning of ``text`` that no later text will change the look of."""
    text, lines = _without_undecided_lines(text)
    end = _partial_tail_start(text, lines)
    inline = _read_last_block(text, lines, maths=False)
    if inline is not None:
        end = min([end, *(item.at for item in inline.open_markers[:1]), *_as_list(inline.undecided_at)])
    return text[:end].rstrip()


def close_open_markup(text: str) -> str:
    """Return ``text`` with its half-open end left out or closed."""
    text, lines = _without_undecided_lines(text)
    inline = _read_last_block(text, lines, maths=True)
    if inline is None:
        return text
    end = min([len(text), *_as_list(inline.undecided_at)])
    if not any(item.marker[0] in "`$\\" or item.target_start for item in inline.open_markers):
        end = min(end, _partial_tail_start(text, lines))
    return _close_markers(text[:end], inline.open_markers)


def _without_undecided_lines(text: str) -> tuple[str, Sequence[MarkdownLine]]:
    """Leave out the last lines if it is not clear yet what they are."""
    lines = scan_lines(text)
    end = _decided_end(text, lines)
    return (text, lines) if end == len(text) else (text[:end], scan_lines(text[:end]))


def _as_list(place: int | None) -> list[int]:
    return [] if place is None else [place]


def _partial_tail_start(text: str, lines: Sequence[MarkdownLine]) -> int:
    """Where a character reference or tag begins that may go on."""
    if lines and lines[-1].kind in FENCE_KINDS:
        return len(text)
    match = _PARTIAL_TAIL.search(text, max(0, len(text) - 90))
    return match.start() if match else len(text)


def _decided_end(text: str, lines: Sequence[MarkdownLine]) -> int:
    """Where the last lines begin if it is not clear yet what they are, else the text's end."""
    if not lines:
        return 0
    last = lines[-1]
    content = text[last.start + len(last.quote_prefix) : last.end].lstrip(" \t")
    if not last.unterminated:
        return last.start if _may_be_header(text, lines, len(lines) - 1) else len(text)
    if last.kind is LineKind.FENCE or (last.quote_prefix and not content and last.kind is LineKind.CODE):
        return last.start
    if last.kind is LineKind.CODE and last.fence is not None:
        run = content.rstrip()
        return last.start if run and not run.strip(last.fence.marker[0]) else len(text)
    if last.kind in FENCE_KINDS:
        return len(text)
    above = lines[-2] if len(lines) > 1 else last
    same_quote = above.quote_prefix.count(">") == last.quote_prefix.count(">")
    if same_quote and _may_be_rule(content) and _may_be_header(text, lines, len(lines) - 2):
        return above.start
    if last.kind is LineKind.TABLE_DELIMITER or (last.quote_prefix and not content):
        return last.start
    if _may_be_header(text, lines, len(lines) - 1) or is_partial_marker(content):
        return last.start
    return len(text)


def _may_be_rule(content: str) -> bool:
    return not content.strip("|:- \t")


def _may_be_header(text: str, lines: Sequence[MarkdownLine], index: int) -> bool:
    """Row of pipes that may become a table's header with the next line."""
    line = lines[index]
    content = text[line.content_start : line.end]
    return (
        index >= 0
        and line.kind in (LineKind.TEXT, LineKind.TABLE_HEAD)
        and content.startswith("|")
        and not is_table_delimiter(content)
    )


def _read_last_block(text: str, lines: Sequence[MarkdownLine], *, maths: bool) -> InlineMarkup | None:
    """Read the last block's inline markup; None where there is none."""
    if not lines or lines[-1].kind in FENCE_KINDS:
        return None
    block = list(group_blocks(lines))[-1]
    first, last = lines[block[0]], lines[block[-1]]
    if first.kind is LineKind.BLANK or first.content_start >= last.end:
        return None
    growing = last.unterminated or last.kind in (LineKind.TEXT, LineKind.ITEM)
    return read_inline(
        text, first.content_start, len(text) if growing else last.end, may_grow=growing, maths=maths
    )


def _close_markers(text: str, open_markers: list[OpenMarker]) -> str:
    """Close all open spans and blocks, innermost first."""
    closers = ""
    for item in reversed(open_markers):
        begin = item.at + len(item.marker)
        if _is_better_hidden(item, text[begin:]):
            text, closers = text[: item.at], ""
        elif item.marker[-1] == "[" and item.marker[0] != "\\":
            text = text[: item.at] + text[begin : item.target_start - 1 if item.target_start else None]
        else:
            text = text.rstrip("`") if item.marker[0] == "`" else text.rstrip()
            closers += _CLOSERS.get(item.marker, item.marker)
    return text + closers


def _is_better_hidden(item: OpenMarker, inner: str) -> bool:
    """Some open constructs are better left out: empty ones, and those that may come to nothing."""
    if not inner.strip(" \t\n`"):
        return True
    if item.marker == "__":
        return _NAME.fullmatch(inner.strip()) is not None
    return item.marker in ("[", "![") and not item.target_start and len(inner) <= _SHORT_LABEL
