"""Answer Markdown → the terminal's one page."""

from collections.abc import Sequence

from core.domain.events import Page


class TerminalPager:
    """Shows the Markdown as it is, on one page of any length."""

    def pages(self, markdown: str, *, complete: bool) -> Sequence[Page]:
        """Return the answer so far; blanks at the growing end wait for what follows them."""
        text = markdown.strip()
        return [Page(source=text, text=text)] if text else []
