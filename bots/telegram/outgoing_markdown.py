"""Converts Markdown to text and entities: bold headings, list markers, quotes, tables as aligned code.

Nothing is dropped: markup without an equivalent on Telegram remains as text, and the target of a link that
Telegram would not open follows its label in brackets.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it.token import Token

from bots.telegram.at_names import neutralize_at_names, neutralize_finished_text
from bots.telegram.entities import EntityDict, EntityTextBuilder
from bots.telegram.outgoing_inline import InlineWriter, plain_text
from core.markdown.formula_text import formula_to_text, strip_delimiters
from core.markdown.mentions import MentionCodec
from core.markdown.parser import parser
from core.markdown.tables import format_table, table_to_list, table_width

_LANGUAGE = re.compile(r"[0-9A-Za-z+#._-]{1,32}")
_TASK = re.compile(r"\[([ xX])\](?:[ \t]+|$)")
MAX_TABLE_COLUMNS = 44  #: characters in a line of code on a phone (measured clients: about 40 to 50)
_BULLETS = ("•", "◦", "▪")
_HORIZONTAL_RULE = "———"


def to_entities(
    markdown: str, mentions: MentionCodec | None = None, *, max_table_columns: int = MAX_TABLE_COLUMNS
) -> tuple[str, list[EntityDict]]:
    """Return the text of ``markdown``, trimmed, and its entities in order of offset.

    Args:
        markdown: the text.
        mentions: only links that it encoded become mentions.
        max_table_columns: characters that a table may be wide; a wider one becomes a list.
    """
    builder = EntityTextBuilder()
    lines = markdown.split("\n")
    writer = _BlockWriter(builder, lines, mentions=mentions, max_table_columns=max_table_columns)
    writer.write(parser().parse(markdown))
    text, entities = builder.build()
    return neutralize_finished_text(text, entities), entities


def to_append_only_text(markdown: str) -> str:
    """Return a growing ``markdown`` as plain text that later text only extends.

    Tables are not aligned, because a longer cell would change the rows above it.
    """
    builder = EntityTextBuilder()
    _BlockWriter(builder, markdown.split("\n"), append_only=True).write(parser().parse(markdown))
    return builder.build()[0]


class _BlockWriter:
    """Writes block tokens."""

    def __init__(
        self,
        builder: EntityTextBuilder,
        lines: Sequence[str],
        *,
        append_only: bool = False,
        mentions: MentionCodec | None = None,
        max_table_columns: int = MAX_TABLE_COLUMNS,
    ) -> None:
        self.builder = builder
        self.mentions = mentions
        self.max_table_columns = max_table_columns
        self.lines = lines
        self.append_only = append_only
        self.list_ordered: list[bool] = []  # of each open list
        self.item_indents: list[int] = []  # columns, of each open item
        self.quote_starts: list[int] = []  # offsets of the open quotes
        self.handlers: dict[str, Callable[[Token], None]] = {
            "paragraph_open": self._begin_block,
            "heading_open": self._begin_block,
            "bullet_list_open": lambda token: self.list_ordered.append(False),
            "ordered_list_open": lambda token: self.list_ordered.append(True),
            "bullet_list_close": lambda token: self._end_list(),
            "ordered_list_close": lambda token: self._end_list(),
            "list_item_close": lambda token: self._end_item(),
            "blockquote_open": self._begin_quote,
            "blockquote_close": lambda token: self._end_quote(),
            "fence": self._write_code,
            "code_block": self._write_code,
            "hr": self._write_rule,
            "math_block": self._write_maths,
            "grid": self._write_table,
        }

    def write(self, tokens: Sequence[Token]) -> None:
        """Write all blocks."""
        for index, token in enumerate(tokens):
            if token.type == "inline":
                heading = tokens[index - 1].type == "heading_open"
                writer = InlineWriter(self.builder, self.mentions, append_only=self.append_only)
                writer.write(token.children or [], bold=heading)
            elif token.type == "list_item_open":
                self._begin_item(token, tokens[index + 1 : index + 3])
            elif token.type in self.handlers:
                self.handlers[token.type](token)

    def _begin_block(self, token: Token) -> None:
        """Begin a block, with a blank line before it if the source has one."""
        start = token.map[0] if token.map else 0
        self.builder.begin_block(2 if start and not self.lines[start - 1].strip(" \t>") else 1)

    def _end_list(self) -> None:
        self.list_ordered.pop()

    def _begin_item(self, token: Token, following: Sequence[Token]) -> None:
        self._begin_block(token)
        marker = f"{token.info}{token.markup}" if self.list_ordered[-1] else self._bullet()
        box = _take_task_box(following[-1]) if following else ""
        if box:
            marker = f"{marker} {box}" if self.list_ordered[-1] else box
        self.builder.write(marker + " ")
        self.builder.at_line_start = True
        self.builder.indent += " " * (len(marker) + 1)
        self.item_indents.append(len(marker) + 1)

    def _bullet(self) -> str:
        return _BULLETS[min(self.list_ordered.count(False), len(_BULLETS)) - 1]

    def _end_item(self) -> None:
        self.builder.at_line_start = False
        self.builder.indent = self.builder.indent[: len(self.builder.indent) - self.item_indents.pop()]

    def _begin_quote(self, token: Token) -> None:
        if self.builder.at_line_start:
            self.builder.begin_line()
        self._begin_block(token)
        if self.quote_starts:
            self.builder.indent += "> "
        else:
            self.builder.at_line_start = True
        self.quote_starts.append(self.builder.position() if not self.quote_starts else -1)

    def _end_quote(self) -> None:
        start = self.quote_starts.pop()
        if self.quote_starts:
            self.builder.indent = self.builder.indent[:-2]
        else:
            self.builder.add_entity("blockquote", start)

    def _write_code(self, token: Token) -> None:
        code = token.content.rstrip()
        if not code.strip():
            return
        self._begin_block(token)
        language = _LANGUAGE.match(token.info.strip())
        self.builder.write_code_block(code, language.group().lower() if language else "")

    def _write_rule(self, token: Token) -> None:
        self._begin_block(token)
        self.builder.write(_HORIZONTAL_RULE)

    def _write_maths(self, token: Token) -> None:
        self._begin_block(token)
        if self.append_only:
            self.builder.write(token.content.rstrip("$").rstrip())
        elif text := formula_to_text(token.content):
            self.builder.write(text)
        else:
            self.builder.write_code_block(strip_delimiters(token.content).strip("\n"), "latex")

    def _write_table(self, token: Token) -> None:
        self._begin_block(token)
        md = parser()
        rows = [
            [plain_text(md.parseInline(cell)[0].children or []) for cell in row] for row in token.meta["rows"]
        ]
        if self.append_only:
            self.builder.write("\n".join(" | ".join(row).rstrip(" |") for row in rows).rstrip("\n"))
        elif table_width(rows) > self.max_table_columns:
            self._write_list(rows)
        else:
            self.builder.write_code_block(format_table(rows, token.meta["align"]))

    def _write_list(self, rows: Sequence[Sequence[str]]) -> None:
        """Write a table that is wider than a phone: each row as a bold head and a line for each column."""
        for index, (head, lines) in enumerate(table_to_list(rows)):
            if index:
                self.builder.begin_block(2)
            if head:
                start = self.builder.position()
                self.builder.write(neutralize_at_names(head))
                self.builder.add_entity("bold", start)
                self.builder.write("\n" if lines else "")
            self.builder.write(neutralize_at_names("\n".join(lines)))


def _take_task_box(inline: Token) -> str:
    """Remove a task's box from the item's source and return it as a character; "" if it is no task."""
    task = _TASK.match(inline.content) if inline.type == "inline" else None
    if task is None or not inline.children:
        return ""
    first = inline.children[0]
    first.content = first.content[len(task.group()) :]
    return "☐" if task.group(1) == " " else "☑"
