"""What python-telegram-bot raises, told in our words."""

from datetime import timedelta

import aiohttp
import httpx
import pytest
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from bots.telegram.errors import retry_after_s, to_platform_error, translate_errors
from core.domain.errors import (
    MessageGone,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
    ThreadClosed,
)


def caused(error: TelegramError, cause: Exception) -> TelegramError:
    """Return ``error`` as raised from ``cause``."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "sent", "repeatable"),
    [
        (Forbidden("Forbidden: bot was blocked by the user"), PlatformForbidden, PlatformForbidden),
        (BadRequest("Bad Request: message to edit not found"), MessageGone, MessageGone),
        (BadRequest("Bad Request: MESSAGE_ID_INVALID"), MessageGone, MessageGone),
        (BadRequest("Bad Request: TOPIC_CLOSED"), ThreadClosed, ThreadClosed),
        (BadRequest("Bad Request: message thread not found"), ThreadClosed, ThreadClosed),
        (
            BadRequest("Bad Request: not enough rights to send text messages"),
            PlatformForbidden,
            PlatformForbidden,
        ),
        (BadRequest("Bad Request: CHAT_SEND_PLAIN_FORBIDDEN"), PlatformForbidden, PlatformForbidden),
        (BadRequest("Bad Request: have no write access to the chat"), PlatformForbidden, PlatformForbidden),
        *(
            (BadRequest(f"Bad Request: {word}"), PlatformForbidden, PlatformForbidden)
            for word in (
                "CHANNEL_INVALID",
                "CHAT_FORBIDDEN",
                "CHAT_RESTRICTED",
                "ALLOW_PAYMENT_REQUIRED_5",
                "PRIVACY_PREMIUM_REQUIRED",
                "chat not found",
                "group chat was deactivated",
                "need administrator rights in the channel chat",
            )
        ),
        (BadRequest("Bad Request: message is too long"), PlatformRefused, PlatformRefused),
        (InvalidToken("Unauthorized"), PlatformUnavailable, PlatformUnavailable),
        (Conflict("Conflict"), PlatformUnavailable, PlatformUnavailable),
        (ChatMigrated(-1009), PlatformUnavailable, PlatformUnavailable),
        (NetworkError("Bad Gateway (502)"), PlatformUnavailable, PlatformUnavailable),
        (NetworkError("Gateway Timeout (504)"), PlatformOutcomeUnknown, PlatformUnavailable),
        (NetworkError("Too Many Requests (429)"), PlatformRateLimited, PlatformRateLimited),
        (TelegramError("Invalid server response"), PlatformOutcomeUnknown, PlatformUnavailable),
        (caused(TimedOut(), httpx.ReadTimeout("")), PlatformOutcomeUnknown, PlatformUnavailable),
        (caused(TimedOut(), httpx.ConnectTimeout("")), PlatformUnavailable, PlatformUnavailable),
        (caused(TimedOut(), httpx.PoolTimeout("")), PlatformUnavailable, PlatformUnavailable),
        (caused(NetworkError("x"), httpx.ConnectError("")), PlatformUnavailable, PlatformUnavailable),
        (caused(NetworkError("x"), httpx.ReadError("")), PlatformOutcomeUnknown, PlatformUnavailable),
        (caused(TimedOut(), aiohttp.SocketTimeoutError()), PlatformOutcomeUnknown, PlatformUnavailable),
        (caused(TimedOut(), aiohttp.ConnectionTimeoutError()), PlatformUnavailable, PlatformUnavailable),
    ],
)
def test_what_each_refusal_means(error: TelegramError, sent: type, repeatable: type) -> None:
    """Whether a call may be done again depends on what it does, and on whether it was sent at all."""
    assert type(to_platform_error(error, idempotent=False)) is sent
    assert type(to_platform_error(error, idempotent=True)) is repeatable


@pytest.mark.parametrize(("setting", "wait"), [("1", 7), ("1", timedelta(seconds=7))])
def test_the_wait_is_read_in_both_of_its_types(
    monkeypatch: pytest.MonkeyPatch, setting: str, wait: int | timedelta
) -> None:
    """The library tells the wait as a number or as a time span."""
    monkeypatch.setenv("PTB_TIMEDELTA", setting)
    assert retry_after_s(RetryAfter(wait)) == 7.0


@pytest.mark.filterwarnings("ignore:.*retry_after")
def test_the_wait_is_read_where_the_operator_chose_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """PTB_TIMEDELTA=0 of the operator is kept, and understood."""
    monkeypatch.setenv("PTB_TIMEDELTA", "0")
    assert retry_after_s(RetryAfter(7)) == 7.0


def test_only_our_errors_leave_with_their_cause() -> None:
    """The platform's error is the cause of ours."""
    refused = Forbidden("bot was kicked")
    with pytest.raises(PlatformForbidden) as told, translate_errors(idempotent=True):
        raise refused
    assert told.value.__cause__ is refused
