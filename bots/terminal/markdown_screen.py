"""Output of Markdown to a terminal: finished blocks are printed for good, the growing one is redrawn."""

import os
import sys
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markdown import Markdown
from rich.text import Text

from bots.terminal.markdown_blocks import split_blocks
from bots.terminal.screen import Screen
from core.text.visible_text import terminal_text

REDRAWS_PER_S: Final = 12


class MarkdownScreen(Screen):
    """Renders an answer as it grows, with "Thinking…" until its first text."""

    def __init__(self, console: Console | None = None) -> None:
        """Write to ``console``, by default standard output."""
        super().__init__()
        self._console = console or Console(highlight=False)
        self._live: Live | None = None
        self._rest = ""
        self._is_first_block = True

    def show_thinking(self) -> None:
        """Show "Thinking…" unless something is growing."""
        if self._live is None:
            self._open(Text("Thinking…", style="dim"))

    def clear_status(self) -> None:
        """Clear "Thinking…" unless text is growing."""
        if not self._rest:
            self._close()

    def append(self, text: str) -> None:
        """Add text to the answer, without its control characters."""
        if not (text := terminal_text(text)):
            return
        blocks, self._rest = split_blocks(self._rest + text)
        live = self._live or self._open(Text(""))
        for block in blocks:
            live.update(Text(""))
            self._print(block)
        live.update(Markdown(self._rest))

    def end_line(self) -> None:
        """Print the rest; the next text begins a new answer."""
        self._close()
        if self._rest.strip():
            self._print(self._rest)
        self._rest = ""
        self._is_first_block = True

    def _print(self, block: str) -> None:
        if not self._is_first_block:
            self._console.print()
        self._is_first_block = False
        self._console.print(Markdown(block))

    def _open(self, shown: Text) -> Live:
        self._live = Live(shown, console=self._console, refresh_per_second=REDRAWS_PER_S, transient=True)
        self._live.start()
        return self._live

    def _close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


def choose_screen(*, plain: bool = False) -> Screen:
    """Return a screen that renders Markdown if standard output is a terminal that can; else a plain one."""
    if plain or not sys.stdout.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return Screen()
    return MarkdownScreen()
