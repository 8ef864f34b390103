"""Writes inline Markdown as text with entities: styles, links, code, formulas."""

import re
from collections.abc import Sequence

from markdown_it.token import Token

from bots.telegram.at_names import neutralize_at_names
from bots.telegram.entities import EntityTextBuilder
from core.markdown.formula_text import formula_to_text, is_formula, strip_delimiters
from core.markdown.html_text import html_to_text
from core.markdown.mentions import MentionCodec

_STYLES = {"strong": "bold", "em": "italic", "s": "strikethrough", "spoiler": "spoiler"}
_LINKABLE = re.compile(r"(?:https?|mailto|tg(?!:/*user)):\S", re.IGNORECASE)
"""Targets that Telegram opens; none that mentions a person and notifies them.

TDLib's ``LinkManager::get_link_user_id`` takes "tg:", "//" or not, "user", "/" or not, and "?id=…".
"""


class InlineWriter:
    """Writes the inline tokens of one block."""

    def __init__(
        self, builder: EntityTextBuilder, mentions: MentionCodec | None, *, append_only: bool
    ) -> None:
        self.builder = builder
        self.mentions = mentions
        self.append_only = append_only
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
            case "math" if is_formula(token.content) and not self.append_only:
                self._write_formula(token.content)
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

    def _write_formula(self, formula: str) -> None:
        if text := formula_to_text(formula):
            self.builder.write(neutralize_at_names(text))
        else:
            self._write_code(" ".join(strip_delimiters(formula).split()))

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
            case "math" if is_formula(child.content):
                out.append((formula_to_text(child.content) or child.content).replace("\n", " "))
            case _:
                out.append(html_to_text(child.content, line_break=" · "))
    return "".join(out)


def _with_target(label: str, target: str) -> str:
    if not target or target == label:
        return label
    return f"{label} ({target})" if label else target
