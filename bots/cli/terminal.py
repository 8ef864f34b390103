"""What every command shares: complaints on standard error, the loop, the person's language."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from core.domain.errors import MoonthreadError, SettingsError
from core.kimi import KimiError, Language
from core.settings import Settings

T = TypeVar("T")


def print_error(*lines: str) -> None:
    """Write one line for each thing that is wrong to standard error."""
    for line in lines:
        print(f"moonthread: {line}", file=sys.stderr)


def error_lines(error: MoonthreadError) -> list[str]:
    """Return the lines in which a person reads this error."""
    match error:
        case SettingsError():
            return error.faults
        case KimiError():
            support = f", request {error.request_id}" if error.request_id else ""
            return [f"{error.notice(terminal_language())} ({error}{support})"]
        case _:
            return [str(error)]


def terminal_language() -> Language:
    """Return the language that this terminal is set to."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def create_data_folder(settings: Settings) -> None:
    """Make the folder of the SQLite file where it is missing; only this user may look into it.

    Raises:
        SettingsError: it cannot be made.
    """
    if settings.sqlite_file is None:
        return
    folder = settings.sqlite_file.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError([f"{folder}: cannot be made ({exc.strerror}); choose another folder"]) from exc


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop: uvloop's where it is there, else None for asyncio's own."""
    try:
        import uvloop  # not on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own; Ctrl-C cancels it and raises KeyboardInterrupt."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)
