"""Slack's refusals and broken connections, as the errors of :mod:`core.domain.errors`.

Slack answers most faults with HTTP 200 and an ``error`` word. Sources: the "Errors" tables of
https://docs.slack.dev/reference/methods and https://docs.slack.dev/apis/web-api/rate-limits
"""

from collections.abc import Generator
from contextlib import contextmanager

import aiohttp
from slack_sdk.errors import SlackApiError

from core.domain.errors import (
    MessageGone,
    SurfaceClosed,
    SurfaceError,
    SurfaceRateLimited,
    SurfaceRefused,
    SurfaceUnavailable,
    SurfaceUncertain,
)

RETRY_AFTER_S = 30.0
"""The wait where a 429 names none: half of Slack's window of a minute."""

LIMITED = frozenset({"ratelimited", "rate_limited"})

GONE = frozenset({"message_not_found", "cant_update_message", "cant_delete_message", "edit_window_closed"})

CLOSED = frozenset(
    {
        "account_inactive",
        "channel_not_found",
        "ekm_access_denied",
        "invalid_auth",
        "is_archived",
        "is_inactive",
        "messages_tab_disabled",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)

FAILED = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
"""Failures on Slack's side: "some aspect of the operation" may have succeeded before."""

NOT_NOW = frozenset(
    {"external_channel_migrating", "message_limit_exceeded", "team_added_to_org", "update_failed"}
)
"""Nothing was shown, and a later try may pass."""

BAD_CREDENTIALS = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)


def code_of(error: BaseException) -> str:
    """Return Slack's own word for a refusal, such as "msg_too_long"; "" where it gave none.

    ``error`` is what the SDK raised, or what :func:`translated` made of it.
    """
    cause = error.__cause__ if isinstance(error, SurfaceError) else error
    if not isinstance(cause, SlackApiError):
        return ""
    # A gateway's page in place of an answer leaves text, bytes or the bare response here.
    data = getattr(cause.response, "data", None)
    return str(data.get("error", "")) if isinstance(data, dict) else ""


@contextmanager
def translated(method: str, *, repeatable: bool) -> Generator[None]:
    """Let only a :class:`core.domain.errors.SurfaceError` leave a call of ``method``, with its cause.

    ``repeatable`` says that calling it twice does the same as once, so that a lost answer is a
    plain ``SurfaceUnavailable``; else it is a ``SurfaceUncertain``.
    """
    try:
        yield
    except SlackApiError as exc:
        raise _refusal(exc, method, repeatable=repeatable) from exc
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
        raise SurfaceUnavailable(f"{method}: no connection ({type(exc).__name__})") from exc
    except (TimeoutError, aiohttp.ClientError, ConnectionError) as exc:
        raise _lost(method, type(exc).__name__, repeatable=repeatable) from exc
    except (AttributeError, ValueError) as exc:
        # slack_sdk 3.47 reads fields of an answer that is no JSON object (a gateway's plain text).
        raise _lost(method, "unreadable answer", repeatable=repeatable) from exc


def _refusal(exc: SlackApiError, method: str, *, repeatable: bool) -> SurfaceError:
    code = code_of(exc)
    status = _status(exc)
    text = f"{method}: {code or f'HTTP {status}'}"
    if status == 429 or code in LIMITED:
        return SurfaceRateLimited(text, retry_after_s=_wait_s(exc), method=method)
    if code in NOT_NOW or (not code and 400 <= status < 500):
        return SurfaceUnavailable(text)
    if status >= 500 or code in FAILED or not code:
        return _lost(method, code or f"HTTP {status}", repeatable=repeatable)
    if code in GONE:
        return MessageGone(text)
    if code in CLOSED:
        return SurfaceClosed(text)
    return SurfaceRefused(text)


def _lost(method: str, why: str, *, repeatable: bool) -> SurfaceError:
    kind = SurfaceUnavailable if repeatable else SurfaceUncertain
    return kind(f"{method}: {why}")


def _status(exc: SlackApiError) -> int:
    response = exc.response
    return int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)


def _wait_s(exc: SlackApiError) -> float:
    headers = getattr(exc.response, "headers", None) or {}
    try:
        return max(0.0, float(headers.get("Retry-After", RETRY_AFTER_S)))
    except ValueError:
        return RETRY_AFTER_S
