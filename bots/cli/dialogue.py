"""Questions to the person at the terminal, or to the lines that are piped in."""

import getpass
import sys

from core.domain.errors import MoonthreadError


class DialogueEnded(MoonthreadError):
    """The person left before the last question: Ctrl-D, or no further line."""


def ask(question: str) -> str:
    """Return the answer to a question, without spaces around it.

    Raises:
        DialogueEnded: there is none.
    """
    try:
        return input(question).strip()
    except EOFError as exc:
        print()
        raise DialogueEnded("nothing was written") from exc


def ask_secret(question: str) -> str:
    """Return a secret that is not shown while it is typed or pasted; see :func:`ask`.

    Spaces and quotes around it, which come along when it is copied, are removed.
    """
    if not sys.stdin.isatty():
        return ask(question).strip("'\"")
    try:
        return getpass.getpass(question).strip().strip("'\"")
    except EOFError as exc:
        print()
        raise DialogueEnded("nothing was written") from exc


def confirm(question: str, *, default: bool) -> bool:
    """Return whether the person agrees; Enter means ``default``."""
    while True:
        answer = ask(f"{question} [{'Y/n' if default else 'y/N'}] ").lower()
        if answer in ("", "y", "yes", "n", "no"):
            return default if not answer else answer.startswith("y")
