"""Retries, time-outs, whole replies and the list of models, over real HTTP."""

import asyncio
import gzip
import json
from typing import Any

import httpx
import pytest

from core.kimi import (
    AsyncKimi,
    ChatRequest,
    Finished,
    KimiAuthenticationError,
    KimiEndpointMissing,
    KimiError,
    KimiInvalidRequest,
    KimiOverloaded,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
    KimiUnreadableReply,
    Model,
    Reply,
    RetryPolicy,
    TextDelta,
    Timeouts,
    ToolCall,
    Usage,
)
from tests.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time

PATIENT = Timeouts(connect_s=1e5, first_byte_s=1e5, idle_s=1e5, whole_s=1e5)
STREAM = b'data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
WORD = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'


def fast(server: Any, **members: Any) -> AsyncKimi:
    """Return a client on virtual time."""
    settings: dict[str, Any] = {"clock": LoopClock(), "timeouts": PATIENT}
    return AsyncKimi(api_key="sk-test", base_url=server.url, **settings | members)


def refuse(status: str, kind: str, message: str = "text", **headers: str) -> Any:
    """Return a script that answers with an error."""

    async def script(wire: Any, asked: Any) -> None:
        body = json.dumps({"error": {"type": kind, "message": message}}).encode()
        await wire.answer(body, status, **headers)

    return script


async def succeed(wire: Any, asked: Any) -> None:
    """Answer with a short stream."""
    await wire.stream(STREAM)


async def listen(kimi: AsyncKimi, request: ChatRequest, heard: list[Any]) -> None:
    """Read a stream to its end, noting every event."""
    async for item in kimi.stream(request):
        heard.append(item)  # noqa: PERF401


async def vanish(wire: Any, asked: Any) -> None:
    """Close without a word."""


async def break_off(wire: Any, asked: Any) -> None:
    """Begin a stream and close before its first word."""
    await wire.stream(b": hello\n\n")


OVERLOADED = refuse("429 Too Many", "engine_overloaded_error")


@pytest.mark.parametrize(
    "failing",
    [
        OVERLOADED,
        refuse("500 Oops", "server_error"),
        refuse("400 Bad", "invalid_request_error", "missing required header Kimi-Api-Version"),
        vanish,
        break_off,
    ],
)
async def test_what_may_pass_is_tried_again(server: Any, question: ChatRequest, failing: Any) -> None:
    """Failures before the first word are followed by further attempts; each wait is announced."""
    server.will(failing, failing, succeed)
    waits: list[tuple[KimiError, float]] = []
    async with fast(server) as kimi:
        events = [item async for item in kimi.stream(question, on_retry=lambda *wait: waits.append(wait))]
    assert events[0] == TextDelta("a")
    assert len(server.asked) == 3
    assert [wait_s < 2**n for n, (_, wait_s) in enumerate(waits)] == [True, True]


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        (refuse("401 No", "invalid_authentication_error"), KimiAuthenticationError),
        (refuse("400 No", "invalid_request_error"), KimiInvalidRequest),
        (refuse("429 No", "exceeded_current_quota_error"), KimiQuotaExhausted),
        (
            refuse("429 No", "rate_limit_reached_error", "TPD rate limit, try again after 1 seconds"),
            KimiRateLimited,
        ),
        (refuse("429 No", "engine_overloaded_error", Retry_After="86400"), KimiOverloaded),
    ],
)
async def test_what_will_not_pass_is_final(
    server: Any, question: ChatRequest, failing: Any, expected: type[KimiError]
) -> None:
    """Refusals that stay, empty accounts, the daily limit and waits too long are asked once."""
    server.will(failing, succeed)
    async with fast(server) as kimi:
        with pytest.raises(expected):
            await kimi.complete(question)
    assert len(server.asked) == 1


async def test_the_wait_is_at_least_what_kimi_asks(server: Any, question: ChatRequest) -> None:
    """Neither the header nor the text is undercut."""
    limited = "organization max RPM: 3, please try again after 3 seconds"
    server.will(
        refuse("429 No", "rate_limit_reached_error", limited),
        refuse("429 No", "engine_overloaded_error", Retry_After="7"),
        succeed,
    )
    waits: list[float] = []
    async with fast(server) as kimi:
        _ = [item async for item in kimi.stream(question, on_retry=lambda _, wait_s: waits.append(wait_s))]
    assert waits[0] >= 3
    assert waits[1] >= 7


async def test_attempts_are_bounded(server: Any, question: ChatRequest) -> None:
    """The last failure is raised when all attempts are used."""
    server.will(OVERLOADED)
    async with fast(server, retry=RetryPolicy(max_attempts=3)) as kimi:
        with pytest.raises(KimiOverloaded):
            await kimi.complete(question)
    assert len(server.asked) == 3


async def test_nothing_is_retried_behind_the_first_word(server: Any, question: ChatRequest) -> None:
    """Once a word was shown, a broken stream is the caller's to know."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(WORD)

    server.will(script, succeed)
    heard: list[Any] = []
    async with fast(server) as kimi:
        with pytest.raises(KimiStreamInterrupted):
            await listen(kimi, question, heard)
    assert heard == [TextDelta("a")]
    assert len(server.asked) == 1


async def test_nobody_there_is_unavailable(question: ChatRequest) -> None:
    """A refused connection is tried again, then told."""
    async with AsyncKimi(
        api_key="sk-test", base_url="http://127.0.0.1:9", clock=LoopClock(), timeouts=PATIENT
    ) as kimi:
        with pytest.raises(KimiUnavailable, match="ConnectError"):
            await kimi.complete(question)


ONCE = RetryPolicy(max_attempts=1)


async def silent(wire: Any, asked: Any) -> None:
    """Never answer."""
    await wire.gone()


async def head_only(wire: Any, asked: Any) -> None:
    """Begin a response and say nothing."""
    await wire.stream()
    await wire.gone()


async def one_word(wire: Any, asked: Any) -> None:
    """Fall silent behind the first word."""
    await wire.stream(WORD)
    await wire.gone()


@pytest.mark.parametrize(
    ("script", "phase"), [(silent, "first_byte"), (head_only, "first_byte"), (one_word, "idle")]
)
async def test_silence_ends_in_a_timeout(server: Any, question: ChatRequest, script: Any, phase: str) -> None:
    """The first byte and the pauses between bytes have limits of their own."""
    server.will(script)
    timeouts = Timeouts(first_byte_s=20, idle_s=10)
    async with fast(server, clock=LoopClock(), timeouts=timeouts, retry=ONCE) as kimi:
        with pytest.raises(KimiTimeout, match=r"\((20|10) s\)") as caught:
            _ = [item async for item in kimi.stream(question)]
    assert caught.value.phase == phase


async def test_silence_before_the_first_byte_is_tried_again(server: Any, question: ChatRequest) -> None:
    """A time-out without a word is a failure that may pass."""
    server.will(silent, succeed)
    timeouts = Timeouts(first_byte_s=30, idle_s=1000)
    async with fast(server, clock=LoopClock(), timeouts=timeouts) as kimi:
        assert len([item async for item in kimi.stream(question)]) == 2


async def test_comments_are_signs_of_life(server: Any, question: ChatRequest) -> None:
    """A stream that sends only comments for longer than the limit is not given up."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(WORD)
        for _ in range(8):
            await asyncio.sleep(10)
            await wire.send(b": keep-alive\n\n")
        await wire.send(STREAM)

    server.will(script)
    timeouts = Timeouts(idle_s=50)
    async with fast(server, clock=LoopClock(), timeouts=timeouts, retry=ONCE) as kimi:
        assert len([item async for item in kimi.stream(question)]) == 3


@pytest.mark.parametrize("begun", [True, False])
async def test_signs_of_life_without_end_are_no_reply(
    server: Any, question: ChatRequest, begun: bool
) -> None:
    """We chose: a stream that is kept alive for a quarter of an hour without an event has timed out."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(WORD if begun else b": wait\n\n")
        while True:
            await asyncio.sleep(10)
            await wire.send(b": keep-alive\n\n")

    server.will(script)
    timeouts = Timeouts(idle_s=50, eventless_s=60)
    async with fast(server, clock=LoopClock(), timeouts=timeouts, retry=ONCE) as kimi:
        with pytest.raises(KimiTimeout, match=r"\(60 s\)") as caught:
            _ = [item async for item in kimi.stream(question)]
    assert caught.value.phase == "idle"


async def test_a_slow_reader_is_no_silence(server: Any, question: ChatRequest) -> None:
    """Time that the caller takes between two events does not count."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(WORD)
        await asyncio.sleep(50)
        await wire.send(STREAM)

    server.will(script)
    timeouts = Timeouts(idle_s=40)
    events = []
    async with fast(server, clock=LoopClock(), timeouts=timeouts, retry=ONCE) as kimi:
        async for item in kimi.stream(question):
            events.append(item)
            await asyncio.sleep(60)
    assert isinstance(events[-1], Finished)


async def test_a_whole_reply_has_its_own_limit(server: Any, question: ChatRequest) -> None:
    """A reply that is not streamed may take longer, and is not asked for twice."""
    server.will(silent)
    async with fast(server, clock=LoopClock(), timeouts=Timeouts(first_byte_s=1, whole_s=20)) as kimi:
        with pytest.raises(KimiTimeout) as caught:
            await kimi.complete(question)
    assert caught.value.phase == "whole"
    assert len(server.asked) == 1


class _Unreachable(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("", request=request)


async def test_a_connection_that_takes_too_long_is_a_timeout(question: ChatRequest) -> None:
    """A connection that is not made in time is told as such."""
    async with AsyncKimi(
        api_key="sk-test", base_url="http://kimi.invalid", transport=_Unreachable(), retry=ONCE
    ) as kimi:
        with pytest.raises(KimiTimeout) as caught:
            await kimi.complete(question)
    assert caught.value.phase == "connect"
    assert caught.value.retryable


MOONSHOT = {
    "id": "cmpl-1",
    "object": "chat.completion",
    "model": "kimi-k2.6",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": " Hi",
                "reasoning_content": "Hm",
                "tool_calls": [
                    {"id": "a:0", "type": "function", "function": {"name": "a", "arguments": '{"x":1}'}}
                ],
            },
            "finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "cached_tokens": 2},
}
ACE = {
    "id": "msg_1",
    "model": "kimi-k3",
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": " Hi",
                "reasoning": "Hm",
                "reasoning_content": "Hm",
                "refusal": None,
                "tool_calls": [],
            },
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "error": None,
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens_details": {}},
    },
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            MOONSHOT,
            Reply(
                text=" Hi",
                reasoning="Hm",
                tool_calls=(ToolCall("a:0", "a", '{"x":1}'),),
                finish_reason="tool_calls",
                usage=Usage(prompt_tokens=3, completion_tokens=4, cached_tokens=2),
                request_id="req-1",
                model="kimi-k2.6",
            ),
        ),
        (
            ACE,
            Reply(
                text=" Hi",
                reasoning="Hm",
                tool_calls=(),
                finish_reason="stop",
                usage=Usage(prompt_tokens=3, completion_tokens=4),
                request_id="req-1",
                model="kimi-k3",
            ),
        ),
    ],
)
async def test_a_whole_reply_is_read(
    server: Any, question: ChatRequest, body: dict[str, Any], expected: Reply
) -> None:
    """Moonshot's and Ace Data Cloud's bodies become the same kind of reply."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.answer(json.dumps(body).encode(), msh_request_id="req-1")

    server.will(script)
    async with fast(server) as kimi:
        assert await kimi.complete(question) == expected
    assert server.asked[0].json["stream"] is False
    assert "stream_options" not in server.asked[0].json


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        ("application/json", b'{"choices":[]}', KimiUnreadableReply),
        ("application/json", b"[]", KimiUnreadableReply),
        ("application/json", b"", KimiStreamInterrupted),
        ("application/json", b'{"error":{"type":"content_filter","message":"m"}}', KimiError),
        ("text/html; charset=utf-8", b"<html>hello</html>", KimiEndpointMissing),
        ("text/plain", b"hello", KimiUnreadableReply),
    ],
)
async def test_something_else_than_a_reply_is_an_error(
    server: Any, question: ChatRequest, content_type: str, body: bytes, expected: type[KimiError]
) -> None:
    """A body of success without a message in it is never taken for a reply."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.answer(body, content_type=content_type)

    server.will(script)
    async with fast(server, retry=ONCE) as kimi:
        with pytest.raises(expected):
            await kimi.complete(question)


async def test_a_compressed_body_is_read_all_the_same(server: Any, question: ChatRequest) -> None:
    """A gateway that compresses unasked does not break the reply."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.answer(gzip.compress(STREAM), content_type="text/event-stream", content_encoding="gzip")

    server.will(script)
    async with fast(server, retry=ONCE) as kimi:
        assert len([item async for item in kimi.stream(question)]) == 2


async def test_the_models_are_listed(server: Any) -> None:
    """What the provider tells counts, and what it leaves out is known."""
    body = {
        "object": "list",
        "data": [
            {"id": "kimi-k2.6", "context_length": 1000, "supports_image_in": False},
            {"id": "new", "context_length": 8, "supports_thinking_type": "both", "supports_reasoning": True},
            {"object": "model"},
        ],
    }

    async def script(wire: Any, asked: Any) -> None:
        await wire.answer(json.dumps(body).encode())

    server.will(OVERLOADED, script)
    async with fast(server) as kimi:
        known, new = await kimi.models()
    assert known == Model(id="kimi-k2.6", context_tokens=1000, supports_video=True, thinking_control="switch")
    assert new == Model(id="new", context_tokens=8, thinking_control="switch")
    assert server.asked[1].line == "GET /v1/models HTTP/1.1"


@pytest.mark.parametrize(
    ("status", "body"), [("404 No", b"<html>no</html>"), ("200 OK", b"<html>hi</html>"), ("200 OK", b"{}")]
)
async def test_a_provider_without_a_list_says_so(server: Any, status: str, body: bytes) -> None:
    """No such endpoint, or something else behind it, is one clear error."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.answer(body, status)

    server.will(script)
    async with fast(server) as kimi:
        with pytest.raises(KimiEndpointMissing):
            await kimi.models()


@pytest.mark.parametrize(
    "members",
    [
        {"base_url": ""},
        {"base_url": "api.moonshot.cn/v1"},
        {"base_url": "ftp://x"},
        {"base_url": "http://"},
        {"base_url": "http://[::"},
        {"api_key": " "},
        {"api_key": "sk-秘密"},
        {"api_key": "sk-a b"},
        {"api_key": "sk-a\r\nX: y"},
    ],
)
def test_a_client_that_could_not_work_is_not_made(members: dict[str, str]) -> None:
    """A wrong address or key is told at once, and the key is not repeated."""
    with pytest.raises(ValueError, match=r"API key|base URL") as caught:
        AsyncKimi(**{"api_key": "sk-test", "base_url": "http://x"} | members)
    assert "sk-" not in str(caught.value)


async def test_the_key_is_in_no_error(server: Any, question: ChatRequest) -> None:
    """A provider that repeats the key does not bring it into our logs."""
    server.will(refuse("401 No", "invalid_authentication_error", "Invalid Authentication: hunter2-key"))
    async with AsyncKimi(api_key="hunter2-key", base_url=server.url) as kimi:
        with pytest.raises(KimiAuthenticationError) as caught:
            await kimi.complete(question)
        assert "hunter2" not in str(caught.value) + repr(caught.value) + repr(kimi)
