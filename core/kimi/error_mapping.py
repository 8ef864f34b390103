"""Maps a provider's error responses to error classes.

Moonshot names the kind in ``error.type``, Ace Data Cloud in ``error.code``, others in either; gateways
answer with HTML, a bare string or nothing. The class is looked up by name first, then by text, then
by HTTP status.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from core.kimi.api_errors import (
    KimiAuthenticationError,
    KimiContentFiltered,
    KimiContextTooLong,
    KimiEndpointMissing,
    KimiError,
    KimiFileMissing,
    KimiInvalidRequest,
    KimiModelUnknown,
    KimiOverloaded,
    KimiPermissionError,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiUnavailable,
)
from core.kimi.error_members import find_error_member, text_in
from core.kimi.error_texts import ErrorClass, refine_by_text
from core.kimi.json_decoding import decode_json
from core.kimi.rate_limit import parse_limit, retry_after_in_headers, retry_after_in_text

EndpointKind: TypeAlias = Literal["chat", "models", "files"]

_BY_NAME: Mapping[str, ErrorClass] = {
    # Moonshot's error.type
    "content_filter": KimiContentFiltered,
    "invalid_authentication_error": KimiAuthenticationError,
    "incorrect_api_key_error": KimiAuthenticationError,
    "permission_denied_error": KimiPermissionError,
    "exceeded_current_quota_error": KimiQuotaExhausted,
    "resource_not_found_error": KimiModelUnknown,
    "engine_overloaded_error": KimiOverloaded,
    "rate_limit_reached_error": KimiRateLimited,
    "server_error": KimiUnavailable,
    "unexpected_output": KimiUnavailable,
    "server_unavailable": KimiUnavailable,
    "client_closed_request": KimiUnavailable,
    "invalid_request_error": KimiInvalidRequest,
    # Ace Data Cloud's error.code
    "token_mismatched": KimiAuthenticationError,
    "no_token": KimiAuthenticationError,
    "invalid_token": KimiAuthenticationError,
    "token_expired": KimiAuthenticationError,
    "disabled": KimiPermissionError,
    "used_up": KimiQuotaExhausted,
    "api_not_implemented": KimiEndpointMissing,
    "no_api": KimiEndpointMissing,
    "request_too_large": KimiContextTooLong,
    "too_many_requests": KimiRateLimited,
    "bad_request": KimiInvalidRequest,
    "api_error": KimiUnavailable,
    # names that compatible servers took over from OpenAI
    "invalid_api_key": KimiAuthenticationError,
    "insufficient_quota": KimiQuotaExhausted,
    "model_not_found": KimiModelUnknown,
    "context_length_exceeded": KimiContextTooLong,
    "rate_limit_exceeded": KimiRateLimited,
    "overloaded_error": KimiOverloaded,
    # names of gateways and other hosts
    "insufficient_user_quota": KimiQuotaExhausted,  # new-api, with status 403
    "insufficient_balance": KimiQuotaExhausted,
    "billing_error": KimiQuotaExhausted,
    "arrearage": KimiQuotaExhausted,
    "data_inspection_failed": KimiContentFiltered,
    "content_policy_violation": KimiContentFiltered,
    "model_not_supported": KimiModelUnknown,
    "invalid_model": KimiModelUnknown,
    "authentication_error": KimiAuthenticationError,
    "not_found_error": KimiModelUnknown,
}

_BY_STATUS: Mapping[int, ErrorClass] = {
    400: KimiInvalidRequest,
    401: KimiAuthenticationError,
    402: KimiQuotaExhausted,
    403: KimiPermissionError,
    404: KimiEndpointMissing,
    405: KimiEndpointMissing,
    408: KimiUnavailable,
    409: KimiUnavailable,
    410: KimiEndpointMissing,  # a retired model is recognised by its text
    413: KimiContextTooLong,
    429: KimiRateLimited,
    499: KimiUnavailable,
    501: KimiEndpointMissing,
    529: KimiOverloaded,
}

#: Classes whose names some servers use for everything; a known status counts more.
_AMBIGUOUS = (KimiInvalidRequest, KimiUnavailable)

#: Members of an error that hold its text.
MESSAGE_KEYS: Final = ("message", "msg", "detail", "error_msg", "error_message", "faultstring")
_TEXT_KEYS: Final = (*MESSAGE_KEYS, "type", "code")
_REQUEST_ID_HEADERS = ("msh-request-id", "x-request-id", "x-msh-trace-id", "x-trace-id")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_SAFE_ID = re.compile(r"[\w.:-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorDetails:
    """The content of an error response, independent of its form."""

    name: str = ""  #: the known one of code and type
    text: str = ""
    request_id: str = ""


def request_id_from(headers: Mapping[str, str]) -> str:
    """Return the request's id for Moonshot's support; "" if no header has one."""
    ids = (headers.get(name, "") for name in _REQUEST_ID_HEADERS)
    return next((value for value in ids if _SAFE_ID.fullmatch(value)), "")


def error_from_response(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    endpoint_kind: EndpointKind = "chat",
    secrets: tuple[str, ...] = (),
) -> KimiError:
    """Return the error of an unsuccessful HTTP response (status other than 2xx)."""
    details = _parse_error_body(body)
    return _build_error(
        details,
        error_class=_error_class_for(details, status, endpoint_kind),
        status=status,
        request_id=request_id_from(headers) or details.request_id,
        retry_after_header_s=retry_after_in_headers(headers),
        secrets=secrets,
    )


def error_from_event(error: object, *, request_id: str, secrets: tuple[str, ...] = ()) -> KimiError:
    """Return the error of an ``error`` member within a response that began successfully."""
    details = _parse_error_value({"error": error})
    status = _status_in(error)
    return _build_error(
        details,
        error_class=_error_class_for(details, status, "chat"),
        status=None,
        request_id=request_id or details.request_id,
        retry_after_header_s=None,
        secrets=secrets,
    )


def _status_in(error: object) -> int:
    """Return the HTTP status that an error object names as its code, else 500."""
    members = error if isinstance(error, dict) else {}
    for name in ("code", "status", "status_code"):
        code = str(members.get(name, ""))
        if code.isascii() and code.isdigit() and 400 <= int(code) < 600:
            return int(code)
    return 500


def _parse_error_body(body: bytes) -> ErrorDetails:
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return ErrorDetails(text="(empty body)")
    if text.startswith("<"):
        title = _TITLE.search(text)
        return ErrorDetails(text=f"an HTML page: {title[1].strip() if title else '(no title)'}")
    try:
        return _parse_error_value(decode_json(body))
    except ValueError:
        return ErrorDetails(text=text)


def _parse_error_value(value: Any) -> ErrorDetails:
    match value:
        case {"error": dict(error)}:
            names = (error.get("code"), error.get("type"))
            name = next((n for n in names if isinstance(n, str) and n in _BY_NAME), "")
            text = text_in(error, _TEXT_KEYS) or "(no message)"
            request_id = error.get("request_id") or value.get("request_id") or value.get("trace_id")
            return ErrorDetails(name=name, text=text, request_id=_safe_id(request_id))
        case {"error": str(text)} if text:
            name = text if text in _BY_NAME else ""
            message = value.get("message")
            return ErrorDetails(
                name=name, text=str(message or text), request_id=_safe_id(value.get("trace_id"))
            )
        case {"detail": [*faults]}:  # FastAPI and pydantic name the refused member in "loc"
            return ErrorDetails(text="; ".join(_validation_text(fault) for fault in faults))
        case dict(members) if text := text_in(members, MESSAGE_KEYS):
            return ErrorDetails(text=text, request_id=_safe_id(members.get("trace_id")))
        case dict(members) if (
            isinstance(found := find_error_member(members), dict | str) and found is not value
        ):
            return _parse_error_value({"error": found})
        case str(text):
            return ErrorDetails(name=text if text in _BY_NAME else "", text=text)
        case _:
            return ErrorDetails(text="(no message)")


def _validation_text(fault: Any) -> str:
    match fault:
        case {"loc": [*place], "msg": text}:
            return f"{text}: {'.'.join(str(part) for part in place)}"
        case _:
            return str(fault)


def _safe_id(value: Any) -> str:
    return value if isinstance(value, str) and _SAFE_ID.fullmatch(value) else ""


def _error_class_for(details: ErrorDetails, status: int, endpoint_kind: EndpointKind) -> ErrorClass:
    error_class = _BY_NAME.get(details.name)
    if error_class is None or (error_class in _AMBIGUOUS and status in _BY_STATUS):
        error_class = _error_class_for_status(status)
    error_class = refine_by_text(error_class, details.text)
    if endpoint_kind == "models" and error_class is KimiModelUnknown:
        return KimiEndpointMissing
    if endpoint_kind == "files" and error_class is KimiModelUnknown:
        return KimiFileMissing
    return error_class


def _error_class_for_status(status: int) -> ErrorClass:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if status >= 500:
        return KimiUnavailable
    return KimiEndpointMissing if 300 <= status < 400 else KimiInvalidRequest


def _build_error(
    details: ErrorDetails,
    *,
    error_class: ErrorClass,
    status: int | None,
    request_id: str,
    retry_after_header_s: float | None,
    secrets: tuple[str, ...],
) -> KimiError:
    where = f"HTTP {status}" if status is not None else "in the stream"
    message = f"{where}: {details.text}"
    waits = [wait for wait in (retry_after_header_s, retry_after_in_text(details.text)) if wait is not None]
    wait_s = max(waits, default=None)
    if error_class is KimiRateLimited:
        limit, limit_value = parse_limit(details.text)
        return KimiRateLimited(
            message,
            limit=limit,
            limit_value=limit_value,
            request_id=request_id,
            status=status,
            retry_after_s=wait_s,
            secrets=secrets,
        )
    return error_class(message, request_id=request_id, status=status, retry_after_s=wait_s, secrets=secrets)
