"""Both clients against the strict stand-in, in Moonshot's and in Ace Data Cloud's dialect."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from bots.simulator.kimi import Account, Faults, KimiSimulator, ScriptedCall, ScriptedReply, answer_with
from core.kimi import (
    AsyncKimi,
    ChatRequest,
    Finished,
    Kimi,
    KimiAuthenticationError,
    KimiContentFiltered,
    KimiContextTooLong,
    KimiEndpointMissing,
    KimiError,
    KimiInvalidRequest,
    KimiModelUnknown,
    KimiOverloaded,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiStreamInterrupted,
    Message,
    Reply,
    RetryPolicy,
    Usage,
    check_model,
    collect_reply,
)

TEXT = "Hello, 世界 🌙! " * 5
ONCE = RetryPolicy(max_attempts=1)


def scripted(**members: Any) -> ScriptedReply:
    """A reply that comes all at once."""
    return ScriptedReply(**({"text": TEXT, "reasoning": "Hm.", "chunks_per_s": float("inf")} | members))


@pytest.fixture
async def stand_in() -> AsyncIterator[KimiSimulator]:
    """A stand-in that answers with the scripted reply."""
    async with KimiSimulator(script=lambda _: scripted()) as simulator:
        yield simulator


@pytest.fixture(params=["moonshot", "ace"])
def base_url(request: pytest.FixtureRequest, stand_in: KimiSimulator) -> str:
    """The base URL of each dialect."""
    return stand_in.base_url if request.param == "moonshot" else stand_in.ace_url


async def streamed(base_url: str, request: ChatRequest, *, key: str = "sk-test") -> Reply:
    """Return the reply put together from one attempt's stream."""
    async with AsyncKimi(api_key=key, base_url=base_url, retry=ONCE) as kimi:
        return collect_reply([event async for event in kimi.stream(request)])


async def test_one_question_has_one_answer_on_every_way(base_url: str, question: ChatRequest) -> None:
    """Streamed, whole, asynchronous and blocking: the same words, thinking and usage."""

    def blocking() -> list[Reply]:
        with Kimi(api_key="sk-test", base_url=base_url, retry=ONCE) as kimi:
            return [kimi.complete(question), collect_reply(kimi.stream(question))]

    async with AsyncKimi(api_key="sk-test", base_url=base_url, retry=ONCE) as kimi:
        replies = [
            await kimi.complete(question),
            collect_reply([event async for event in kimi.stream(question)]),
        ]
    replies += await asyncio.to_thread(blocking)
    assert {(reply.text, reply.reasoning, reply.finish_reason) for reply in replies} == {
        (TEXT, "Hm.", "stop")
    }
    assert all(reply.usage and reply.usage.completion_tokens > 0 for reply in replies)
    assert all(reply.request_id for reply in replies)


@pytest.mark.parametrize(
    "faults",
    [
        Faults(crlf=True, comments=True, split_utf8=True, empty_choices_first=True, beside=True),
        *(Faults(usage=shape) for shape in ("A", "B", "C")),
    ],
)
async def test_odd_streams_are_read_all_the_same(
    stand_in: KimiSimulator, base_url: str, question: ChatRequest, faults: Faults
) -> None:
    """Line ends, comments, cut characters, doubled thinking and every place of usage."""
    stand_in.script = lambda _: scripted(faults=faults)
    reply = await streamed(base_url, question)
    assert (reply.text, reply.reasoning) == (TEXT, "Hm.")
    assert isinstance(reply.usage, Usage)


async def test_a_leading_space_stays(stand_in: KimiSimulator, question: ChatRequest) -> None:
    """Deltas are handed on as they came; trimming is the caller's."""
    stand_in.script = lambda _: scripted(faults=Faults(leading_space=True, usage="D"))
    reply = await streamed(stand_in.base_url, question)
    assert (reply.text, reply.usage) == (" " + TEXT, None)


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (Faults(cut_after_chars=9), KimiStreamInterrupted),
        (Faults(error_after_chars=9), KimiOverloaded),
    ],
)
async def test_broken_streams_are_errors(
    stand_in: KimiSimulator, base_url: str, question: ChatRequest, faults: Faults, expected: type[KimiError]
) -> None:
    """A cut and an error in the middle are never a complete reply."""
    stand_in.script = lambda _: scripted(faults=faults)
    with pytest.raises(expected):
        await streamed(base_url, question)


@pytest.mark.parametrize(
    ("change", "account", "key", "expected"),
    [
        ({"model": "kimi-k2.5000"}, {}, "sk-test", KimiModelUnknown),
        ({"max_completion_tokens": 999_999}, {}, "sk-test", KimiContextTooLong),
        ({"sampling": {"temperature": 0.3}}, {}, "sk-test", KimiInvalidRequest),
        ({"messages": (Message(role="user", content="[high risk]"),)}, {}, "sk-test", KimiContentFiltered),
        ({}, {}, "sk-wrong", KimiAuthenticationError),
        ({}, {"cash": 0.0}, "sk-test", KimiQuotaExhausted),
        ({}, {"rpm": 0}, "sk-test", KimiRateLimited),
    ],
)
async def test_refusals_have_their_kind(
    stand_in: KimiSimulator,
    base_url: str,
    question: ChatRequest,
    change: dict[str, Any],
    account: dict[str, Any],
    key: str,
    expected: type[KimiError],
) -> None:
    """Both dialects' refusals become the same errors, without the account's ids."""
    stand_in.account = Account(**account)
    with pytest.raises(expected) as caught:
        await streamed(base_url, replace(question, **change), key=key)
    assert "stand-in" not in str(caught.value)


@pytest.mark.parametrize(
    ("account", "limit", "value"),
    [
        ({"rpm": 0}, "rpm", 0),
        ({"tpm": 50}, "tpm", 50),
        ({"tpd": 50}, "tpd", 50),
        ({"concurrency": 0}, "concurrency", 0),
    ],
)
async def test_each_limit_is_known_by_name(
    stand_in: KimiSimulator, question: ChatRequest, account: dict[str, Any], limit: str, value: int
) -> None:
    """The four limits of an account tell themselves apart."""
    stand_in.account = Account(**account)
    with pytest.raises(KimiRateLimited) as caught:
        await streamed(stand_in.base_url, question)
    assert (caught.value.limit, caught.value.limit_value) == (limit, value)


async def test_a_tool_loop_passes_the_strict_checks(stand_in: KimiSimulator, question: ChatRequest) -> None:
    """What the client sends back behind a tool call is accepted, thinking kept or not."""
    stand_in.script = lambda request: (
        scripted(text="Found.")
        if request.messages[-1]["role"] == "tool"
        else scripted(
            text="",
            tool_calls=(ScriptedCall(name="search", arguments='{"q":"月"}'),),
            finish_reason="tool_calls",
        )
    )
    tool = {"type": "function", "function": {"name": "search", "parameters": {"type": "object"}}}
    asked = replace(question, tools=(tool,))
    first = await streamed(stand_in.base_url, asked)
    (call,) = first.tool_calls
    assert (first.finish_reason, call.name, call.arguments) == ("tool_calls", "search", '{"q":"月"}')
    answer = Message(role="tool", content="a moon", tool_call_id=call.id)
    for reasoning in (first.reasoning, ""):
        said = Message(role="assistant", content="", tool_calls=first.tool_calls, reasoning=reasoning)
        reply = await streamed(stand_in.base_url, replace(asked, messages=(*asked.messages, said, answer)))
        assert reply.text == "Found."


async def test_a_cut_reply_is_continued(stand_in: KimiSimulator, question: ChatRequest) -> None:
    """Partial mode answers with the rest only."""
    stand_in.script = answer_with(TEXT, chunks_per_s=float("inf"))
    half = Message(role="assistant", content=TEXT[:20], partial=True)
    reply = await streamed(stand_in.base_url, replace(question, messages=(*question.messages, half)))
    assert TEXT[:20] + reply.text == TEXT


async def test_the_models_are_listed_where_there_is_a_list(stand_in: KimiSimulator) -> None:
    """Moonshot tells its models, with what they can do; Ace Data Cloud has no such endpoint."""
    async with AsyncKimi(api_key="sk-test", base_url=stand_in.base_url) as kimi:
        models = {model.id: model for model in await kimi.models()}
    check_model("kimi-k2.6", models)
    assert models["kimi-k2.6"].thinking_control == "switch"
    assert models["kimi-k3"].efforts == ("low", "high", "max")
    async with AsyncKimi(api_key="sk-test", base_url=stand_in.ace_url) as kimi:
        with pytest.raises(KimiEndpointMissing):
            await kimi.models()


async def test_stopping_is_noticed_and_the_next_question_goes_on(
    stand_in: KimiSimulator, question: ChatRequest
) -> None:
    """A reply that is closed in the middle leaves its place under the concurrency limit."""
    stand_in.account = Account(concurrency=1)
    stand_in.script = answer_with(TEXT * 20, chunks_per_s=100)
    async with AsyncKimi(api_key="sk-test", base_url=stand_in.base_url) as kimi:
        for _ in range(3):
            events = kimi.stream(question)
            assert not isinstance(await anext(events), Finished)
            await events.aclose()


async def test_tokens_are_counted_as_the_reply_counts_them(
    stand_in: KimiSimulator, question: ChatRequest
) -> None:
    """The count of a prompt is what its reply's usage says afterwards."""
    async with AsyncKimi(api_key="sk-test", base_url=stand_in.base_url, retry=ONCE) as kimi:
        counted = await kimi.count_tokens(question)
        reply = await kimi.complete(question)
    assert reply.usage is not None
    assert counted == reply.usage.prompt_tokens


async def test_a_provider_that_does_not_count_says_so(stand_in: KimiSimulator, question: ChatRequest) -> None:
    """Ace Data Cloud has no token counter."""
    async with AsyncKimi(api_key="sk-test", base_url=stand_in.ace_url, retry=ONCE) as kimi:
        with pytest.raises(KimiEndpointMissing):
            await kimi.count_tokens(question)
