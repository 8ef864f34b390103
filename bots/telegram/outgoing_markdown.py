"""Converts Markdown to text and entities: bold headings, list markers, quotes, tables as aligned code.

Nothing is dropped: markup without an equivalent on Telegram remains as text, and the target of a link that
Telegram would not open follows its label in brackets.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it.token import Token

from bots.telegram.at_names import neutralize_at_names, neutralize_finished_text
from bots.telegram.entities import EntityDict, EntityTextBuilder
from core.markdown.html_text import html_to_text
from core.markdown.mentions import MentionCodec
from core.markdown.parser import parser
from core.markdown.tables import format_table

_STYLES = {"strong": "bold", "em": "italic", "s": "strikethrough", "spoiler": "spoiler"}
_LINKABLE = re.compile(r"(?:https?|mailto|tg(?!:/*user)):\S", re.IGNORECASE)
"""Targets that Telegram opens; none that mentions a person and notifies them.

TDLib's ``LinkManager::get_link_user_id`` takes "tg:", "//" or not, "user", "/" or not, and "?id=…".
"""
_LANGUAGE = re.compile(r"[0-9A-Za-z+#._-]{1,32}")
_TASK = re.compile(r"\[([ xX])\](?:[ \t]+|$)")
_BULLETS = ("•", "◦", "▪")
_HORIZONTAL_RULE = "———"


def to_entities(markdown: str, mentions: MentionCodec | None = None) -> tuple[str, list[EntityDict]]:
    """Return the text of ``markdown``, trimmed, and its entities in order of offset.

    Only links that ``mentions`` encoded become mentions.
    """
    builder = EntityTextBuilder()
    _BlockWriter(builder, markdown.split("\n"), mentions=mentions).write(parser().parse(markdown))
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
    ) -> None:
        self.builder = builder
        self.mentions = mentions
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
                _InlineWriter(self.builder, self.mentions).write(token.children or [], bold=heading)
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
        self.builder.write(token.content.rstrip("$").rstrip() if self.append_only else token.content)

    def _write_table(self, token: Token) -> None:
        self._begin_block(token)
        md = parser()
        rows = [
            [plain_text(md.parseInline(cell)[0].children or []) for cell in row] for row in token.meta["rows"]
        ]
        if self.append_only:
            self.builder.write("\n".join(" | ".join(row).rstrip(" |") for row in rows).rstrip("\n"))
        else:
            self.builder.write_code_block(format_table(rows, token.meta["align"]))


class _InlineWriter:
    """Writes the inline tokens of one block."""

    def __init__(self, builder: EntityTextBuilder, mentions: MentionCodec | None) -> None:
        self.builder = builder
        self.mentions = mentions
        self.open_styles: list[tuple[str, int]] = []  # open styles and the start of their present span
        self.link_target: str | None = None  # of the open link; None outside links
        self.link_start = 0
        self.link_label_mark = 0

    def write(self, tokens: Sequence[Token], *, bold: bool) -> None:
        """Write inline tokens, all bold if ``bold``."""
        if bold:
            self._open_style("bold")
        for child in tokens:
            name, _, edge = child.type.rpartition("_")
            if name in _STYLES:
                (self._open_style if edge == "open" else self._close_style)(_STYLES[name])
            else:
                self._write_token(child)
        if bold:
            self._close_style("bold")

    def _write_token(self, token: Token) -> None:
        match token.type:
            case "softbreak" | "hardbreak":
                self.builder.write("\n")
            case "code_inline":
                self._write_code(token.content)
            case "link_open":
                self.link_target = str(token.attrGet("href") or "")
                self.link_start, self.link_label_mark = self.builder.position(), self.builder.mark()
            case "link_close":
                self._end_link(
                    self.link_start, self.link_target or "", self.builder.text_since(self.link_label_mark)
                )
                self.link_target = None
            case "image":
                self._write_image(token)
            case _:
                self.builder.write(neutralize_at_names(html_to_text(token.content)))

    def _write_code(self, code: str) -> None:
        """Write code: as text inside a link, which may not contain it; other styles end before it."""
        if self.link_target is not None:
            self.builder.write(neutralize_at_names(code))
            return
        start = self.builder.position()
        for kind in {kind: None for kind, _ in self.open_styles}:
            self._add_style_entity(kind)
        self.builder.write(code)
        self.builder.add_entity("code", start)
        self.open_styles = [(kind, self.builder.length_units) for kind, _ in self.open_styles]

    def _write_image(self, token: Token) -> None:
        start, target = self.builder.position(), str(token.attrGet("src") or "")
        label = neutralize_at_names(plain_text(token.children or []))
        self.builder.write(label)
        if self.link_target is None:
            self._end_link(start, target, label)

    def _end_link(self, start: int, target: str, label: str) -> None:
        if self.mentions is not None and (person := self.mentions.decode(target)):
            user = {"id": int(person), "is_bot": False, "first_name": label}
            self.builder.add_entity("text_mention", start, user=user)
        elif _LINKABLE.match(target):
            if not label.strip():
                self.builder.write(target)
            self.builder.add_entity("text_link", start, url=target)
        elif target and target != label:
            self.builder.write(f" ({target})" if label.strip() else target)

    def _open_style(self, kind: str) -> None:
        self.open_styles.append((kind, self.builder.position()))

    def _close_style(self, kind: str) -> None:
        index = max(i for i, (other, _) in enumerate(self.open_styles) if other == kind)
        if index == next(i for i, (other, _) in enumerate(self.open_styles) if other == kind):
            self._add_style_entity(kind)
        del self.open_styles[index]

    def _add_style_entity(self, kind: str) -> None:
        """Add the span of a style that ends here; of nested equal styles only the outer one's."""
        self.builder.add_entity(kind, next(start for other, start in self.open_styles if other == kind))


def plain_text(tokens: Sequence[Token]) -> str:
    """Return inline tokens as plain text; a link's target follows its label in brackets."""
    out: list[str] = []
    target, start = "", 0
    for child in tokens:
        match child.type:
            case "softbreak" | "hardbreak":
                out.append(" ")
            case "link_open":
                target, start = str(child.attrGet("href") or ""), len(out)
            case "link_close":
                out[start:] = [_with_target("".join(out[start:]), target)]
            case "image":
                out.append(_with_target(plain_text(child.children or []), str(child.attrGet("src") or "")))
            case "code_inline":
                out.append(child.content)
            case _:
                out.append(html_to_text(child.content, line_break=" · "))
    return "".join(out)


def _with_target(label: str, target: str) -> str:
    if not target or target == label:
        return label
    return f"{label} ({target})" if label else target


def _take_task_box(inline: Token) -> str:
    """Remove a task's box from the item's source and return it as a character; "" if it is no task."""
    task = _TASK.match(inline.content) if inline.type == "inline" else None
    if task is None or not inline.children:
        return ""
    first = inline.children[0]
    first.content = first.content[len(task.group()) :]
    return "☐" if task.group(1) == " " else "☑"
