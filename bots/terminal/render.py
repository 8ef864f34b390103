"""Answer Markdown → the terminal's one page."""

from collections.abc import Sequence

from core.domain.events import RenderedMessage


class TerminalRenderer:
    """Shows the Markdown as it is, on one page of any length."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the answer so far; blanks at the growing end wait for what follows them."""
        text = markdown.strip()
        return [RenderedMessage(markdown=text, text=text)] if text else []
