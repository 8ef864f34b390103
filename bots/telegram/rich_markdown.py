"""Converts an answer's Markdown into that of a rich message.

Rich messages (Bot API 10.1, https://core.telegram.org/bots/api#inputrichmessage) accept GitHub's Markdown
with HTML. Some of it means something else there than in an answer: a single newline is a space, an unknown
tag vanishes, "==" marks text, a dollar begins a formula, and a picture would be fetched.
"""

import re
from collections.abc import Sequence
from itertools import groupby

from core.markdown.inline import MATHS
from core.markdown.lines import FENCE_KINDS, TABLE_KINDS, LineKind, MarkdownLine, scan_lines
from core.markdown.tables import split_cells

MAX_RICH_LINES = 400  #: Telegram accepts 500 blocks, nested ones included
MAX_RICH_COLUMNS = 20

_DETAILS = re.compile(r"</?(?:details|summary)\b", re.IGNORECASE)
_TASK = re.compile(r"\[[ xX]\][ \t]")
_SPECIAL = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:.|\n)+?(?<!`)(?P=ticks)(?!`))"
    rf"|(?P<maths>{MATHS.pattern})"
    r"|(?P<escaped>\\[!-/:-@\[-`{-~])"
    r"|(?P<tag></?(?:details|summary)(?: open)?>|<(?:https?://|mailto:))"
    r"|<|==|\$|!\[",
    re.IGNORECASE,
)
_ESCAPES = {"<": "&lt;", "==": "\\=\\=", "$": "\\$", "![": "["}


def to_rich_markdown(source: str) -> str:
    """Return ``source`` as the Markdown of a rich message; "" if it gains nothing by being one.

    It gains if it has a table, a task list, a formula on a line of its own, or details. Formulas within
    details crash Telegram Desktop 6.9 (tdesktop issue 30808), so such a message is sent with entities.
    """
    lines = scan_lines(source)
    texts = [source[line.start : line.end] for line in lines if line.kind not in FENCE_KINDS]
    details = any(_DETAILS.search(text) for text in texts)
    formula = any(text.lstrip(" \t>").startswith(("$$", "\\[")) for text in texts)
    gains = details or formula or any(_is_task(source, line) or line.kind in TABLE_KINDS for line in lines)
    wide = any(len(_cells(source, line)) > MAX_RICH_COLUMNS for line in lines if line.kind in TABLE_KINDS)
    if not gains or wide or (details and formula) or len(lines) > MAX_RICH_LINES:
        return ""
    written: list[str] = []
    for kind, group in groupby(enumerate(lines), key=lambda pair: _line_group(pair[1])):
        numbered = list(group)
        last, last_line = numbered[-1]
        if kind is TABLE_KINDS:
            written.append(_render_table(source, [line for _, line in numbered]))
            if any(line.kind is not LineKind.BLANK for line in lines[last + 1 : last + 2]):
                written.append(last_line.quote_prefix.rstrip())  # text right below would be one more row
            continue
        rows = [_render_line(source, line, lines[at + 1 : at + 2]) for at, line in numbered]
        written.append("\n".join(rows) if kind is FENCE_KINDS else _escape_text("\n".join(rows)))
    return "\n".join(written)


def _line_group(line: MarkdownLine) -> tuple[LineKind, ...]:
    return FENCE_KINDS if line.kind in FENCE_KINDS else TABLE_KINDS if line.kind in TABLE_KINDS else ()


def _is_task(source: str, line: MarkdownLine) -> bool:
    return line.kind is LineKind.ITEM and _TASK.match(source, line.content_start) is not None


def _render_line(source: str, line: MarkdownLine, following: Sequence[MarkdownLine]) -> str:
    """Return one line; a single newline between text lines becomes a hard break."""
    text = source[line.start : line.end]
    if line.kind is LineKind.HORIZONTAL_RULE:
        return f"{source[line.start : line.content_start]}***"  # dashes would underline a heading
    continues = line.kind in (LineKind.TEXT, LineKind.ITEM) and any(
        one.kind is LineKind.TEXT for one in following
    )
    return f"{text.rstrip()}  " if continues and not _DETAILS.search(text) else text


def _cells(source: str, line: MarkdownLine) -> list[str]:
    return split_cells(source[line.content_start : line.end])


def _render_table(source: str, lines: Sequence[MarkdownLine]) -> str:
    """Return a table with every row as long as the longest, and pipes escaped within cells."""
    rows = [_cells(source, line) for line in lines]
    count = max(len(row) for row in rows)
    written = []
    for line, row in zip(lines, rows, strict=True):
        rule = line.kind is LineKind.TABLE_DELIMITER
        cells = row if rule else [_SPECIAL.sub(_escape_special, cell).replace("|", "\\|") for cell in row]
        full = [*cells, *["---" if rule else ""] * (count - len(row))]
        written.append(f"{source[line.start : line.content_start]}| {' | '.join(full)} |")
    return "\n".join(written)


def _escape_text(text: str) -> str:
    """Return lines outside fences with everything escaped that means something else there."""
    text = _SPECIAL.sub(_escape_special, text)
    text = re.sub(r"</summary>[ \t]*\n?(?!\n)", "</summary>\n\n", text, flags=re.IGNORECASE)
    return re.sub(r"\s*</details>[ \t]*\n*", "\n\n</details>\n\n", text, flags=re.IGNORECASE).rstrip("\n")


def _escape_special(match: re.Match[str]) -> str:
    if match["maths"]:
        formula = match[0].lstrip("\\$([").rstrip("\\$)]").replace("<", r"\lt ")
        mark = "$$" if match[0].startswith(("$$", "\\[")) else "$"
        return f"{mark}{' '.join(formula.split())}{mark}"
    if match["code"] or match["escaped"] or match["tag"]:
        return match[0]
    return _ESCAPES[match[0]]
