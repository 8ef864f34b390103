"""Translates Slack's errors and broken connections into :mod:`core.domain.errors`.

Slack reports most errors with HTTP 200 and an ``error`` code. Sources: the "Errors" tables of
https://docs.slack.dev/reference/methods and https://docs.slack.dev/apis/web-api/rate-limits
"""

from collections.abc import Generator
from contextlib import contextmanager

import aiohttp
from slack_sdk.errors import SlackApiError

from core.domain.errors import (
    MessageGone,
    MessageRemoved,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
    ThreadClosed,
)

DEFAULT_RETRY_AFTER_S = 30.0
"""Wait after a 429 without ``Retry-After``: half of Slack's window of a minute."""

RATE_LIMIT_CODES = frozenset({"ratelimited", "rate_limited"})

MESSAGE_GONE_CODES = frozenset(
    {"message_not_found", "cant_update_message", "cant_delete_message", "edit_window_closed"}
)
"""The message cannot be changed. Not found: only owners and admins delete the messages of an app
(https://slack.com/help/articles/202395258-Edit-or-delete-messages)."""

FORBIDDEN_CODES = frozenset(
    {
        "accesslimited",
        "account_inactive",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
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
        "two_factor_setup_required",
    }
)

THREAD_CLOSED_CODES = frozenset(
    {
        "cannot_reply_to_message",
        "invalid_thread_ts",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "thread_not_found",
    }
)
"""The thread takes no reply: its root is deleted, or it is locked. The channel may take messages."""

UNTHREADABLE_CODES = frozenset({"cannot_reply_to_message", "restricted_action_non_threadable_channel"})
"""Refusals of a reply to a message that exists: the answer is posted at the channel's top level."""

WRONG_RECIPIENT_CODES = frozenset(
    {"missing_recipient_team_id", "missing_recipient_user_id", "team_not_found", "user_not_found"}
)

_PERMISSION_CODES = frozenset({"access_denied", "missing_scope", "no_permission"})
"""The app may not do this; for messages (``chat.*``) that means that it cannot speak there."""

SERVER_ERROR_CODES = frozenset({"fatal_error", "internal_error", "request_timeout", "service_unavailable"})
"""Failures on Slack's side: "some aspect of the operation" may have succeeded."""

TRANSIENT_CODES = frozenset(
    {"external_channel_migrating", "message_limit_exceeded", "team_added_to_org", "update_failed"}
)
"""Nothing was shown, and a later attempt may succeed."""

UNSUPPORTED_CODES = frozenset(
    {"unknown_method", "method_deprecated", "deprecated_endpoint", "feature_not_enabled"}
)
"""Slack does not offer a method in this workspace at all (GovSlack, for example), or not any more."""

PERMANENT_ERROR_CODES = UNSUPPORTED_CODES | {"missing_scope", "not_allowed_token_type", "access_denied"}
"""Errors of a status that every later call would return as well."""

BAD_CREDENTIAL_CODES = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)


def error_code(error: BaseException) -> str:
    """Return Slack's error code, such as "msg_too_long"; "" if there is none.

    ``error`` is an error of the SDK, or of :func:`translate_errors`, whose cause is one.
    """
    cause = error.__cause__ if isinstance(error, PlatformError) else error
    if not isinstance(cause, SlackApiError):
        return ""
    # If a gateway responded instead of Slack, this is text, bytes or the raw response.
    data = getattr(cause.response, "data", None)
    return str(data.get("error", "")) if isinstance(data, dict) else ""


@contextmanager
def translate_errors(method: str, *, idempotent: bool) -> Generator[None]:
    """Translate the errors of a call of ``method`` into :class:`core.domain.errors.PlatformError`.

    Args:
        method: the Web API method, for the error's text.
        idempotent: calling it twice has the effect of one call, so that a lost reply is
            ``PlatformUnavailable`` instead of ``PlatformOutcomeUnknown``.

    Raises:
        PlatformError: with the SDK's error as its cause.
    """
    try:
        yield
    except SlackApiError as exc:
        raise _to_platform_error(exc, method, idempotent=idempotent) from exc
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as exc:
        raise PlatformUnavailable(f"{method}: no connection ({type(exc).__name__})") from exc
    except (TimeoutError, aiohttp.ClientError, ConnectionError) as exc:
        raise _lost_reply(method, type(exc).__name__, idempotent=idempotent) from exc
    except (AttributeError, ValueError) as exc:
        # slack_sdk 3.47 reads fields of a reply that is not a JSON object (a gateway's plain text).
        raise _lost_reply(method, "unreadable answer", idempotent=idempotent) from exc


def _to_platform_error(exc: SlackApiError, method: str, *, idempotent: bool) -> PlatformError:
    code = error_code(exc)
    status = _http_status(exc)
    text = f"{method}: {code or f'HTTP {status}'}"
    if status == 429 or code in RATE_LIMIT_CODES:
        return PlatformRateLimited(text, retry_after_s=_retry_after_s(exc), method=method)
    if code in TRANSIENT_CODES or (not code and 400 <= status < 500):
        return PlatformUnavailable(text)
    if status >= 500 or code in SERVER_ERROR_CODES or not code:
        return _lost_reply(method, code or f"HTTP {status}", idempotent=idempotent)
    if code == "message_not_found":
        return MessageRemoved(text)
    if code in MESSAGE_GONE_CODES:
        return MessageGone(text)
    if code in THREAD_CLOSED_CODES:
        return ThreadClosed(text)
    if code in FORBIDDEN_CODES or code.startswith("restricted_action"):
        return PlatformForbidden(text)
    if code in _PERMISSION_CODES and method.startswith("chat."):
        return PlatformForbidden(text)
    return PlatformRefused(text)


def _lost_reply(method: str, reason: str, *, idempotent: bool) -> PlatformError:
    kind = PlatformUnavailable if idempotent else PlatformOutcomeUnknown
    return kind(f"{method}: {reason}")


def _http_status(exc: SlackApiError) -> int:
    response = exc.response
    return int(getattr(response, "status_code", None) or getattr(response, "status", None) or 0)


def _retry_after_s(exc: SlackApiError) -> float:
    headers = getattr(exc.response, "headers", None) or {}
    try:
        return max(0.0, float(headers.get("Retry-After", DEFAULT_RETRY_AFTER_S)))
    except ValueError:
        return DEFAULT_RETRY_AFTER_S
