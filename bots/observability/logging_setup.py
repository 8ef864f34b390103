"""Logging of the whole process: our own lines and the libraries' in one format, without secrets.

Modules log with ``structlog.get_logger()``; records of a library's ``logging`` are formatted alike.
Lines go to standard error, so that standard output holds only a command's own output.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Iterable
from typing import Any, Final, Literal

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from core.domain.errors import MoonthreadError
from core.text.visible_text import terminal_text

HIDDEN: Final = "[hidden]"
MAX_CAUSES: Final = 8  #: causes of an error that are logged

_SECRET_PATTERNS: Final = re.compile(
    r"""
    (?<=/bot)\d+:[A-Za-z0-9_-]+              # a Telegram token in a URL
    | \b\d{6,}:[A-Za-z0-9_-]{30,}            # a Telegram token by itself
    | \bx(?:ox[a-z]|app)(?:\.xox[a-z])?-[A-Za-z0-9-]+   # Slack's tokens
    | \bsk-[A-Za-z0-9_-]{4,}                 # an API key of Kimi
    | (?i:(?<=bearer\s))[^\s'",]+            # the value of an Authorization header
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)        # user and password of a database
    """,
    re.VERBOSE,
)
LOGGER_NAME: Final = "moonthread"
"""Logger of all our lines. Every other logger is a library's; below WARNING some libraries log
people's messages, URLs with tokens, or one line for each Markdown token."""


class Scrubber:
    """Replaces secrets in text: those with a known format, and those given to the constructor."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Hide ``secrets`` as well, if they have at least 8 characters."""
        self._secrets = sorted({secret for secret in secrets if len(secret) >= 8}, key=len, reverse=True)

    def scrub(self, text: str) -> str:
        """Return ``text`` with every secret and control character replaced."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return terminal_text(_SECRET_PATTERNS.sub(HIDDEN, text))

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Return a log line with every secret replaced; a structlog processor."""
        return {key: self._scrub_value(value) for key, value in event.items()}

    def _scrub_value(self, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.scrub(value)
            case list() | tuple():
                return [self._scrub_value(item) for item in value]
            case dict():
                return {self.scrub(str(key)): self._scrub_value(item) for key, item in value.items()}
            case _:
                return self.scrub(repr(value))


def configure(
    level: Literal["debug", "info", "warning", "error"] = "info",
    log_format: Literal["console", "json"] = "console",
    *,
    secrets: Iterable[str] = (),
) -> None:
    """Set up the process's logging; ``secrets`` are hidden in every line."""
    min_level = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.ExceptionRenderer(_format_traceback),  # as text, so that it is scrubbed
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder(()), structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                Scrubber(secrets),
                _build_renderer(log_format),
            ],
        )
    )
    logging.basicConfig(level=max(min_level, logging.WARNING), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger(LOGGER_NAME).setLevel(min_level)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(min_level),
        logger_factory=lambda *_: logging.getLogger(LOGGER_NAME),
        cache_logger_on_first_use=True,
    )


def _format_traceback(exc_info: ExcInfo) -> str:
    """Return an error and its causes: types, files and lines, without local variables.

    A foreign error's text may hold a person's words (``KeyError('their word')``), so only the texts of
    our own errors, of ``OSError`` and of ``ImportError`` are included.
    """
    error: BaseException | None = exc_info[1]
    tracebacks: list[str] = []
    while error is not None and len(tracebacks) < MAX_CAUSES:
        text = f": {error}" if isinstance(error, MoonthreadError | OSError | ImportError) else ""
        frames = "".join(traceback.format_tb(error.__traceback__))
        tracebacks.append(f"Traceback (most recent call last):\n{frames}{type(error).__qualname__}{text}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\ncaused by:\n\n".join(tracebacks)


def _build_renderer(log_format: Literal["console", "json"]) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(serializer=_dump_json)
    colors = sys.stderr.isatty() and not os.environ.get("NO_COLOR")  # https://no-color.org
    return structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)


def _dump_json(event: EventDict, **_options: Any) -> str:
    return orjson.dumps(event, default=repr).decode()
