"""Used by every command: error messages, the event loop, the terminal's language."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from bots.cli import private_files
from bots.cli.kimi_advice import advice_for
from core.domain.errors import MoonthreadError, SettingsError
from core.kimi import KimiError, Language
from core.settings import Settings
from core.text.language import language_of_tag
from core.text.visible_text import terminal_text

T = TypeVar("T")


def print_error(*lines: str) -> None:
    """Print each line to standard error, with the program's name before it."""
    for line in lines:
        print(f"moonthread: {terminal_text(line)}", file=sys.stderr)


def error_lines(error: MoonthreadError) -> list[str]:
    """Return the lines that tell a person about an error, one for each fault."""
    match error:
        case SettingsError():
            return error.faults
        case KimiError():
            support = f", request {error.request_id}" if error.request_id else ""
            return [f"{advice_for(error, terminal_language())} ({error}{support})"]
        case _:
            return [str(error)]


def terminal_language() -> Language:
    """Return the language of the environment's locale."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return language_of_tag(value)
    return "en"


def create_data_folder(settings: Settings) -> None:
    """Create the folder of the SQLite file if it is missing; folder and file are for this user only.

    Raises:
        SettingsError: it cannot be created.
    """
    if settings.sqlite_file is not None:
        folder = settings.sqlite_file.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as exc:
            raise SettingsError(
                [f"{folder}: cannot be made ({exc.strerror}); choose another folder"]
            ) from exc
    private_files.protect(settings)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's loop factory if it is installed; None for asyncio's own loop."""
    try:
        import uvloop  # not on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine run on a loop of its own; Ctrl-C raises KeyboardInterrupt."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)
