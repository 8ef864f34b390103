"""Replaces markup that no chat platform shows, in the source of a growing Markdown text. Pure.

Models write HTML tags, comments and LaTeX into Markdown. Code is left alone, and so is everything that is not
closed. The result for a text that still grows is a prefix of the result for any longer one.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from core.markdown.formula_text import formula_to_text, is_formula, strip_delimiters
from core.markdown.html_text import html_to_text
from core.markdown.lines import FENCE_KINDS, LineKind, MarkdownLine, scan_lines

MAX_OPEN_CHARS: Final = 2_000  #: an open tag or formula is waited for no longer than this

_BLANK_LINE: Final = r"\n[ \t]*\n"
_CODE: Final = rf"(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:(?!{_BLANK_LINE}).)+?(?<!`)(?P=ticks)(?!`))"
#: What begins anew within a comment or formula ends the search for its end, which would be quadratic.
_COMMENT: Final = rf"(?P<comment><!--(?:(?!<!--).){{0,{MAX_OPEN_CHARS}}}?-->)"
_ROUND: Final = rf"(?:(?!{_BLANK_LINE}|\\\().){{1,{MAX_OPEN_CHARS}}}?"
#: A formula's line break with a length, ``\\[2pt]``, begins none.
_SQUARE: Final = rf"(?:(?!{_BLANK_LINE}|\\(?:(?<!\\\\)|(?<=\\\\\\))\[).){{1,{MAX_OPEN_CHARS}}}?"
_DOLLAR: Final = r"(?<![\\$0-9A-Za-z])\$(?=[^\s$0-9]|[0-9.]+[A-Za-z\\^_({])"  # "$5" is a price
_MATHS: Final = (
    rf"(?P<maths>\\\({_ROUND}\\\)"
    rf"|\\\[{_SQUARE}\\\](?!\()"
    rf"|\$\$(?:(?!{_BLANK_LINE})[^$]){{1,{MAX_OPEN_CHARS}}}\$\$"
    rf"|{_DOLLAR}(?:\\.|[^$\n\\`]){{0,120}}?(?<![\s\\])\$(?![0-9A-Za-z$({{]))"
)
_HTML: Final = (
    r"(?P<html><br\s*/?>|<(?P<shift>sub|sup)>[^<>\n`]{1,60}</(?P=shift)>|</?(?:u|details|summary)>)"
)
_ESCAPED: Final = r"(?P<escaped>\\[!-'*-/:-@^-`{-~])"
_OPEN_COMMENT: Final = r"(?P<open><!--|<!?-?\Z)"
_OPEN: Final = (
    rf"(?P<open><!--|(?:\\[(\[]|\$\$)(?!.*{_BLANK_LINE})"
    rf"|{_DOLLAR}[^$\n]{{0,120}}\Z|\$[0-9.]*\Z"
    r"|<su[bp]>[^<>\n`]{0,60}(?:</?[a-z]{0,3})?\Z|</?[a-z!-]{0,8}\s*/?\Z|\\\Z"
)
_OPEN_CODE: Final = rf"|`(?!.*{_BLANK_LINE})"

_FLAGS: Final = re.DOTALL | re.IGNORECASE
_COMMENTS: Final = re.compile(f"{_CODE}|{_COMMENT}", _FLAGS)
_GROWING_COMMENTS: Final = re.compile(f"{_CODE}|{_COMMENT}|{_OPEN_COMMENT}", _FLAGS)
_ALL: Final = re.compile(f"{_CODE}|{_COMMENT}|{_MATHS}|{_HTML}|{_ESCAPED}", _FLAGS)
_GROWING: Final = re.compile(f"{_ALL.pattern}|{_OPEN})", _FLAGS)
_APPENDED: Final = re.compile(f"{_ALL.pattern}|{_OPEN}{_OPEN_CODE})", _FLAGS)
Replace: TypeAlias = Callable[[re.Match[str], bool], str]


def remove_comments(text: str, *, complete: bool) -> str:
    """Return a text without the HTML comments outside code; an open one is text once it is ``complete``."""
    if "<" not in text:
        return text
    pattern = _COMMENTS if complete else _GROWING_COMMENTS
    return _replace(text, pattern, lambda found, _: "" if found["comment"] else found[0], complete)


def to_plain_markdown(text: str, *, complete: bool, append_only: bool = False) -> str:
    """Return a text with formulas in Unicode or code, and HTML that models write as Markdown.

    Args:
        text: Markdown.
        complete: the text does not grow any more.
        append_only: the result for a longer text has to begin with this one's, also behind a backtick.
    """
    if not any(char in text for char in ("<", "$", "\\", *("`" if append_only and not complete else ""))):
        return text
    pattern = _ALL if complete else _APPENDED if append_only else _GROWING
    return _replace(text, pattern, _plain, complete)


def _replace(text: str, pattern: re.Pattern[str], replace: Replace, complete: bool) -> str:
    """Return a text with every match outside code blocks replaced; without its end if that is still open."""
    lines = scan_lines(text)
    if not complete and lines and lines[-1].kind is LineKind.FENCE and lines[-1].unterminated:
        text = text[: lines[-1].start]  # with a backtick more it is no fence
        lines = lines[:-1]
    out: list[str] = []
    for start, end, table_lines, is_code in _regions(text, lines):
        if is_code:
            out.append(text[start:end])
            continue
        at, may_grow = start, not complete and end == len(text)
        for found in pattern.finditer(text, start, end):
            if may_grow and _is_undecided(found, end):
                end = found.start()
                break
            out += (text[at : found.start()], replace(found, _is_in_table(found.start(), table_lines)))
            at = found.end()
        out.append(text[at:end])
    return "".join(out)


def _is_undecided(found: re.Match[str], end: int) -> bool:
    """Return whether what follows the text's present end may make something else of a match."""
    is_open = "open" in found.re.groupindex and found["open"] is not None
    return end - found.start() <= MAX_OPEN_CHARS if is_open else found.end() == end


_TableLines: TypeAlias = Sequence[tuple[int, int]]


def _regions(text: str, lines: Sequence[MarkdownLine]) -> Iterator[tuple[int, int, _TableLines, bool]]:
    """Yield each stretch of lines within or outside code blocks, with its table lines."""
    start, tables, was_code = 0, list[tuple[int, int]](), False
    for line in lines:
        is_code = line.kind in FENCE_KINDS
        if is_code is not was_code:
            if line.start > start:
                yield start, line.start, tables, was_code
            start, tables, was_code = line.start, [], is_code
        if text.startswith("|", line.content_start):  # known before the row below makes it a table
            tables.append((line.start, line.end))
    if start < len(text):
        yield start, len(text), tables, was_code


def _is_in_table(at: int, lines: _TableLines) -> bool:
    index = bisect_right(lines, at, key=lambda line: line[0]) - 1
    return index >= 0 and at < lines[index][1]


def _plain(found: re.Match[str], in_table: bool) -> str:
    if found["comment"]:
        return ""
    if found["html"]:
        return html_to_text(found[0], line_break=" · " if in_table else "\n")
    if found["maths"] and is_formula(found[0]):
        return _plain_formula(found, in_table)
    return found[0]


def _plain_formula(found: re.Match[str], in_table: bool) -> str:
    text = formula_to_text(found[0])
    if text is not None:
        return text.replace("\n", " ").replace("|", "\\|") if in_table else text
    body = strip_delimiters(found[0]).strip()
    if "`" in body or in_table:
        return found[0]
    whole = found.string
    begins_line = found.start() == 0 or whole[found.start() - 1] == "\n"
    if begins_line and "\n" in body and whole[found.end() : found.end() + 1] in ("", "\n"):
        return f"```\n{body}\n```"
    return f"`{' '.join(body.split())}`"
