"""Conversion of a web page's main text to Markdown; navigation and scripts are left out. Pure."""

import re
from html.parser import HTMLParser

_HEADINGS = {f"h{level}": "#" * level for level in range(1, 7)}
_SKIPPED_TAGS = frozenset(
    {"script", "style", "nav", "noscript", "template", "svg", "form", "button", "footer"}
)
_BLOCK_TAGS = frozenset(
    {"p", "div", "section", "article", "main", "ul", "ol", "table", "blockquote", "pre", "dl", "dd", "figure"}
)


def html_to_markdown(html: str) -> tuple[str, str]:
    """Return a page as Markdown, and its canonical URL ("" if it declares none)."""
    page = _MarkdownParser()
    page.feed(html)
    page.close()
    text = "".join(page.parts)
    if page.title and not re.search(r"^# ", text, re.MULTILINE):
        text = f"# {page.title}\n\n{text}"
    return re.sub(r"[ \t]*\n[ \t]*(?:\n[ \t]*)+", "\n\n", text).strip(), page.canonical_url


class _MarkdownParser(HTMLParser):
    """Collects a page's Markdown in ``parts``, its title and its canonical URL."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.title = ""
        self.canonical_url = ""
        self._skipped_tags: list[str] = []
        self._in_title = False
        self._pre_depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Append the Markdown that opens an element."""
        if tag in _SKIPPED_TAGS:
            self._skipped_tags.append(tag)
        elif tag == "title":
            self._in_title = True
        elif tag == "link" and dict(attrs).get("rel") == "canonical":
            self.canonical_url = dict(attrs).get("href") or ""
        elif tag in _HEADINGS:
            self.parts.append(f"\n\n{_HEADINGS[tag]} ")
        elif tag in _BLOCK_TAGS:
            self._pre_depth += tag == "pre"
            self.parts.append("\n\n")
        else:
            self.parts.append({"br": "\n", "li": "\n- ", "tr": "\n", "dt": "\n\n"}.get(tag, ""))

    def handle_endtag(self, tag: str) -> None:
        """Append the Markdown that closes an element."""
        if self._skipped_tags:
            if tag == self._skipped_tags[-1]:
                self._skipped_tags.pop()
        elif tag == "title":
            self._in_title = False
        elif tag in _HEADINGS or tag in _BLOCK_TAGS:
            self._pre_depth -= tag == "pre"
            self.parts.append("\n\n")
        elif tag in ("td", "th"):
            self.parts.append(" | ")

    def handle_data(self, data: str) -> None:
        """Append text, with whitespace collapsed outside of ``pre``."""
        if self._skipped_tags:
            return
        words = data if self._pre_depth > 0 else re.sub(r"\s+", " ", data)
        if self._in_title:
            self.title = " ".join(f"{self.title} {words}".split())
        elif words.strip() or (self.parts and not self.parts[-1].endswith(("\n", " "))):
            self.parts.append(words)
