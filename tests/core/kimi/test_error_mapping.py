"""Which error each refusal means, from the texts seen on the wire."""

import email.utils
import json
import pickle
import time
from typing import Any

import pytest

import core.kimi.api_errors as errors
from core.kimi import (
    KimiAuthenticationError,
    KimiContentFiltered,
    KimiContextTooLong,
    KimiEndpointMissing,
    KimiError,
    KimiInvalidRequest,
    KimiModelUnknown,
    KimiOverloaded,
    KimiPermissionError,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiTimeout,
    KimiUnavailable,
)
from core.kimi.error_mapping import error_from_event, error_from_response

HTML = b"<html>\r\n<head><title>504 Gateway Time-out</title></head><body>nginx</body></html>"


def moonshot(kind: str, message: str = "text") -> bytes:
    """An error body of Moonshot's."""
    return json.dumps({"error": {"message": message, "type": kind}}).encode()


def ace(code: str, message: str = "text") -> bytes:
    """An error body of Ace Data Cloud's."""
    return json.dumps({"error": {"code": code, "message": message}, "trace_id": "trace-1"}).encode()


TOO_LONG = "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)"


@pytest.mark.parametrize(
    ("status", "body", "expected", "retryable"),
    [
        (400, moonshot("content_filter", "The request was rejected … high risk"), KimiContentFiltered, False),
        (400, moonshot("invalid_request_error", "invalid temperature: only 1"), KimiInvalidRequest, False),
        (400, moonshot("invalid_request_error", "Input token length too long"), KimiContextTooLong, False),
        (400, moonshot("invalid_request_error", TOO_LONG), KimiContextTooLong, False),
        (
            400,
            moonshot("invalid_request_error", "missing required header Kimi-Api-Version"),
            KimiUnavailable,
            True,
        ),
        (401, moonshot("invalid_authentication_error"), KimiAuthenticationError, False),
        (
            401,
            moonshot("incorrect_api_key_error", "Incorrect API key provided"),
            KimiAuthenticationError,
            False,
        ),
        (403, moonshot("permission_denied_error"), KimiPermissionError, False),
        (403, moonshot("exceeded_current_quota_error"), KimiQuotaExhausted, False),
        (404, moonshot("resource_not_found_error"), KimiModelUnknown, False),
        (429, moonshot("engine_overloaded_error"), KimiOverloaded, True),
        (429, moonshot("rate_limit_reached_error"), KimiRateLimited, True),
        (429, moonshot("exceeded_current_quota_error"), KimiQuotaExhausted, False),
        (499, moonshot("client_closed_request"), KimiUnavailable, True),
        (500, moonshot("server_error"), KimiUnavailable, True),
        (500, moonshot("unexpected_output"), KimiUnavailable, True),
        (503, moonshot("server_unavailable"), KimiUnavailable, True),
        (504, HTML, KimiUnavailable, True),
        (400, ace("token_mismatched"), KimiAuthenticationError, False),
        (400, ace("no_token"), KimiAuthenticationError, False),
        (401, ace("token_expired"), KimiAuthenticationError, False),
        (400, ace("api_not_implemented"), KimiEndpointMissing, False),
        (404, ace("no_api"), KimiEndpointMissing, False),
        (400, ace("bad_request"), KimiInvalidRequest, False),
        (400, ace("bad_request", "maximum context length is 8192"), KimiContextTooLong, False),
        (400, ace("disabled"), KimiPermissionError, False),
        (403, ace("used_up"), KimiQuotaExhausted, False),
        (413, ace("request_too_large"), KimiContextTooLong, False),
        (429, ace("too_many_requests"), KimiRateLimited, True),
        (500, ace("api_error"), KimiUnavailable, True),
        (
            400,
            b'{"error":{"code":"model_not_found","type":"invalid_request_error"}}',
            KimiModelUnknown,
            False,
        ),
        (401, moonshot("invalid_request_error", "no key"), KimiAuthenticationError, False),
        (429, ace("api_error", "upstream"), KimiRateLimited, True),
        (400, b'{"error":"invalid_token"}', KimiAuthenticationError, False),
        (400, b'{"error":"something"}', KimiInvalidRequest, False),
        (400, b'{"error":{"code":["odd"],"type":7}}', KimiInvalidRequest, False),
        (400, b'"no"', KimiInvalidRequest, False),
        (429, b"Too many requests: engine overloaded", KimiOverloaded, True),
        (429, b'{"error":null}', KimiRateLimited, True),
        (429, b'{"message":"insufficient balance"}', KimiQuotaExhausted, False),
        (404, b'{"detail":"The model kimi-x does not exist"}', KimiModelUnknown, False),
        (404, b'{"detail":"The model kimi-x was not found"}', KimiModelUnknown, False),
        (401, b"", KimiAuthenticationError, False),
        (402, b"", KimiQuotaExhausted, False),
        (403, HTML, KimiPermissionError, False),
        (404, HTML, KimiEndpointMissing, False),
        (301, b"", KimiEndpointMissing, False),
        (408, b"", KimiUnavailable, True),
        (418, b"", KimiInvalidRequest, False),
        (502, b"\xff\xfe", KimiUnavailable, True),
        (529, b"", KimiOverloaded, True),
    ],
)
def test_every_refusal_has_its_kind(
    status: int, body: bytes, expected: type[KimiError], retryable: bool
) -> None:
    """The name decides, then the text, then the status; each kind knows whether it may pass."""
    error = error_from_response(status, {}, body)
    assert type(error) is expected
    assert error.retryable is retryable
    assert error.status == status


ACCOUNT = "Your account org-0a1b2c3d4e5f<ak-f00df00df00d> request reached"


@pytest.mark.parametrize(
    ("text", "limit", "value", "wait_s"),
    [
        (f"{ACCOUNT} max organization concurrency: 1, please try again after 1 seconds", "concurrency", 1, 1),
        (f"{ACCOUNT} organization max RPM: 3, please try again after 1 seconds", "rpm", 3, 1),
        ("Organization Rate limit exceeded, please try again after 1 seconds", "unknown", None, 1),
        (f"{ACCOUNT} organization TPD rate limit, current: 1526210, limit: 1500000", "tpd", 1500000, None),
        (f"{ACCOUNT} project TPM rate limit, current: 1410, limit: 100, see https://x/y", "tpm", 100, None),
        (f"{ACCOUNT} max request: 3, please try again after 20 seconds", "rpm", 3, 20),
        ("slow down, retry again in 250 ms", "unknown", None, 0.25),
        ("try again after 2 minutes", "unknown", None, 120),
    ],
)
def test_a_rate_limit_tells_which_and_how_long(
    text: str, limit: str, value: int | None, wait_s: float | None
) -> None:
    """The dimension, its number and the wait are read from the text."""
    error = error_from_response(429, {}, moonshot("rate_limit_reached_error", text))
    assert isinstance(error, KimiRateLimited)
    assert (error.limit, error.limit_value, error.retry_after_s) == (limit, value, wait_s)
    assert error.retryable is (limit != "tpd")
    assert "f00d" not in str(error)
    assert "0a1b" not in str(error)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0.5", 1, 1),
        (+100, 90, 101),
        (-100, 1, 1),
        ("soon", 1, 1),
        ("nan", 1, 1),
    ],
)
def test_the_longer_wait_counts(header: str | int, low: float, high: float) -> None:
    """Of the header, a number or a date (here: seconds from now), and the text, the longer wait is taken."""
    if isinstance(header, int):
        header = email.utils.formatdate(time.time() + header, usegmt=True)
    body = moonshot("rate_limit_reached_error", "try again after 1 seconds")
    error = error_from_response(429, {"retry-after": header}, body)
    assert error.retry_after_s is not None
    assert low <= error.retry_after_s <= high


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"msh-request-id": "a-1", "x-request-id": "b"}, b"", "a-1"),
        ({"x-msh-trace-id": "c"}, b"", "c"),
        ({}, b'{"error":{"message":"m","request_id":"d"}}', "d"),
        ({}, ace("api_error"), "trace-1"),
        ({"msh-request-id": "not an id\x1b[0m"}, b"", ""),
    ],
)
def test_the_request_id_is_found(headers: dict[str, str], body: bytes, expected: str) -> None:
    """Headers come first, then the body; something that is no id is not taken for one."""
    assert error_from_response(500, headers, body).request_id == expected


def test_an_error_inside_a_response_has_its_kind_too() -> None:
    """Without a status the name decides, and what has no name is Kimi's failure."""
    assert isinstance(error_from_event({"type": "content_filter"}, request_id=""), KimiContentFiltered)
    assert isinstance(error_from_event("broken", request_id="r"), KimiUnavailable)
    assert error_from_event("broken", request_id="r").status is None
    assert error_from_event("broken", request_id="r").request_id == "r"
    assert isinstance(error_from_event({"code": 429, "message": "m"}, request_id=""), KimiRateLimited)
    assert isinstance(error_from_event(["odd"], request_id=""), KimiUnavailable)


def test_a_model_list_that_is_not_found_is_no_unknown_model() -> None:
    """The same 404 means another thing where models were asked for."""
    body = moonshot("resource_not_found_error")
    assert isinstance(error_from_response(404, {}, body, endpoint_kind="models"), KimiEndpointMissing)


def test_the_log_text_has_no_secret_and_a_bounded_length() -> None:
    """The key in use goes whatever it looks like, and nobody's megabyte reaches the log."""
    body = moonshot("invalid_request_error", "bad key 7f3e with Bearer abc.def-1 for org-77aa " + "x " * 9999)
    text = str(error_from_response(400, {}, body, secrets=("7f3e",)))
    assert "7f3e" not in text
    assert "abc" not in text
    assert "77aa" not in text
    assert len(text) <= 400


KINDS: list[Any] = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, KimiError)
]


def _make(kind: type[KimiError]) -> KimiError:
    return KimiTimeout("t", phase="idle") if kind is KimiTimeout else kind("t")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_speaks_to_people_in_two_languages(kind: type[KimiError]) -> None:
    """Each notice is short, says nothing technical, and differs from the log text."""
    chinese, english = _make(kind).notice("zh"), _make(kind).notice("en")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)
    assert english.isascii()
    assert 5 < len(english) < 120
    assert "HTTP" not in english


def test_codes_are_unique_and_survive_pickling() -> None:
    """A kind is known by its code, and an error keeps its facts on the way through a process pool."""
    assert len({kind.code for kind in KINDS}) == len(KINDS)
    error = KimiRateLimited("t", limit="tpd", limit_value=5, request_id="r", retry_after_s=3)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(copy), copy.limit, copy.limit_value, copy.request_id, copy.retry_after_s, copy.retryable) == (
        ("t", "tpd", 5, "r", 3, False)
    )


def test_the_daily_limit_speaks_of_tomorrow() -> None:
    """People are not asked to try again in a moment where only a day helps."""
    daily = KimiRateLimited("t", limit="tpd")
    assert "tomorrow" in daily.notice("en")
    assert "明天" in daily.notice("zh")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Your account f81d4fae-7dec-11d0-a765-00a0c91e6bf6 <0a1b2c> is", "Your account [id] <[id]> is"),
        ("org-a1 / proj_b2<ak-c3> request", "[org] / [proj]<[ak]> request"),
        ("key sk-abc***xyz\nuser 9b2d1c0f9b2d1c0f9b2d1c0f9b2d1c0f", "key [sk] user [id]"),
        ("no model moonshot-v1-128k-vision-preview", "no model moonshot-v1-128k-vision-preview"),
        ("ConnectError: http://me:secret@proxy:1", "ConnectError: http://proxy:1"),
        ("request reached organization max RPM: 3", "request reached organization max RPM: 3"),
    ],
)
def test_ids_are_scrubbed_and_words_are_kept(text: str, expected: str) -> None:
    """Account ids, keys and passwords go; models, limits and numbers stay."""
    assert str(KimiError(text)) == expected
