"""Logging for the whole process: our own lines and the libraries', one format, no secrets.

Modules log with ``structlog.get_logger()``; a library's ``logging`` records take the same way.
Lines go to standard error, so that standard output stays a command's own.
"""

import logging
import re
import sys
import traceback
from collections.abc import Iterable
from typing import Any, Final, Literal

import orjson
import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from core.domain.errors import MoonthreadError

HIDDEN: Final = "[hidden]"
MAX_CAUSES: Final = 8  #: of one error

_SECRET_PATTERNS: Final = re.compile(
    r"""
    (?<=/bot)\d+:[A-Za-z0-9_-]+              # a Telegram token in an address
    | \b\d{6,}:[A-Za-z0-9_-]{30,}            # a Telegram token by itself
    | \bx(?:ox[a-z]|app)(?:\.xox[a-z])?-[A-Za-z0-9-]+   # Slack's tokens
    | \bsk-[A-Za-z0-9_-]{4,}                 # a key of Kimi's
    | (?i:(?<=bearer\s))[^\s'",]+            # whatever stands in an Authorization header
    | (?<=://)[^/\s:@]*:[^/\s@]+(?=@)        # user and password of a database
    """,
    re.VERBOSE,
)
LOGGER_NAME: Final = "moonthread"
"""The logger of all our lines. Every other is a library's: at INFO and DEBUG some of them log what
people say, addresses with tokens, or a line for each token of Markdown."""


class Scrubber:
    """Takes secrets out of text: those with a known shape, and those it was told."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted({secret for secret in secrets if len(secret) >= 8}, key=len, reverse=True)

    def scrub(self, text: str) -> str:
        """Return ``text`` with every secret replaced."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _SECRET_PATTERNS.sub(HIDDEN, text)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Scrub one log line; a structlog processor."""
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
    """Set up logging once, at the start of the process; ``secrets`` are hidden wherever they stand."""
    least = logging.getLevelNamesMapping()[level.upper()]
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
    logging.basicConfig(level=max(least, logging.WARNING), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger(LOGGER_NAME).setLevel(least)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=lambda *_: logging.getLogger(LOGGER_NAME),
        cache_logger_on_first_use=True,
    )


def _format_traceback(exc_info: ExcInfo) -> str:
    """Return where an error came from: files, lines and kinds; no local variable.

    What a foreign error says may be what somebody said (``KeyError('their word')``): it is not shown,
    but for those that speak of the machine and our own.
    """
    error: BaseException | None = exc_info[1]
    told: list[str] = []
    while error is not None and len(told) < MAX_CAUSES:
        said = f": {error}" if isinstance(error, MoonthreadError | OSError | ImportError) else ""
        frames = "".join(traceback.format_tb(error.__traceback__))
        told.append(f"Traceback (most recent call last):\n{frames}{type(error).__qualname__}{said}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhich came of:\n\n".join(told)


def _build_renderer(log_format: Literal["console", "json"]) -> Processor:
    if log_format == "json":
        return structlog.processors.JSONRenderer(serializer=_dump_json)
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _dump_json(event: EventDict, **_options: Any) -> str:
    return orjson.dumps(event, default=repr).decode()
