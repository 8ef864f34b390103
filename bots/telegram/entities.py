"""Markdown to what Telegram sends: plain text and message entities.

Entities need neither escaping nor balance, so a message can never be refused for its form.
Offsets and lengths are in UTF-16 units. Rules kept (https://core.telegram.org/bots/api#messageentity):
``pre`` and ``code`` hold no other entity and stand in none but a quote; quotes are not nested.
"""

import re
from collections.abc import Sequence
from typing import TypeAlias

from markdown_it.token import Token
from rich.cells import cell_len

from core.markdown.parser import parser

Entity: TypeAlias = dict[str, object]

_STYLES = {"strong": "bold", "em": "italic", "s": "strikethrough", "spoiler": "spoiler"}
_LINKABLE = re.compile(r"(?:https?|mailto|tg):\S", re.IGNORECASE)
_LANGUAGE = re.compile(r"[0-9A-Za-z+#._-]{1,32}")
_TASK = re.compile(r"\[([ xX])\](?:[ \t]+|$)")
_BULLETS = ("•", "◦", "▪")
_RULE = "———"
_CONTINUED = "…\n"
_PRIORITY = ("blockquote", "pre", "text_link", "code", "spoiler", "bold", "strikethrough", "italic")


def convert(markdown: str) -> tuple[str, list[Entity]]:
    """Return the text of ``markdown``, trimmed, and its entities in order of offset."""
    writer = _Writer(markdown)
    writer.blocks(parser().parse(markdown))
    return writer.result()


def units(text: str) -> int:
    """Return the length of ``text`` in UTF-16 units."""
    return len(text) + sum(char > "\uffff" for char in text) if not text.isascii() else len(text)


def fewest(entities: Sequence[Entity], limit: int) -> list[Entity]:
    """Keep at most ``limit`` entities, those first whose loss would be felt most."""
    if len(entities) <= limit:
        return list(entities)
    ranked = sorted(entities, key=lambda entity: _PRIORITY.index(str(entity["type"])))
    kept = {id(entity) for entity in ranked[:limit]}
    return [entity for entity in entities if id(entity) in kept]


class _Writer:
    """Writes one text from left to right."""

    def __init__(self, source: str) -> None:
        self.lines = source.split("\n")
        self.out: list[str] = []
        self.at = 0  # UTF-16 units written
        self.breaks = 2  # line ends at the end of what is written
        self.fresh = True  # nothing stands on the current line but a list marker, or nothing at all
        self.indent = ""
        self.lists: list[int | None] = []  # for each open list the next number; None for bullets
        self.quotes = 0
        self.entities: list[Entity] = []
        self.styles: list[tuple[str, int]] = []  # open styles and where their current piece began
        self.link = False

    # Text

    def put(self, text: str) -> None:
        """Write text that may hold line ends."""
        for index, piece in enumerate(text.split("\n")):
            if index:
                self._raw("\n")
                self.breaks += 1
            if piece:
                if self.breaks and self.indent:
                    self._raw(self.indent)
                self._raw(piece)
                self.breaks = 0
                self.fresh = False

    def _raw(self, text: str) -> None:
        self.out.append(text)
        self.at += units(text)

    def entity(self, kind: str, start: int, **extra: str) -> None:
        """Note an entity from ``start`` to here."""
        if self.at > start:
            self.entities.append({"type": kind, "offset": start, "length": self.at - start, **extra})

    def _begin(self, token: Token) -> None:
        """Start a block on a line of its own, with the blank line that the source has."""
        if not self.out or self.fresh:
            return
        start = token.map[0] if token.map else 0
        wanted = 2 if start and not self.lines[start - 1].strip(" \t>") else 1
        while self.breaks < wanted:
            self._raw("\n")
            self.breaks += 1

    def _place(self) -> int:
        """Write the indentation now, so that an entity can begin after it."""
        if (self.breaks and self.indent and self.out) or (not self.out and self.indent):
            self._raw(self.indent)
            self.breaks = 0
        return self.at

    # Blocks

    def blocks(self, tokens: Sequence[Token]) -> None:
        """Write all blocks."""
        quote_starts: list[int] = []
        for index, token in enumerate(tokens):
            match token.type:
                case "inline":
                    self._inline_block(token, heading=tokens[index - 1].type == "heading_open")
                case "paragraph_open" | "heading_open":
                    self._begin(token)
                case "bullet_list_open":
                    self.lists.append(None)
                case "ordered_list_open":
                    self.lists.append(int(token.attrGet("start") or 1))
                case "bullet_list_close" | "ordered_list_close":
                    self.lists.pop()
                case "list_item_open":
                    self._item(token, tokens[index + 1 : index + 3])
                case "list_item_close":
                    self._item_end()
                case "blockquote_open":
                    quote_starts.append(self._quote(token))
                case "blockquote_close":
                    self._quote_end(quote_starts.pop())
                case "fence" | "code_block":
                    self._code(token)
                case _:
                    self._leaf(token)

    def _leaf(self, token: Token) -> None:
        match token.type:
            case "hr":
                self._begin(token)
                self.put(_RULE)
            case "math_block":
                self._begin(token)
                self.put(token.content)
            case "grid":
                self._begin(token)
                self._pre(_grid(token.meta["rows"], token.meta["align"]))

    def _item(self, token: Token, following: Sequence[Token]) -> None:
        self._begin(token)
        marker = f"{token.info}{token.markup}" if self.lists[-1] is not None else self._bullet()
        task = (
            _TASK.match(following[1].content)
            if len(following) > 1 and following[1].type == "inline"
            else None
        )
        if task and following[1].children:
            box = "☐" if task.group(1) == " " else "☑"
            marker = box if self.lists[-1] is None else f"{marker} {box}"
            _drop_prefix(following[1].children, len(task.group()))
        self.put(marker + " ")
        self.fresh = True
        self.indent += " " * (len(marker) + 1)
        self._widths.append(len(marker) + 1)

    @property
    def _widths(self) -> list[int]:
        if not hasattr(self, "_item_widths"):
            self._item_widths: list[int] = []
        return self._item_widths

    def _bullet(self) -> str:
        depth = sum(number is None for number in self.lists) - 1
        return _BULLETS[min(depth, len(_BULLETS) - 1)]

    def _item_end(self) -> None:
        self.fresh = False
        self.indent = self.indent[: len(self.indent) - self._widths.pop()]

    def _quote(self, token: Token) -> int:
        if self.fresh and self.out:
            self._newline()
        self._begin(token)
        self.quotes += 1
        if self.quotes > 1:
            self.indent += "> "
            return -1
        self.fresh = True
        return self._place()

    def _quote_end(self, start: int) -> None:
        self.quotes -= 1
        if start < 0:
            self.indent = self.indent[:-2]
        else:
            self.entity("blockquote", start)

    def _newline(self) -> None:
        self._raw("\n")
        self.breaks = 1
        self.fresh = False

    def _code(self, token: Token) -> None:
        code = token.content.rstrip()
        if not code.strip():
            return
        self._begin(token)
        language = _LANGUAGE.match(token.info.strip()) if token.info else None
        self._pre(code, language.group().lower() if language else "")

    def _pre(self, text: str, language: str = "") -> None:
        if self.out and not self.breaks:
            self._newline()
        start = self.at
        indent, self.indent = self.indent, ""
        self.put(text)
        self.indent = indent
        if language:
            self.entity("pre", start, language=language)
        else:
            self.entity("pre", start)

    # Inline

    def _inline_block(self, token: Token, *, heading: bool) -> None:
        if heading:
            self._style("bold")
        self._inline(token.children or [])
        if heading:
            self._unstyle("bold")

    def _inline(self, children: Sequence[Token]) -> None:
        link_start, target, label_at = 0, "", 0
        for child in children:
            name, _, edge = child.type.rpartition("_")
            if name in _STYLES:
                (self._style if edge == "open" else self._unstyle)(_STYLES[name])
            elif child.type == "link_open":
                target, link_start, label_at = str(child.attrGet("href") or ""), self._place(), len(self.out)
                self.link = True
            elif child.type == "link_close":
                self._link_end(link_start, target, "".join(self.out[label_at:]))
            else:
                self._piece(child)

    def _piece(self, child: Token) -> None:
        match child.type:
            case "softbreak" | "hardbreak":
                self.put("\n")
            case "code_inline":
                self._code_span(child.content)
            case "image":
                start = self._place()
                target = str(child.attrGet("src") or "")
                label = plain(child.children or [])
                self.put(label)
                if self.link:
                    return
                self._link_end(start, target, label)
            case _:
                self.put(child.content)

    def _code_span(self, code: str) -> None:
        if self.link:
            self.put(code)
            return
        start = self._place()
        self._flush_styles()
        self.put(code)
        self.entity("code", start)
        self.styles = [(kind, self.at) for kind, _ in self.styles]

    def _link_end(self, start: int, target: str, label: str) -> None:
        self.link = False
        if _LINKABLE.match(target):
            if not label.strip():
                self.put(target)
            self.entity("text_link", start, url=target)
        elif target and target != label:
            self.put(f" ({target})" if label.strip() else target)

    def _style(self, kind: str) -> None:
        self.styles.append((kind, self._place()))

    def _unstyle(self, kind: str) -> None:
        index = max(i for i, (other, _) in enumerate(self.styles) if other == kind)
        _, start = self.styles.pop(index)
        if not any(other == kind for other, _ in self.styles):
            self.entity(kind, start)

    def _flush_styles(self) -> None:
        seen: set[str] = set()
        for kind, start in self.styles:
            if kind not in seen:
                self.entity(kind, start)
            seen.add(kind)

    def _keep_first_indent(self) -> None:
        """Code at the very start would lose its first line's indentation to the server's trimming."""
        first = next((piece for piece in self.out if piece), "")
        if first[:1].isspace() and any(e["type"] == "pre" and not _offset(e) for e in self.entities):
            self.out.insert(0, _CONTINUED)
            for entity in self.entities:
                entity["offset"] = _offset(entity) + units(_CONTINUED)

    def result(self) -> tuple[str, list[Entity]]:
        """Return the trimmed text and its entities, outer ones first."""
        self._keep_first_indent()
        text = "".join(self.out)
        head = len(text) - len(text.lstrip())
        trimmed = text.strip()
        shift, end = units(text[:head]), units(trimmed)
        kept: list[Entity] = []
        for entity in self.entities:
            start = max(0, _offset(entity) - shift)
            stop = min(end, _end(entity) - shift)
            if stop > start:
                kept.append({**entity, "offset": start, "length": stop - start})
        kept.sort(key=lambda entity: (_offset(entity), -_end(entity), _PRIORITY.index(str(entity["type"]))))
        return trimmed, kept


def _offset(entity: Entity) -> int:
    return int(str(entity["offset"]))


def _end(entity: Entity) -> int:
    return _offset(entity) + int(str(entity["length"]))


def plain(children: Sequence[Token]) -> str:
    """Return inline tokens as words only; a link's target follows its label in brackets."""
    out: list[str] = []
    target, start = "", 0
    for child in children:
        match child.type:
            case "softbreak" | "hardbreak":
                out.append(" ")
            case "link_open":
                target, start = str(child.attrGet("href") or ""), len(out)
            case "link_close":
                label = "".join(out[start:])
                if target and target != label:
                    out.append(f" ({target})" if label else target)
            case "image":
                label, source = plain(child.children or []), str(child.attrGet("src") or "")
                out.append(f"{label} ({source})" if label and source else label or source)
            case _:
                out.append(child.content)
    return "".join(out)


def _drop_prefix(children: list[Token], count: int) -> None:
    """Take ``count`` characters off the first text token."""
    children[0].content = children[0].content[count:]


def _grid(rows: Sequence[Sequence[str]], align: Sequence[str]) -> str:
    """Lay a table out in columns for a font of one width; wide characters take two places."""
    md = parser()
    texts = [[plain(md.parseInline(cell)[0].children or []) for cell in row] for row in rows]
    count = max(len(row) for row in texts)
    for row in texts:
        row.extend([""] * (count - len(row)))
    widths = [max(1, *(cell_len(row[column]) for row in texts)) for column in range(count)]
    sides = [*align[:count], *["left"] * (count - len(align))]
    out = [_row(row, widths, sides) for row in texts]
    out.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(out)


def _row(row: Sequence[str], widths: Sequence[int], sides: Sequence[str]) -> str:
    padded = []
    for cell, width, side in zip(row, widths, sides, strict=True):
        space = width - cell_len(cell)
        left = space if side == "right" else space // 2 if side == "center" else 0
        padded.append(" " * left + cell + " " * (space - left))
    return " | ".join(padded).rstrip()
