"""python-telegram-bot's exceptions, told in the words of :mod:`core.domain.errors`.

The Bot API tells what is wrong in the ``description`` only, in English; the texts below are those
of the server's source (tdlib/telegram-bot-api, Client.cpp) and of TDLib beneath it.
"""

import contextlib
import random
from collections.abc import Iterator
from datetime import timedelta

import aiohttp
import httpx
import structlog
from telegram.error import (
    BadRequest,
    Forbidden,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from core.domain.errors import (
    MessageGone,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
    ThreadClosed,
)

log = structlog.get_logger()

BACKOFF_MAX_S = 30.0

#: Wait after a rate limit without ``retry_after`` (a proxy's bare 429).
DEFAULT_RETRY_AFTER_S = 5.0

UNKNOWN_METHOD = "not found"
"""Text of PTB's ``InvalidToken`` for a 404, with which a server responds to an unknown method."""

TEXT_MISSING = "message text is empty"
NOT_MODIFIED = "message is not modified"
TOPIC_NOT_FOUND = "message thread not found"
NOT_FOUND_TO_DELETE = ("message to delete not found", "message_id_invalid")

_MESSAGE_GONE_TEXTS = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message_edit_time_expired",
)
_THREAD_CLOSED_TEXTS = (TOPIC_NOT_FOUND, "topic_closed", "topic_deleted")
_FORBIDDEN_TEXTS = (
    "chat not found",
    "not enough rights",
    "have no rights to send",
    "no write access",
    "chat_write_forbidden",
    "chat_guest_send_forbidden",
    "chat_send_plain_forbidden",
    "user_banned_in_channel",
    "channel_private",
    "channel_invalid",
    "chat_forbidden",
    "chat_id_invalid",
    "payment_required",
    "privacy_premium_required",
    "chat_restricted",
    "chat_admin_required",
    "need administrator rights",
    "user_is_blocked",
    "input_user_deactivated",
    "user is deactivated",
    "group chat was deactivated",
    "group chat was deleted",
    "bot was kicked",
    "bot was blocked",
    "peer_id_invalid",
)
_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)


def retry_after_s(error: RetryAfter) -> float:
    """Return the wait that Telegram requests; PTB gives an int or a timedelta."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def description_contains(error: TelegramError, *texts: str) -> bool:
    """Return whether Telegram's description contains one of ``texts`` (lower case)."""
    description = error.message.casefold()
    return any(text in description for text in texts)


def to_platform_error(error: TelegramError, *, idempotent: bool) -> PlatformError:
    """Return ``error`` as an error of the domain.

    ``idempotent`` says that calling twice shows nothing twice (edits, deletions, typing), so that an
    unknown outcome may be retried. A send must not be repeated blindly.
    """
    text = f"{type(error).__name__}: {error.message}"
    match error:
        case RetryAfter():
            return PlatformRateLimited(text, retry_after_s=retry_after_s(error))
        case Forbidden():
            return PlatformForbidden(text)
        case BadRequest():  # before NetworkError, which it inherits from
            return _from_bad_request(error, text)
        case NetworkError():
            return _from_network_error(error, text, idempotent=idempotent)
        case _ if description_contains(error, "invalid server response") and not idempotent:
            return PlatformOutcomeUnknown(text)
        case _:  # a token that was revoked, a chat that moved twice: nothing was shown
            return PlatformUnavailable(type(error).__name__)


def _from_bad_request(error: BadRequest, text: str) -> PlatformError:
    if description_contains(error, *_MESSAGE_GONE_TEXTS):
        return MessageGone(text)
    if description_contains(error, *_THREAD_CLOSED_TEXTS):
        return ThreadClosed(text)
    if description_contains(error, *_FORBIDDEN_TEXTS):
        return PlatformForbidden(text)
    return PlatformRefused(text)


def _from_network_error(error: NetworkError, text: str, *, idempotent: bool) -> PlatformError:
    cause = error.__cause__
    if description_contains(error, "too many requests"):
        return PlatformRateLimited(text, retry_after_s=DEFAULT_RETRY_AFTER_S)
    if idempotent or isinstance(cause, _NEVER_SENT):
        return PlatformUnavailable(text)
    if (
        isinstance(error, TimedOut)
        or isinstance(cause, aiohttp.ClientError | httpx.HTTPError)
        or description_contains(error, "gateway time")
    ):
        return PlatformOutcomeUnknown(text)
    return PlatformUnavailable(text)  # 5xx: refused before it was carried out


@contextlib.contextmanager
def translate_errors(*, idempotent: bool) -> Iterator[None]:
    """Translate the SDK's errors into :mod:`core.domain.errors`, with their cause.

    Raises:
        PlatformError: see :func:`to_platform_error`.
    """
    try:
        yield
    except TelegramError as exc:
        raise to_platform_error(exc, idempotent=idempotent) from exc


def backoff_s(failures: int) -> float:
    """Return 1, 2, 4 … 30 s with random jitter, so that replicas do not retry at the same time."""
    return min(BACKOFF_MAX_S, 2.0 ** min(failures - 1, 6)) * random.uniform(0.7, 1.0)  # noqa: S311
