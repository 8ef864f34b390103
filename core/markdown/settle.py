"""What of a growing Markdown text reads well already.

:func:`held` only takes away, and what it shows of a text is always a prefix of what it shows of
a longer one: for streams that can only append. :func:`settled` closes emphasis, code and links
that are half open, so that their words can be seen at once: for messages that can be edited.
"""

import re
from collections.abc import Sequence

from core.markdown.borders import blocks
from core.markdown.inline import Inline, Open, read
from core.markdown.lines import FENCED, Kind, Line, is_half_marker, is_table_rule, scan

_HALF_TAIL = re.compile(r"(?:&#?[0-9A-Za-z]{0,8}|<[/!]?[A-Za-z@#:/.%?=&_~+-]{0,80}|!)$")

_NAME = re.compile(r"[a-z0-9_]*")  # may become __init__
_SHORT_LABEL = 60  #: characters of a label that wait until it is clear whether it is a link's
_CLOSERS = {"\\(": "\\)", "\\[": "\\]"}


def held(text: str) -> str:
    """Return the beginning of ``text`` that no later text will change the look of."""
    text, lines = _decided(text)
    end = _tail(text, lines)
    inline = _last_inline(text, lines, maths=False)
    if inline is not None:
        end = min([end, *(item.at for item in inline.opened[:1]), *_at(inline.undecided)])
    return text[:end].rstrip()


def settled(text: str) -> str:
    """Return ``text`` with its half-open end left out or closed."""
    text, lines = _decided(text)
    inline = _last_inline(text, lines, maths=True)
    if inline is None:
        return text
    end = min([len(text), *_at(inline.undecided)])
    if not any(item.mark[0] in "`$\\" or item.target_at for item in inline.opened):
        end = min(end, _tail(text, lines))
    return _close(text[:end], inline.opened)


def _decided(text: str) -> tuple[str, Sequence[Line]]:
    """Leave out the last lines if it is not clear yet what they are."""
    lines = scan(text)
    end = _block_end(text, lines)
    return (text, lines) if end == len(text) else (text[:end], scan(text[:end]))


def _at(place: int | None) -> list[int]:
    return [] if place is None else [place]


def _tail(text: str, lines: Sequence[Line]) -> int:
    """Where a character reference or tag begins that may go on."""
    if lines and lines[-1].kind in FENCED:
        return len(text)
    match = _HALF_TAIL.search(text, max(0, len(text) - 90))
    return match.start() if match else len(text)


def _block_end(text: str, lines: Sequence[Line]) -> int:
    """Where the last lines begin if it is not clear yet what they are, else the text's end."""
    if not lines:
        return 0
    last = lines[-1]
    content = text[last.start + len(last.box) : last.end].lstrip(" \t")
    if not last.open:
        return last.start if _may_be_header(text, lines, len(lines) - 1) else len(text)
    if last.kind is Kind.FENCE or (last.box and not content and last.kind is Kind.CODE):
        return last.start
    if last.kind is Kind.CODE and last.fence is not None:
        run = content.rstrip()
        return last.start if run and not run.strip(last.fence.mark[0]) else len(text)
    if last.kind in FENCED:
        return len(text)
    above = lines[-2] if len(lines) > 1 else last
    same_quote = above.box.count(">") == last.box.count(">")
    if same_quote and _may_be_rule(content) and _may_be_header(text, lines, len(lines) - 2):
        return above.start
    if last.kind is Kind.TABLE_RULE or (last.box and not content):
        return last.start
    if _may_be_header(text, lines, len(lines) - 1) or is_half_marker(content):
        return last.start
    return len(text)


def _may_be_rule(content: str) -> bool:
    return not content.strip("|:- \t")


def _may_be_header(text: str, lines: Sequence[Line], index: int) -> bool:
    """A row of pipes whose next line is not known yet."""
    line = lines[index]
    content = text[line.body : line.end]
    return (
        index >= 0
        and line.kind in (Kind.TEXT, Kind.TABLE_HEAD)
        and content.startswith("|")
        and not is_table_rule(content)
    )


def _last_inline(text: str, lines: Sequence[Line], *, maths: bool) -> Inline | None:
    """Read the last block's inline markup; None where there is none."""
    if not lines or lines[-1].kind in FENCED:
        return None
    block = list(blocks(lines))[-1]
    first, last = lines[block[0]], lines[block[-1]]
    if first.kind is Kind.BLANK or first.body >= last.end:
        return None
    growing = last.open or last.kind in (Kind.TEXT, Kind.ITEM)
    return read(text, first.body, len(text) if growing else last.end, growing=growing, maths=maths)


def _close(text: str, opened: list[Open]) -> str:
    """Close what is open, innermost first."""
    closers = ""
    for item in reversed(opened):
        begin = item.at + len(item.mark)
        if _is_shown_later(item, text[begin:]):
            text, closers = text[: item.at], ""
        elif item.mark[-1] == "[" and item.mark[0] != "\\":
            text = text[: item.at] + text[begin : item.target_at - 1 if item.target_at else None]
        else:
            text = text.rstrip("`") if item.mark[0] == "`" else text.rstrip()
            closers += _CLOSERS.get(item.mark, item.mark)
    return text + closers


def _is_shown_later(item: Open, inner: str) -> bool:
    """Some open constructs are better left out: empty ones, and those that may come to nothing."""
    if not inner.strip(" \t\n`"):
        return True
    if item.mark == "__":
        return _NAME.fullmatch(inner.strip()) is not None
    return item.mark in ("[", "![") and not item.target_at and len(inner) <= _SHORT_LABEL
