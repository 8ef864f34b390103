"""Renders an answer's Markdown for the terminal: as it is, in one message."""

from collections.abc import Sequence

from core.domain.bot_messages import RenderedMessage


class TerminalRenderer:
    """Implements :class:`core.ports.platform.Renderer`: one message of any length."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the answer so far without white space at its ends; [] if nothing is left."""
        text = markdown.strip()
        return [RenderedMessage(markdown=text, text=text)] if text else []
