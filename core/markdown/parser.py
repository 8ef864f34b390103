r"""The Markdown that models write, read with markdown-it.

CommonMark with these differences, each because models (and people reading over their shoulder)
mean something else:

- HTML is text: ``Vec<T>``, ``<think>`` and ``<div>`` stay;
- emphasis works next to Chinese, Japanese and Korean without spaces, and does not begin inside a
  Latin word or number: ``2*3*4``, ``a*b*c`` and ``__init__`` stay;
- tables keep pipes inside code and cells beyond the header's count;
- ``||spoiler||`` and ``~~strike~~`` are known; maths between dollars or ``\( \)`` is left alone;
- no underlined headings and no link definitions: both would change text that is long shown.
"""

import re
import unicodedata
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

from core.markdown.grid import alignment, cells
from core.markdown.inline import address_end
from core.markdown.lines import is_table_rule

_MATH = re.compile(
    r"\\\((?:.|\n)+?\\\)|\\\[(?:.|\n)+?\\\](?!\()|\$\$[^$]+\$\$|\$(?![\s$])(?:\\.|[^$\n\\`])*?(?<![\s\\])\$(?![0-9A-Za-z$({])"
)
_MATH_OPEN = {"$$": "$$", "\\[": "\\]"}
_DUNDER = re.compile(r"__[a-z0-9]+(?:_[a-z0-9]+)*__(?![0-9A-Za-z_])")
_SPOILER = re.compile(r"\|\|(?=\S)((?:(?!\|\|)[^\n])+?)(?<=\S)\|\|(?![0-9A-Za-z|])")
_WORD = re.compile(r"[0-9A-Za-z]")


@cache
def parser() -> MarkdownIt:
    """Return the parser; it holds no state between calls."""
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": 40})
    md.enable("strikethrough")
    md.disable(["html_block", "html_inline", "lheading", "reference"])
    md.validateLink = lambda url: True  # type: ignore[method-assign]  # the renderer decides what may be a link
    md.inline.ruler.at("emphasis", _emphasis)
    md.inline.ruler.at("strikethrough", _strike)
    md.inline.ruler.before("escape", "math", _math)
    md.inline.ruler.before("emphasis", "dunder", _dunder)
    md.inline.ruler.before("emphasis", "spoiler", _spoiler)
    md.inline.ruler.before("escape", "address", _address)
    md.inline.add_terminator_char("$")
    md.inline.add_terminator_char("|")
    md.block.ruler.before("fence", "math_block", _math_block, {"alt": ["paragraph", "blockquote", "list"]})
    md.block.ruler.before("paragraph", "grid", _grid, {"alt": ["paragraph"]})
    return md


def is_wide(char: str) -> bool:
    """Tell whether a character belongs to a script written without spaces, or its punctuation."""
    return unicodedata.east_asian_width(char) in "WF"


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char)[0] in "PS" and not is_wide(char)


def _delimiters(state: StateInline, marker: str) -> None:
    """Push a run of markers with what it can open and close."""
    start = state.pos
    end = start
    while end < state.posMax and state.src[end] == marker:
        end += 1
    before = state.src[start - 1] if start else " "
    after = state.src[end] if end < state.posMax else " "
    can_open, can_close = _sides(before, after, marker, end - start)
    if marker == "*" and _is_glob(before, after, state.src[end + 1 : end + 2], end - start):
        can_open = can_close = False
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


def _sides(before: str, after: str, marker: str, length: int) -> tuple[bool, bool]:
    """CommonMark's flanking rule, made friendly to scripts without spaces."""
    strong = length > 1 and marker == "*"
    left = not after.isspace() and (
        not _is_punctuation(after) or before.isspace() or _is_punctuation(before) or is_wide(before)
    )
    right = not before.isspace() and (
        strong or not _is_punctuation(before) or after.isspace() or _is_punctuation(after) or is_wide(after)
    )
    if _WORD.match(before) and _WORD.match(after):
        return False, marker == "*" and (strong or not after.isdigit())
    if marker == "_":
        return left and (not right or _is_punctuation(before)), right and (not left or _is_punctuation(after))
    return left, right


def _is_glob(before: str, after: str, second: str, length: int) -> bool:
    """Stars of a file pattern: ``*.py``, ``src/**/*.ts``."""
    return (before == "/" and after in "./") or (length == 1 and after == "." and second.isalnum())


def _emphasis(state: StateInline, silent: bool) -> bool:
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    _delimiters(state, marker)
    return True


def _strike(state: StateInline, silent: bool) -> bool:
    if silent or not state.src.startswith("~~", state.pos):
        return False
    run = len(state.src) - state.pos - len(state.src[state.pos :].lstrip("~"))
    if run != 2:
        state.push("text", "", 0).content = "~" * run
        state.pos += run
        return True
    before = state.src[state.pos - 1] if state.pos else " "
    after = state.src[state.pos + 2] if state.pos + 2 < state.posMax else " "
    state.push("text", "", 0).content = "~~"
    state.delimiters.append(
        Delimiter(
            marker=0x7E,
            length=0,
            token=len(state.tokens) - 1,
            end=-1,
            open=not after.isspace(),
            close=not before.isspace(),
        )
    )
    state.pos += 2
    return True


def _math(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "\\$":
        return False
    match = _MATH.match(state.src, state.pos, state.posMax)
    if match is None or "\n\n" in match.group():
        return False
    if not silent:
        state.push("math", "", 0).content = match.group()
    state.pos = match.end()
    return True


def _address(state: StateInline, silent: bool) -> bool:
    """A bare web address is no place for emphasis; the platforms link it themselves."""
    if not state.src.startswith("://", state.pos):
        return False
    start = state.src.rfind("http", max(0, state.pos - 5), state.pos)
    if start < 0 or state.src[start : state.pos] not in ("http", "https"):
        return False
    end = address_end(state.src, start, state.posMax)
    if end <= state.pos:
        return False
    if not silent:
        state.append_pending(state.src[state.pos : end])
    state.pos = end
    return True


def _dunder(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("__", state.pos) or (state.pos and state.src[state.pos - 1] == "_"):
        return False
    match = _DUNDER.match(state.src, state.pos, state.posMax)
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


def _grid(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if start + 1 >= end or state.sCount[start + 1] < state.blkIndent or state.is_code_block(start):
        return False
    head, rule = _line(state, start), _line(state, start + 1)
    if "|" not in head or not is_table_rule(rule):
        return False
    if silent:
        return True
    line = start + 2
    rows = [cells(head)]
    while line < end and state.sCount[line] >= state.blkIndent and "|" in _line(state, line):
        rows.append(cells(_line(state, line)))
        line += 1
    token = state.push("grid", "", 0)
    token.meta = {"rows": rows, "align": [alignment(cell) for cell in cells(rule)]}
    token.map = [start, line]
    state.line = line
    return True
