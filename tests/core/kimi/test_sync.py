"""The blocking client, over real HTTP from a thread beside the raw server."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from core.kimi import (
    ChatRequest,
    Finished,
    Kimi,
    KimiAuthenticationError,
    KimiEndpointMissing,
    KimiError,
    KimiOverloaded,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
    RetryPolicy,
    TextDelta,
    Timeouts,
)

T = TypeVar("T")
WORD = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
ONCE = RetryPolicy(max_attempts=1)


async def blocking(server: Any, act: Callable[[Kimi], T], **members: Any) -> T:
    """Run ``act`` in a thread with a client that does not really wait."""

    def run() -> T:
        settings: dict[str, Any] = {"sleep": lambda _: None}
        with Kimi(api_key="sk-test", base_url=server.url, **settings | members) as kimi:
            return act(kimi)

    return await asyncio.to_thread(run)


def refuse(status: str, kind: str) -> Any:
    """Return a script that answers with an error."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.answer(json.dumps({"error": {"type": kind, "message": "m"}}).encode(), status)

    return script


async def succeed(wire: Any, asked: Any) -> None:
    """Answer with a short stream."""
    await wire.stream(WORD, END, msh_request_id="r")


async def vanish(wire: Any, asked: Any) -> None:
    """Close without a word."""


async def test_a_stream_is_read_after_failures(server: Any, question: ChatRequest) -> None:
    """The same events as from the asynchronous client, after the same retries."""
    server.will(refuse("429 No", "engine_overloaded_error"), vanish, succeed)
    waits: list[str] = []
    events = await blocking(
        server, lambda kimi: list(kimi.stream(question, on_retry=lambda error, _: waits.append(error.code)))
    )
    assert events == [TextDelta("a"), Finished("stop", None, "r", "")]
    assert waits == ["overloaded", "unavailable"]
    assert server.asked[0].json["stream"] is True


async def test_a_whole_reply_is_read(server: Any, question: ChatRequest) -> None:
    """One reply in one body."""

    async def script(wire: Any, asked: Any) -> None:
        message = {"role": "assistant", "content": "Hi"}
        await wire.answer(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode())

    server.will(vanish, script)
    reply = await blocking(server, lambda kimi: kimi.complete(question))
    assert (reply.text, reply.finish_reason) == ("Hi", "stop")
    assert server.asked[1].json["stream"] is False


async def test_the_models_are_listed(server: Any, question: ChatRequest) -> None:
    """The list, or the word that there is none."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.answer(b'{"data":[{"id":"kimi-k3"}]}')

    server.will(vanish, script)
    (model,) = await blocking(server, lambda kimi: kimi.models())
    assert model.id == "kimi-k3"
    server.asked.clear()
    server.will(refuse("404 No", "no"))
    with pytest.raises(KimiEndpointMissing):
        await blocking(server, lambda kimi: kimi.models())


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        (refuse("401 No", "invalid_authentication_error"), KimiAuthenticationError),
        (refuse("429 No", "engine_overloaded_error"), KimiOverloaded),
        (vanish, KimiUnavailable),
    ],
)
async def test_the_last_failure_is_raised(
    server: Any, question: ChatRequest, failing: Any, expected: type[KimiError]
) -> None:
    """What stays wrong is told with the same kinds of error."""
    server.will(failing)
    with pytest.raises(expected):
        await blocking(server, lambda kimi: kimi.complete(question))
    with pytest.raises(expected):
        await blocking(server, lambda kimi: list(kimi.stream(question)))


async def test_words_before_a_break_are_heard_and_not_repeated(server: Any, question: ChatRequest) -> None:
    """Behind the first word nothing is tried again."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.stream(WORD)

    server.will(script, succeed)
    heard: list[Any] = []

    def act(kimi: Kimi) -> None:
        for event in kimi.stream(question):
            heard.append(event)  # noqa: PERF402

    with pytest.raises(KimiStreamInterrupted):
        await blocking(server, act)
    assert heard == [TextDelta("a")]
    assert len(server.asked) == 1


@pytest.mark.parametrize("pieces", [None, [WORD]])
async def test_silence_ends_in_a_timeout(
    server: Any, question: ChatRequest, pieces: list[bytes] | None
) -> None:
    """Before the head the limit is that of the first byte, behind it that between bytes."""

    async def script(wire: Any, asked: Any) -> None:
        if pieces is not None:
            await wire.stream(*pieces)
        await wire.gone()

    server.will(script)
    timeouts = Timeouts(first_byte_s=0.2 if pieces is None else 30, idle_s=30 if pieces is None else 0.2)
    with pytest.raises(KimiTimeout) as caught:
        await blocking(server, lambda kimi: list(kimi.stream(question)), timeouts=timeouts, retry=ONCE)
    assert caught.value.phase == ("first_byte" if pieces is None else "idle")


async def test_a_client_that_could_not_work_is_not_made() -> None:
    """The same check of key and address."""
    with pytest.raises(ValueError, match="base URL"):
        Kimi(api_key="sk-test", base_url="nowhere")


async def test_tokens_are_counted(server: Any, question: ChatRequest) -> None:
    """The blocking client returns the provider's own count of a prompt."""

    async def count(wire: Any, asked: Any) -> None:
        assert asked.line.startswith("POST /v1/tokenizers/estimate-token-count ")
        await wire.answer(b'{"data":{"total_tokens":80}}')

    server.will(count)
    assert await blocking(server, lambda kimi: kimi.count_tokens(question)) == 80
