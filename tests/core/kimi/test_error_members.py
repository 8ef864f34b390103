"""Errors inside a stream that began well, in the shapes of many hosts."""

from typing import Any

import orjson
import pytest

from core.kimi import (
    KimiError,
    KimiOverloaded,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiUnavailable,
)
from core.kimi.error_mapping import error_from_response
from core.kimi.finish_reasons import is_failure, parse_finish_reason
from core.kimi.reply_decoder import StreamDecoder

WORDS = {"id": "1", "choices": [{"index": 0, "delta": {"content": "One "}}]}
SHAPES: list[tuple[dict[str, Any], type[KimiError], str]] = [
    ({"error": "overloaded"}, KimiOverloaded, "overloaded"),
    ({"error": True, "message": "down"}, KimiUnavailable, "down"),
    ({"error": [{"message": "down"}]}, KimiUnavailable, "down"),
    ({"errors": [{"message": "rate limited", "code": 429}]}, KimiRateLimited, "rate limited"),  # Cloudflare
    ({"Error": {"Message": "down"}}, KimiUnavailable, "down"),  # Volcengine
    ({"fault": {"faultstring": "Rate limit quota violation"}}, KimiRateLimited, "Rate limit"),  # Apigee
    ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, KimiRateLimited, "rate"),  # MiniMax
    ({"response": {"error": {"message": "down"}}}, KimiUnavailable, "down"),
    ({"error_code": 336501, "error_msg": "Rpm limit reached"}, KimiRateLimited, "Rpm"),  # Baidu
    (
        {"id": "1", "choices": [{"delta": {}, "error": {"message": "down", "code": 502}}]},
        KimiUnavailable,
        "down",
    ),
    (
        {"success": False, "message": "none left", "code": "insufficient_quota"},
        KimiQuotaExhausted,
        "none left",
    ),
    (
        {"request_id": "r", "code": "Throttling", "message": "Requests rate limit exceeded"},  # Aliyun
        KimiRateLimited,
        "rate limit",
    ),
]


@pytest.mark.parametrize(("shape", "kind", "text"), SHAPES)
def test_an_error_behind_the_first_words_is_an_error(
    shape: dict[str, Any], kind: type[KimiError], text: str
) -> None:
    """Whatever a host calls the member that holds it, half an answer does not pass as whole."""
    decoder = StreamDecoder(request_id="", secrets=())
    assert [type(event).__name__ for event in decoder.feed(event_of(WORDS))] == ["TextDelta"]
    with pytest.raises(kind, match=text):
        list(decoder.feed(event_of(shape) + b"data: [DONE]\n\n"))


@pytest.mark.parametrize(("shape", "text"), [(shape, text) for shape, _, text in SHAPES if "id" not in shape])
def test_the_same_shapes_are_read_in_a_refusal(shape: dict[str, Any], text: str) -> None:
    """The operator reads the host's words, not "(no message)"."""
    assert text in str(error_from_response(400, {}, orjson.dumps(shape)))


@pytest.mark.parametrize(
    "chunk",
    [
        {"id": "1", "choices": [], "error": None},
        {"id": "1", "choices": [], "base_resp": {"status_code": 0, "status_msg": ""}},
        {"id": "1", "choices": [{"delta": {}, "error": None}]},
    ],
)
def test_an_error_member_that_is_empty_is_none(chunk: dict[str, Any]) -> None:
    """Some hosts send it beside every chunk."""
    decoder = StreamDecoder(request_id="", secrets=())
    list(decoder.feed(event_of(WORDS)))
    assert list(decoder.feed(event_of(chunk))) == []


@pytest.mark.parametrize(
    ("reason", "ours"),
    [
        ("FINISH_REASON_STOP", "stop"),  # Google
        ("COMPLETE", "stop"),  # Cohere
        ("MAX_TOKENS", "length"),
        ("max-tokens", "length"),
        ("guardrail_intervened", "content_filter"),  # Bedrock
        ("ERROR_TOXIC", "content_filter"),
        ("something new", "other"),
        (None, "other"),
    ],
)
def test_finish_reasons_are_read_however_they_are_written(reason: object, ours: str) -> None:
    """A name that nobody knows is no clean end."""
    assert parse_finish_reason(reason) == ours


def test_a_finish_reason_may_be_a_failure() -> None:
    """The host broke off: the answer is gone on with."""
    assert is_failure("MALFORMED_FUNCTION_CALL")
    assert is_failure("server-error")
    assert not is_failure("stop")


def event_of(chunk: dict[str, Any]) -> bytes:
    """Return the chunk as an event of a stream."""
    return b"data: " + orjson.dumps(chunk) + b"\n\n"
