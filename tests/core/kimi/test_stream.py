"""A streamed reply over real HTTP, with the bytes that providers really send."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from core.kimi import (
    AsyncKimi,
    ChatRequest,
    Finished,
    KimiError,
    KimiOverloaded,
    KimiStreamInterrupted,
    KimiUnreadableReply,
    ReasoningDelta,
    ReplyEvent,
    RetryPolicy,
    TextDelta,
    ToolCall,
    Usage,
)

ONCE = RetryPolicy(max_attempts=1)
DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}


def event(**members: Any) -> bytes:
    """One event of the stream."""
    return b"data: " + json.dumps(members, ensure_ascii=False).encode() + b"\n\n"


def delta(finish: str | None = None, **members: Any) -> bytes:
    """One chunk whose first choice carries a delta."""
    choice = {"index": 0, "delta": members, "finish_reason": finish}
    return event(id="chatcmpl-1", model="kimi-k2.6", choices=[choice])


async def answer(server: Any, request: ChatRequest, *pieces: bytes, **headers: str) -> list[ReplyEvent]:
    """Return the events of a stream made of these network writes."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(*pieces, **headers)

    server.will(script)
    async with AsyncKimi(api_key="sk-test", base_url=server.url, retry=ONCE) as kimi:
        return [item async for item in kimi.stream(request)]


async def listen(kimi: AsyncKimi, request: ChatRequest, heard: list[ReplyEvent]) -> None:
    """Read a stream to its end, noting every event."""
    async for item in kimi.stream(request):
        heard.append(item)  # noqa: PERF401


async def failure(server: Any, request: ChatRequest, *pieces: bytes, **headers: str) -> KimiError:
    """Return the error in which such a stream ends."""
    with pytest.raises(KimiError) as caught:
        await answer(server, request, *pieces, **headers)
    return caught.value


async def test_a_reply_grows_and_ends_with_one_finished(server: Any, question: ChatRequest) -> None:
    """Thinking, then words exactly as sent, then the end with usage, request id and model."""
    events = await answer(
        server,
        question,
        delta(role="assistant", content=""),
        delta(reasoning_content=" Hm"),
        delta(content=" Hel"),
        delta(content="lo "),
        delta(finish="stop"),
        event(id="chatcmpl-1", choices=[], usage={**USAGE, "cached_tokens": 4}),
        DONE,
        Msh_Request_Id="req-1",
    )
    assert events == [
        ReasoningDelta(" Hm"),
        TextDelta(" Hel"),
        TextDelta("lo "),
        Finished("stop", Usage(prompt_tokens=9, completion_tokens=5, cached_tokens=4), "req-1", "kimi-k2.6"),
    ]


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        pytest.param(
            [event(choices=[{"delta": {}, "finish_reason": "stop", "usage": {**USAGE, "cached_tokens": 8}}])],
            Usage(prompt_tokens=9, completion_tokens=5, cached_tokens=8),
            id="in the choice",
        ),
        pytest.param(
            [event(choices=[{"delta": {}, "finish_reason": "stop"}], usage=USAGE)],
            Usage(prompt_tokens=9, completion_tokens=5),
            id="beside the finish",
        ),
        pytest.param(
            [
                delta(finish="stop"),
                event(
                    choices=[],
                    usage={
                        **USAGE,
                        "prompt_tokens_details": {"cached_tokens": 7},
                        "completion_tokens_details": {"reasoning_tokens": 3},
                    },
                ),
                event(choices=[], usage=None),
            ],
            Usage(prompt_tokens=9, completion_tokens=5, cached_tokens=7, reasoning_tokens=3),
            id="in a chunk of its own",
        ),
        pytest.param(
            [
                delta(finish="stop"),
                event(choices=[], usage={"prompt_tokens_details": {"cached_tokens_details": {}}}),
            ],
            None,
            id="nowhere",
        ),
    ],
)
async def test_usage_is_found_wherever_it_stands(
    server: Any, question: ChatRequest, last: list[bytes], expected: Usage | None
) -> None:
    """All four places of usage are read, and its absence is no fault."""
    events = await answer(server, question, delta(content="a"), *last, DONE)
    assert events[-1] == Finished("stop", expected, "chatcmpl-1", "kimi-k2.6")


async def test_bytes_may_be_cut_anywhere(server: Any, question: ChatRequest) -> None:
    """Characters, line ends and events that the network cuts into single bytes come out whole."""
    stream = b": hi\r\n\r\n" + delta(content="你好🌙").replace(b"\n", b"\r\n") + delta(finish="stop") + DONE
    events = await answer(server, question, *(stream[i : i + 1] for i in range(len(stream))))
    assert events[0] == TextDelta("你好🌙")


async def test_ace_repeats_thinking_and_mixes_it_with_words(server: Any, question: ChatRequest) -> None:
    """Thinking that is sent under two names counts once, also beside text in the same delta."""
    events = await answer(
        server,
        question,
        delta(reasoning="a", reasoning_content="a", content=" b", refusal=None, tool_calls=[]),
        delta(reasoning="c", content=None),
        delta(finish="stop"),
        DONE,
    )
    assert events[:-1] == [ReasoningDelta("a"), TextDelta(" b"), ReasoningDelta("c")]


async def test_tool_calls_are_put_together(server: Any, question: ChatRequest) -> None:
    """Fragments of two calls become two whole calls before the end."""
    events = await answer(
        server,
        question,
        delta(tool_calls=[{"index": 0, "id": "search:0", "function": {"name": "search", "arguments": ""}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"q":'}}]),
        delta(tool_calls=[{"index": 1, "id": "date:1", "function": {"arguments": "{"}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '"a"}'}}]),
        delta(tool_calls=[{"index": 1, "function": {"name": "date", "arguments": "}"}}]),
        delta(finish="tool_calls"),
        DONE,
    )
    assert events[:-1] == [ToolCall("search:0", "search", '{"q":"a"}'), ToolCall("date:1", "date", "{}")]
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "tool_calls"


async def test_a_stream_without_an_end_is_interrupted(server: Any, question: ChatRequest) -> None:
    """An end without a finish reason and [DONE] is a broken stream; the error does not quote its text."""
    error = await failure(server, question, delta(content="secret words"), Msh_Request_Id="req-9")
    assert isinstance(error, KimiStreamInterrupted)
    assert error.request_id == "req-9"
    assert "secret" not in str(error) + repr(error)


async def test_done_needs_no_blank_line(server: Any, question: ChatRequest) -> None:
    """A server that closes right behind [DONE] has sent everything."""
    events = await answer(server, question, delta(content="a"), delta(finish="stop"), b"data:[DONE]")
    assert isinstance(events[-1], Finished)


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        (b"data: {nope\n\n", KimiUnreadableReply),
        (delta(content="a") + b"data: {nope\n\n", KimiStreamInterrupted),
        (b"data: [1]\n\n", KimiStreamInterrupted),
        (DONE, KimiUnreadableReply),
        (b"", KimiStreamInterrupted),
    ],
)
async def test_what_cannot_be_read_is_no_reply(
    server: Any, question: ChatRequest, chunk: bytes, expected: type[KimiError]
) -> None:
    """A broken chunk, something else than a chunk, and no chunk at all are errors."""
    assert isinstance(await failure(server, question, chunk), expected)


async def test_a_connection_that_breaks_is_an_interruption(server: Any, question: ChatRequest) -> None:
    """A body that ends before its announced length, in the middle of the words."""
    error = await failure(server, question, delta(content="a"), content_length="9999")
    assert isinstance(error, KimiStreamInterrupted)


async def test_an_error_inside_the_stream_keeps_the_words_before_it(
    server: Any, question: ChatRequest
) -> None:
    """Words of the same network read come first, then the error that a 200 stream carried."""
    fault = event(error={"type": "engine_overloaded_error", "message": "The engine is currently overloaded"})

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(delta(content="a") + fault + DONE)

    server.will(script)
    heard: list[ReplyEvent] = []
    async with AsyncKimi(api_key="sk-test", base_url=server.url) as kimi:
        with pytest.raises(KimiOverloaded, match="in the stream"):
            await listen(kimi, question, heard)
    assert heard == [TextDelta("a")]
    assert len(server.asked) == 1


async def test_closing_the_stream_closes_the_connection(server: Any, question: ChatRequest) -> None:
    """Whoever stops reading lets the server notice at once."""
    noticed = asyncio.Event()

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(delta(content="a"))
        await wire.gone()
        noticed.set()

    server.will(script)
    async with AsyncKimi(api_key="sk-test", base_url=server.url) as kimi:
        async with contextlib.aclosing(kimi.stream(question)) as events:
            assert await anext(events) == TextDelta("a")
        await asyncio.wait_for(noticed.wait(), timeout=100)


async def test_cancelling_the_reader_closes_the_connection(server: Any, question: ChatRequest) -> None:
    """A cancelled task ends in its cancellation and leaves no connection behind."""
    noticed, reached = asyncio.Event(), asyncio.Event()

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(delta(content="a"))
        await wire.gone()
        noticed.set()

    async def read(kimi: AsyncKimi) -> None:
        async for _ in kimi.stream(question):
            reached.set()

    server.will(script)
    async with AsyncKimi(api_key="sk-test", base_url=server.url) as kimi:
        task = asyncio.create_task(read(kimi))
        await asyncio.wait_for(reached.wait(), timeout=100)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(noticed.wait(), timeout=100)


async def test_a_connection_is_used_again(server: Any, question: ChatRequest) -> None:
    """After a complete stream the next call needs no new connection."""

    async def script(wire: Any, asked: Any) -> None:
        body = delta(content="a") + delta(finish="stop") + DONE
        await wire.answer(body, content_type="text/event-stream; charset=utf-8")

    server.will(script)
    async with AsyncKimi(api_key="sk-test", base_url=server.url) as kimi:
        for _ in range(3):
            assert len([item async for item in kimi.stream(question)]) == 2
    assert server.connections == 1


async def test_a_server_that_stays_behind_done_does_not_hold_the_reply(
    server: Any, question: ChatRequest
) -> None:
    """The end of the reply is [DONE]; a body that stays open is left soon after."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(delta(content="a"), delta(finish="stop"), DONE)
        await wire.gone()

    server.will(script)
    async with AsyncKimi(api_key="sk-test", base_url=server.url) as kimi:
        async with asyncio.timeout(100):
            assert len([item async for item in kimi.stream(question)]) == 2


async def test_a_whole_reply_in_place_of_a_stream_is_understood(server: Any, question: ChatRequest) -> None:
    """A provider that ignores ``stream`` is read all the same."""
    message = {"role": "assistant", "content": "Hi", "reasoning_content": "Hm"}
    body = {"id": "cmpl-1", "model": "m", "choices": [{"message": message, "finish_reason": "length"}]}

    async def script(wire: Any, asked: Any) -> None:
        await wire.answer(json.dumps(body).encode())

    server.will(script)
    async with AsyncKimi(api_key="sk-test", base_url=server.url, retry=ONCE) as kimi:
        events = [item async for item in kimi.stream(question)]
    assert events == [ReasoningDelta("Hm"), TextDelta("Hi"), Finished("length", None, "cmpl-1", "m")]


@pytest.mark.parametrize(
    "address",
    [
        lambda url: url,
        lambda url: url + "/",
        lambda url: url + "/chat/completions",
        lambda url: url + "/chat/completions/ ",
        lambda url: url.replace("/v1", "/kimi"),
    ],
)
async def test_the_base_url_is_understood_in_every_form(
    server: Any, question: ChatRequest, address: Callable[[str], str]
) -> None:
    """With or without a slash, with the whole path, with Ace Data Cloud's path."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(delta(content="a", finish="stop"), DONE)

    server.will(script)
    async with AsyncKimi(api_key=" sk-test\n", base_url=address(server.url), retry=ONCE) as kimi:
        assert [item async for item in kimi.stream(replace(question))]
    path = "/kimi" if "/kimi" in address(server.url) else "/v1"
    assert server.asked[0].line == f"POST {path}/chat/completions HTTP/1.1"
    assert server.asked[0].headers["authorization"] == "Bearer sk-test"
    assert server.asked[0].headers["accept-encoding"] == "identity"
