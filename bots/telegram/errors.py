"""python-telegram-bot's exceptions, told in the words of :mod:`core.domain.errors`.

The Bot API tells what is wrong in the ``description`` only, in English; the texts below are those
of the server's source (tdlib/telegram-bot-api, Client.cpp) and of TDLib beneath it.
"""

import contextlib
import random
from collections.abc import Iterator
from datetime import timedelta

import httpx
import structlog
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bots.telegram.credentials import TOKEN_REFUSED
from core.domain.errors import (
    MessageGone,
    StoreUnavailable,
    SurfaceClosed,
    SurfaceError,
    SurfaceRateLimited,
    SurfaceRefused,
    SurfaceUnavailable,
    SurfaceUncertain,
)

log = structlog.get_logger()

BACKOFF_MAX_S = 30.0

#: Waited where Telegram refuses for its limits without a number (a proxy's bare 429).
UNTOLD_WAIT_S = 5.0

UNKNOWN_METHOD = "not found"
"""What PTB's ``InvalidToken`` says of a 404, which a server gives for a method that it does not know."""

TEXT_MISSING = "message text is empty"
NOT_MODIFIED = "message is not modified"
NOT_FOUND_TO_DELETE = ("message to delete not found", "message_id_invalid")

_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message_edit_time_expired",
)
_CLOSED = (
    "chat not found",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
    "not enough rights",
    "have no rights to send",
    "chat_write_forbidden",
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
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


def retry_after_s(error: RetryAfter) -> float:
    """Return the wait that Telegram asks for; the library gives an int or a timedelta."""
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def says(error: TelegramError, *texts: str) -> bool:
    """Tell whether Telegram's description holds one of ``texts`` (lower case)."""
    description = error.message.casefold()
    return any(text in description for text in texts)


def surface_error(error: TelegramError, *, idempotent: bool) -> SurfaceError:
    """Return what ``error`` means for the person who waits.

    ``idempotent`` says that doing the call twice shows nothing twice (edits, deletes, typing):
    then an unknown outcome is the same as none. A send must not be repeated blindly.
    """
    text = f"{type(error).__name__}: {error.message}"
    match error:
        case RetryAfter():
            return SurfaceRateLimited(text, retry_after_s=retry_after_s(error))
        case Forbidden():
            return SurfaceClosed(text)
        case BadRequest():  # before NetworkError, which it inherits from
            return _bad_request(error, text)
        case NetworkError():
            return _network(error, text, idempotent=idempotent)
        case _ if says(error, "invalid server response") and not idempotent:
            return SurfaceUncertain(text)
        case _:  # a token that was revoked, a chat that moved twice: nothing was shown
            return SurfaceUnavailable(type(error).__name__)


def _bad_request(error: BadRequest, text: str) -> SurfaceError:
    if says(error, *_GONE):
        return MessageGone(text)
    if says(error, *_CLOSED):
        return SurfaceClosed(text)
    return SurfaceRefused(text)


def _network(error: NetworkError, text: str, *, idempotent: bool) -> SurfaceError:
    cause = error.__cause__
    if says(error, "too many requests"):
        return SurfaceRateLimited(text, retry_after_s=UNTOLD_WAIT_S)
    if idempotent or isinstance(cause, _NEVER_SENT):
        return SurfaceUnavailable(text)
    if isinstance(error, TimedOut) or isinstance(cause, httpx.HTTPError) or says(error, "gateway time"):
        return SurfaceUncertain(text)
    return SurfaceUnavailable(text)  # 5xx: refused before it was carried out


@contextlib.contextmanager
def translated(*, idempotent: bool) -> Iterator[None]:
    """Let only :mod:`core.domain.errors` leave the block, with the cause kept.

    Raises:
        SurfaceError: see :func:`surface_error`.
    """
    try:
        yield
    except TelegramError as exc:
        raise surface_error(exc, idempotent=idempotent) from exc


def backoff_s(failures: int) -> float:
    """Return 1, 2, 4 … 30 s, each shortened by chance so that replicas do not come together."""
    return min(BACKOFF_MAX_S, 2.0 ** min(failures - 1, 6)) * random.uniform(0.7, 1.0)  # noqa: S311


def log_lost_contact(error: Exception) -> float:
    """Log why updates do not come in, and return how many seconds Telegram asks us to wait."""
    match error:
        case RetryAfter():
            wait_s = retry_after_s(error) + 0.5
            log.warning("telegram_rate_limited", wait_s=wait_s)
            return wait_s
        case Conflict():
            log.warning(
                "telegram_conflict",
                advice="another process takes this bot's updates, or a webhook is set; only one may",
            )
        case InvalidToken():
            log.error("telegram_token_refused", advice=TOKEN_REFUSED)
        case StoreUnavailable():
            log.error("store_unavailable", platform="telegram", error=str(error))
        case TelegramError():
            log.warning("telegram_unreachable", error=type(error).__name__, text=error.message)
        case _:
            log.error("telegram_ingress_failed", exc_info=error)
    return 0.0
