"""Markdown to text and entities: bold headings, list markers, quotes, tables as aligned code.

Nothing is dropped: what has no form on Telegram stays as text, and the target of a link that
Telegram would not open follows its label in brackets.
"""

import re
from collections.abc import Callable, Sequence

from markdown_it.token import Token

from bots.telegram.form import Canvas, Entity
from core.markdown.grid import lay_out
from core.markdown.mentions import Mentions
from core.markdown.parser import parser

_STYLES = {"strong": "bold", "em": "italic", "s": "strikethrough", "spoiler": "spoiler"}
_LINKABLE = re.compile(r"(?:https?|mailto|tg(?!:(?://)?user\?)):\S", re.IGNORECASE)
"""What Telegram opens; not ``tg://user?id=…``, which mentions a person and so pings them."""
_NAMED = re.compile(r"(?<![0-9A-Za-z_.%+@/-])@(?=[A-Za-z])")
_LANGUAGE = re.compile(r"[0-9A-Za-z+#._-]{1,32}")
_TASK = re.compile(r"\[([ xX])\](?:[ \t]+|$)")
_BULLETS = ("•", "◦", "▪")
_RULE = "———"


def hushed(text: str) -> str:
    """Return words, not code, in which no ``@name`` pings anybody: Telegram finds those by itself."""
    return _NAMED.sub("@\u200b", text)


def convert(markdown: str, mentions: Mentions | None = None) -> tuple[str, list[Entity]]:
    """Return the text of ``markdown``, trimmed, and its entities in order of offset.

    Only people whom ``mentions`` wrote are mentioned.
    """
    canvas = Canvas()
    _Blocks(canvas, markdown.split("\n"), mentions=mentions).write(parser().parse(markdown))
    return canvas.result()


def steady(markdown: str) -> str:
    """Return the words of a growing ``markdown`` in a form that later words only lengthen.

    Tables are not aligned: a longer cell would move all rows above it.
    """
    canvas = Canvas()
    _Blocks(canvas, markdown.split("\n"), steady=True).write(parser().parse(markdown))
    return canvas.result()[0]


class _Blocks:
    """Writes block tokens."""

    def __init__(
        self,
        canvas: Canvas,
        lines: Sequence[str],
        *,
        steady: bool = False,
        mentions: Mentions | None = None,
    ) -> None:
        self.canvas = canvas
        self.mentions = mentions
        self.lines = lines
        self.steady = steady
        self.ordered: list[bool] = []  # the open lists
        self.widths: list[int] = []  # columns that the open items indent
        self.quotes: list[int] = []  # where the open quotes began
        self.writers: dict[str, Callable[[Token], None]] = {
            "paragraph_open": self._begin,
            "heading_open": self._begin,
            "bullet_list_open": lambda token: self.ordered.append(False),
            "ordered_list_open": lambda token: self.ordered.append(True),
            "bullet_list_close": lambda token: self._list_end(),
            "ordered_list_close": lambda token: self._list_end(),
            "list_item_close": lambda token: self._item_end(),
            "blockquote_open": self._quote,
            "blockquote_close": lambda token: self._quote_end(),
            "fence": self._code,
            "code_block": self._code,
            "hr": self._rule,
            "math_block": self._maths,
            "grid": self._table,
        }

    def write(self, tokens: Sequence[Token]) -> None:
        """Write all blocks."""
        for index, token in enumerate(tokens):
            if token.type == "inline":
                heading = tokens[index - 1].type == "heading_open"
                _Inline(self.canvas, self.mentions).write(token.children or [], bold=heading)
            elif token.type == "list_item_open":
                self._item(token, tokens[index + 1 : index + 3])
            elif token.type in self.writers:
                self.writers[token.type](token)

    def _begin(self, token: Token) -> None:
        """Start a block, with a blank line before it where the source has one."""
        start = token.map[0] if token.map else 0
        self.canvas.begin(2 if start and not self.lines[start - 1].strip(" \t>") else 1)

    def _list_end(self) -> None:
        self.ordered.pop()

    def _item(self, token: Token, following: Sequence[Token]) -> None:
        self._begin(token)
        marker = f"{token.info}{token.markup}" if self.ordered[-1] else self._bullet()
        box = _task_box(following[-1]) if following else ""
        if box:
            marker = f"{marker} {box}" if self.ordered[-1] else box
        self.canvas.put(marker + " ")
        self.canvas.fresh = True
        self.canvas.indent += " " * (len(marker) + 1)
        self.widths.append(len(marker) + 1)

    def _bullet(self) -> str:
        return _BULLETS[min(self.ordered.count(False), len(_BULLETS)) - 1]

    def _item_end(self) -> None:
        self.canvas.fresh = False
        self.canvas.indent = self.canvas.indent[: len(self.canvas.indent) - self.widths.pop()]

    def _quote(self, token: Token) -> None:
        if self.canvas.fresh:
            self.canvas.begin_line()
        self._begin(token)
        if self.quotes:
            self.canvas.indent += "> "
        else:
            self.canvas.fresh = True
        self.quotes.append(self.canvas.place() if not self.quotes else -1)

    def _quote_end(self) -> None:
        start = self.quotes.pop()
        if self.quotes:
            self.canvas.indent = self.canvas.indent[:-2]
        else:
            self.canvas.entity("blockquote", start)

    def _code(self, token: Token) -> None:
        code = token.content.rstrip()
        if not code.strip():
            return
        self._begin(token)
        language = _LANGUAGE.match(token.info.strip())
        self.canvas.pre(code, language.group().lower() if language else "")

    def _rule(self, token: Token) -> None:
        self._begin(token)
        self.canvas.put(_RULE)

    def _maths(self, token: Token) -> None:
        self._begin(token)
        self.canvas.put(token.content.rstrip("$").rstrip() if self.steady else token.content)

    def _table(self, token: Token) -> None:
        self._begin(token)
        md = parser()
        rows = [[plain(md.parseInline(cell)[0].children or []) for cell in row] for row in token.meta["rows"]]
        if self.steady:
            self.canvas.put("\n".join(" | ".join(row).rstrip(" |") for row in rows).rstrip("\n"))
        else:
            self.canvas.pre(lay_out(rows, token.meta["align"]))


class _Inline:
    """Writes the words of one block."""

    def __init__(self, canvas: Canvas, mentions: Mentions | None) -> None:
        self.canvas = canvas
        self.mentions = mentions
        self.styles: list[tuple[str, int]] = []  # open styles and where their current piece began
        self.target: str | None = None  # of the open link
        self.link_start = 0
        self.label_mark = 0

    def write(self, children: Sequence[Token], *, bold: bool) -> None:
        """Write inline tokens; a heading's are all bold."""
        if bold:
            self._style("bold")
        for child in children:
            name, _, edge = child.type.rpartition("_")
            if name in _STYLES:
                (self._style if edge == "open" else self._unstyle)(_STYLES[name])
            else:
                self._piece(child)
        if bold:
            self._unstyle("bold")

    def _piece(self, child: Token) -> None:
        match child.type:
            case "softbreak" | "hardbreak":
                self.canvas.put("\n")
            case "code_inline":
                self._code(child.content)
            case "link_open":
                self.target = str(child.attrGet("href") or "")
                self.link_start, self.label_mark = self.canvas.place(), self.canvas.mark()
            case "link_close":
                self._link_end(self.link_start, self.target or "", self.canvas.since(self.label_mark))
                self.target = None
            case "image":
                self._image(child)
            case _:
                self.canvas.put(hushed(child.content))

    def _code(self, code: str) -> None:
        """Inside a link the link is worth more; other styles make way for code."""
        if self.target is not None:
            self.canvas.put(hushed(code))
            return
        start = self.canvas.place()
        for kind in {kind: None for kind, _ in self.styles}:
            self._note(kind)
        self.canvas.put(code)
        self.canvas.entity("code", start)
        self.styles = [(kind, self.canvas.at) for kind, _ in self.styles]

    def _image(self, child: Token) -> None:
        start, target = self.canvas.place(), str(child.attrGet("src") or "")
        label = hushed(plain(child.children or []))
        self.canvas.put(label)
        if self.target is None:
            self._link_end(start, target, label)

    def _link_end(self, start: int, target: str, label: str) -> None:
        if self.mentions is not None and (person := self.mentions.person(target)):
            user = {"id": int(person), "is_bot": False, "first_name": label}
            self.canvas.entity("text_mention", start, user=user)
        elif _LINKABLE.match(target):
            if not label.strip():
                self.canvas.put(target)
            self.canvas.entity("text_link", start, url=target)
        elif target and target != label:
            self.canvas.put(f" ({target})" if label.strip() else target)

    def _style(self, kind: str) -> None:
        self.styles.append((kind, self.canvas.place()))

    def _unstyle(self, kind: str) -> None:
        index = max(i for i, (other, _) in enumerate(self.styles) if other == kind)
        if index == next(i for i, (other, _) in enumerate(self.styles) if other == kind):
            self._note(kind)
        del self.styles[index]

    def _note(self, kind: str) -> None:
        """Note the piece of a style that ends here; of two in one another only the outer."""
        self.canvas.entity(kind, next(start for other, start in self.styles if other == kind))


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
                out[start:] = [_with_target("".join(out[start:]), target)]
            case "image":
                out.append(_with_target(plain(child.children or []), str(child.attrGet("src") or "")))
            case _:
                out.append(child.content)
    return "".join(out)


def _with_target(label: str, target: str) -> str:
    if not target or target == label:
        return label
    return f"{label} ({target})" if label else target


def _task_box(inline: Token) -> str:
    """Return a task's box and take its source off the item's words; "" where it is no task."""
    task = _TASK.match(inline.content) if inline.type == "inline" else None
    if task is None or not inline.children:
        return ""
    first = inline.children[0]
    first.content = first.content[len(task.group()) :]
    return "☐" if task.group(1) == " " else "☑"
