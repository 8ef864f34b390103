r"""The Markdown that models write, read with markdown-it.

CommonMark with these differences, each because models (and people reading over their shoulder)
mean something else:

- HTML is text: ``Vec<T>``, ``<think>`` and ``<div>`` stay; so does ``<std::string>``, since only
  web and mail addresses between angle brackets are links;
- emphasis follows :mod:`core.markdown.flanking`, and ``__init__`` is a name;
- tables keep pipes inside code and cells beyond the header's count;
- ``||spoiler||`` and ``~~strike~~`` are known; maths between dollars or ``\( \)`` is left alone;
- no underlined headings and no link definitions: both would change text that is long shown.
"""

import re
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

from core.markdown.flanking import can_open_and_close
from core.markdown.inline import DUNDER, MATHS, url_end
from core.markdown.lines import is_table_delimiter
from core.markdown.tables import alignment, split_cells

_MATH_OPEN = {"$$": "$$", "\\[": "\\]"}
_AUTOLINK = re.compile(r"<((?:https?://|mailto:|tg:)[^\s<>]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>", re.IGNORECASE)
_SPOILER = re.compile(r"\|\|(?=\S)((?:(?!\|\|)[^\n])+?)(?<=\S)\|\|(?![0-9A-Za-z|])")
_WORD = re.compile(r"[0-9A-Za-z]")


@cache
def parser() -> MarkdownIt:
    """Return the parser; it holds no state between calls."""
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": 200})
    md.enable("strikethrough")
    md.disable(["html_block", "html_inline", "lheading", "reference"])
    md.validateLink = lambda url: True  # type: ignore[method-assign]  # the renderer decides what may be a link
    md.inline.ruler.at("emphasis", _emphasis)
    md.inline.ruler.at("strikethrough", _strikethrough)
    md.inline.ruler.at("autolink", _autolink)
    md.inline.ruler.before("escape", "math", _math)
    md.inline.ruler.before("emphasis", "dunder", _dunder)
    md.inline.ruler.before("emphasis", "spoiler", _spoiler)
    md.inline.ruler.before("escape", "address", _bare_url)
    md.inline.add_terminator_char("$")
    md.inline.add_terminator_char("|")
    md.block.ruler.before("fence", "math_block", _math_block, {"alt": ["paragraph", "blockquote", "list"]})
    md.block.ruler.before("paragraph", "grid", _table, {"alt": ["paragraph"]})
    return md


def _delimiters(state: StateInline, marker: str) -> None:
    """Push a run of markers with its ability to open and to close spans."""
    start = state.pos
    end = start
    while end < state.posMax and state.src[end] == marker:
        end += 1
    before = state.src[start - 1] if start else " "
    after = state.src[end] if end < state.posMax else " "
    can_open, can_close = can_open_and_close(
        marker * (end - start), before, after, state.src[end + 1 : end + 2]
    )
    for _ in range(end - start):
        token = state.push("text", "", 0)
        token.content = marker
        state.delimiters.append(
            Delimiter(
                marker=ord(marker),
                length=end - start,
                token=len(state.tokens) - 1,
                end=-1,
                open=can_open,
                close=can_close,
            )
        )
    state.pos = end


def _emphasis(state: StateInline, silent: bool) -> bool:
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    _delimiters(state, marker)
    return True


def _strikethrough(state: StateInline, silent: bool) -> bool:
    if silent or not state.src.startswith("~~", state.pos):
        return False
    run = len(state.src) - state.pos - len(state.src[state.pos :].lstrip("~"))
    if run != 2:
        state.push("text", "", 0).content = "~" * run
        state.pos += run
        return True
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[state.pos + 2] if state.pos + 2 < state.posMax else " "
    can_open, can_close = can_open_and_close("~~", before, after)
    state.push("text", "", 0).content = "~~"
    state.delimiters.append(
        Delimiter(
            marker=0x7E,
            length=0,
            token=len(state.tokens) - 1,
            end=-1,
            open=can_open,
            close=can_close,
        )
    )
    state.pos += 2
    return True


def _math(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "\\$":
        return False
    match = MATHS.match(state.src, state.pos, state.posMax)
    if match is None or "\n\n" in match.group():
        return False
    if not silent:
        state.push("math", "", 0).content = match.group()
    state.pos = match.end()
    return True


def _autolink(state: StateInline, silent: bool) -> bool:
    match = _AUTOLINK.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        address = match.group(1)
        token = state.push("link_open", "a", 1)
        token.attrs = {"href": address if ":" in address else f"mailto:{address}"}
        state.push("text", "", 0).content = address
        state.push("link_close", "a", -1)
    state.pos = match.end()
    return True


def _bare_url(state: StateInline, silent: bool) -> bool:
    """A bare web address is no place for emphasis; the platforms link it themselves."""
    if not state.src.startswith("://", state.pos):
        return False
    start = state.src.rfind("http", max(0, state.pos - 5), state.pos)
    if start < 0 or state.src[start : state.pos] not in ("http", "https"):
        return False
    end = url_end(state.src, start, state.posMax)
    if end <= state.pos:
        return False
    if not silent:
        state.append_pending(state.src[state.pos : end])
    state.pos = end
    return True


def _dunder(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("__", state.pos) or (state.pos and state.src[state.pos - 1] == "_"):
        return False
    match = DUNDER.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("text", "", 0).content = match.group()
    state.pos = match.end()
    return True


def _spoiler(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("||", state.pos):
        return False
    if state.pos and (_WORD.match(state.src[state.pos - 1]) or state.src[state.pos - 1] == "|"):
        return False
    match = _SPOILER.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("spoiler_open", "", 1)
        end, state.posMax = state.posMax, match.end(1)
        state.pos += 2
        state.md.inline.tokenize(state)
        state.posMax = end
        state.push("spoiler_close", "", -1)
    state.pos = match.end()
    return True


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    first = _line(state, start).strip()
    closer = _MATH_OPEN.get(first[:2])
    if closer is None or state.is_code_block(start):
        return False
    line = start
    content = first[2:]
    while closer not in content:
        line += 1
        if line >= end or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            return False
        content = _line(state, line)
    if not content.rstrip().endswith(closer):
        return False
    if silent:
        return True
    state.line = line + 1
    token = state.push("math_block", "", 0)
    token.content = state.getLines(start, line + 1, state.blkIndent, False).strip()
    token.map = [start, line + 1]
    return True


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if start + 1 >= end or state.sCount[start + 1] < state.blkIndent or state.is_code_block(start):
        return False
    head, rule = _line(state, start), _line(state, start + 1)
    if "|" not in head or not is_table_delimiter(rule):
        return False
    if silent:
        return True
    line = start + 2
    rows = [split_cells(head)]
    while line < end and state.sCount[line] >= state.blkIndent and "|" in _line(state, line):
        rows.append(split_cells(_line(state, line)))
        line += 1
    token = state.push("grid", "", 0)
    token.meta = {"rows": rows, "align": [alignment(cell) for cell in split_cells(rule)]}
    token.map = [start, line]
    state.line = line
    return True
