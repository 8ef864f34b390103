"""Append-only output to a terminal, with a status line that can be cleared."""

import os
import sys
from typing import Final, TextIO

from core.text.visible_text import terminal_text

_THINKING: Final = "Thinking…"
_DIM, _PLAIN = "\033[2m", "\033[0m"
_CLEAR_LINE: Final = "\r\033[K"


class Screen:
    """Terminal output with "Thinking…" shown until the first text of an answer.

    The status is written to standard error, and only if both streams are terminals.
    """

    def __init__(self, out: TextIO | None = None, status: TextIO | None = None) -> None:
        """Write text to ``out`` and the status to ``status``; None for standard output and error."""
        self._out = sys.stdout if out is None else out
        self._status = sys.stderr if status is None else status
        self._thinking = False
        self._mid_line = False

    def show_thinking(self) -> None:
        """Show "Thinking…" unless it is shown or a line has been begun."""
        if not (self._thinking or self._mid_line) and self._out.isatty() and self._status.isatty():
            self._thinking = True
            is_plain = bool(os.environ.get("NO_COLOR"))  # https://no-color.org
            self._write(self._status, f"\r{_THINKING}" if is_plain else f"\r{_DIM}{_THINKING}{_PLAIN}")

    def clear_status(self) -> None:
        """Clear the status line."""
        if self._thinking:
            self._thinking = False
            self._write(self._status, _CLEAR_LINE)

    def append(self, text: str) -> None:
        """Write more text, without its control characters."""
        if text := terminal_text(text):
            self.clear_status()
            self._mid_line = not text.endswith("\n")
            self._write(self._out, text)

    def end_line(self) -> None:
        """End the current line, if one has been begun."""
        self.clear_status()
        if self._mid_line:
            self.append("\n")

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()
