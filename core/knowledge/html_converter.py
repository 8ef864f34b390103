"""Conversion of a web page's main text to Markdown; navigation and scripts are left out. Pure.

Parsed by libxml2, which is linear in its input; :mod:`html.parser` is quadratic in tags that are never
closed. Elements that are nested deeper than libxml2 allows end the page.
"""

import re
from typing import Any, Final

from lxml import etree  # type: ignore[import-untyped, unused-ignore]

_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_SKIPPED_TAGS = frozenset(
    {"script", "style", "nav", "noscript", "template", "svg", "form", "button", "footer"}
)
_BLOCK_TAGS = frozenset(
    {"p", "div", "section", "article", "main", "ul", "ol", "table", "blockquote", "pre", "dl", "dd", "figure"}
)
_LINE_TAGS = {"br": "\n", "li": "\n- ", "tr": "\n", "dt": "\n\n"}
_CHUNK_CHARS: Final = 64 * 1024
_SPACE = re.compile(r"\s+")
_TOP_HEADING = re.compile(r"^# ", re.MULTILINE)


def html_to_markdown(html: str) -> tuple[str, str]:
    """Return a page as Markdown, and its canonical URL ("" if it declares none)."""
    page = _MarkdownTarget()
    # Its own entities are text; it reads nothing from the disk or the network.
    parser = etree.HTMLParser(target=page, encoding="utf-8", no_network=True)
    try:
        for start in range(0, len(html), _CHUNK_CHARS):
            parser.feed(html[start : start + _CHUNK_CHARS].encode("utf-8", "replace"))
        parser.close()
    except etree.LxmlError:
        pass  # the page has no elements at all, or too many levels: what was read is kept
    text, title = "".join(page.parts), " ".join("".join(page.title_parts).split())
    if title and not _TOP_HEADING.search(text):
        text = f"# {title}\n\n{text}"
    return _merge_blank_lines(text), page.canonical_url


class _MarkdownTarget:
    """Collects a page's Markdown in ``parts``, its title and its canonical URL; called by the parser."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.title_parts: list[str] = []
        self.canonical_url = ""
        self._skipped_depth = 0
        self._in_title = False
        self._pre_depth = 0

    def start(self, tag: str, attributes: Any) -> None:
        """Append the Markdown that opens an element."""
        if tag in _SKIPPED_TAGS:
            self._skipped_depth += 1
        elif self._skipped_depth:
            return
        elif tag == "title":
            self._in_title = True
        elif tag == "link" and attributes.get("rel") == "canonical":
            self.canonical_url = attributes.get("href") or ""
        elif tag in _HEADINGS:
            self.parts.append(f"\n\n{_HEADINGS[tag]} ")
        elif tag in _BLOCK_TAGS:
            self._pre_depth += tag == "pre"
            self.parts.append("\n\n")
        elif tag in _LINE_TAGS:
            self.parts.append(_LINE_TAGS[tag])

    def end(self, tag: str) -> None:
        """Append the Markdown that closes an element."""
        if tag in _SKIPPED_TAGS:
            self._skipped_depth -= 1
        elif self._skipped_depth:
            return
        elif tag == "title":
            self._in_title = False
        elif tag in _HEADINGS or tag in _BLOCK_TAGS:
            self._pre_depth -= tag == "pre"
            self.parts.append("\n\n")
        elif tag in ("td", "th"):
            self.parts.append(" | ")

    def data(self, text: str) -> None:
        """Append text, with whitespace collapsed outside of ``pre``."""
        if self._skipped_depth:
            return
        if self._in_title:
            self.title_parts.append(text)
            return
        words = text if self._pre_depth > 0 else _SPACE.sub(" ", text)
        if words.strip() or (self.parts and not self.parts[-1].endswith(("\n", " "))):
            self.parts.append(words)

    def close(self) -> None:
        """Return nothing; the parser asks for it."""


def _merge_blank_lines(text: str) -> str:
    """Return a text with one blank line in place of several, and no spaces around it."""
    lines: list[str] = []
    after_blank = False
    for line in text.split("\n"):
        if not line.strip(" \t"):
            after_blank = bool(lines)
            continue
        if after_blank:
            lines[-1] = lines[-1].rstrip(" \t")
            lines += ("", line.lstrip(" \t"))
        else:
            lines.append(line)
        after_blank = False
    return "\n".join(lines).strip()
