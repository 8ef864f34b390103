"""Standard output as a place that text is only ever added to."""

import sys
from typing import Final, TextIO

_THINKING: Final = "\r\033[2mThinking…\033[0m"
_CLEAR_LINE: Final = "\r\033[K"


class Screen:
    """The terminal, with "Thinking…" while there is no word of an answer yet.

    The status goes to standard error, and only where a person reads both.
    """

    def __init__(self, out: TextIO | None = None, status: TextIO | None = None) -> None:
        """Write to ``out`` and ``status``, by default the process's output and error."""
        self._out = sys.stdout if out is None else out
        self._status = sys.stderr if status is None else status
        self._thinking = False
        self._mid_line = False

    def show_thinking(self) -> None:
        """Show that Kimi is at work."""
        if not (self._thinking or self._mid_line) and self._out.isatty() and self._status.isatty():
            self._thinking = True
            self._write(self._status, _THINKING)

    def clear_status(self) -> None:
        """Take the status away."""
        if self._thinking:
            self._thinking = False
            self._write(self._status, _CLEAR_LINE)

    def append(self, text: str) -> None:
        """Show more text."""
        if text:
            self.clear_status()
            self._mid_line = not text.endswith("\n")
            self._write(self._out, text)

    def end_line(self) -> None:
        """Finish the line, so that whatever comes next begins a new one."""
        self.clear_status()
        if self._mid_line:
            self.append("\n")

    @staticmethod
    def _write(stream: TextIO, text: str) -> None:
        stream.write(text)
        stream.flush()
