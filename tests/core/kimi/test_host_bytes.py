"""What other hosts really send: the exact bytes of each scenario, over real HTTP, read by the client.

The scenarios and where they were reported stand in ``bots/simulator/kimi/scenarios.json``.
"""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bots.simulator.kimi import KimiSimulator, load_scenarios
from core.kimi import (
    AsyncKimi,
    ChatRequest,
    KimiContentFiltered,
    KimiContextTooLong,
    KimiEndpointMissing,
    KimiError,
    KimiOverloaded,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiStreamInterrupted,
    KimiUnavailable,
    KimiUnreadableReply,
    ReplyEvent,
    RetryPolicy,
    TextDelta,
    collect_reply,
)
from core.kimi.wire_text import TextJoiner, repair_text

SCENARIOS = load_scenarios()


@pytest.fixture
async def stand_in() -> AsyncIterator[KimiSimulator]:
    """A running stand-in for Kimi."""
    async with KimiSimulator() as kimi:
        yield kimi


async def read(
    stand_in: KimiSimulator, name: str, question: ChatRequest
) -> tuple[str, str, KimiError | None]:
    """Play a scenario once; return the words, the finish reason ("" if none came) and the error."""
    stand_in.script, stand_in.host = SCENARIOS[name].script(), SCENARIOS[name].host
    events: list[ReplyEvent] = []
    async with AsyncKimi(
        api_key="sk-test", base_url=stand_in.base_url, retry=RetryPolicy(max_attempts=1)
    ) as kimi:
        try:
            async for event in kimi.stream(question):
                events.append(event)  # noqa: PERF401 (those before an error count)
        except KimiError as error:
            return "".join(one.text for one in events if isinstance(one, TextDelta)), "", error
    reply = collect_reply(events)
    return reply.text, reply.finish_reason, None


@pytest.mark.parametrize(
    ("name", "words", "finish"),
    [
        ("nul-in-words", "Before" + "after and the rest.", "stop"),
        ("controls-in-words", "A [2J]52;c;aGk= B 31m end", "stop"),
        ("filtered-half", "The history of that event begins in", "content_filter"),
        ("filtered-empty", "", "content_filter"),
        ("sensitive-half", "The history of that event begins in", "content_filter"),
        ("no-done", "A whole answer.", "stop"),
        ("one-line-end", "One two.", "stop"),
        ("json-as-text", "A whole answer.", "stop"),
        ("stream-as-json", "One two.", "stop"),
        ("keep-alive-data", "One two three.", "stop"),
        ("content-parts", "One two.", "stop"),
        ("message-in-chunk", "A whole answer.", "stop"),
        ("cut-surrogates", "Tea 🍵.", "stop"),
        ("cut-characters", "茶.", "stop"),
    ],
)
async def test_whole_replies_are_read_in_any_form(
    stand_in: KimiSimulator, question: ChatRequest, name: str, words: str, finish: str
) -> None:
    """The words arrive as they were meant, with the end that the host gave them."""
    assert await read(stand_in, name, question) == (words, finish, None)


@pytest.mark.parametrize(
    ("name", "words", "kind"),
    [
        ("error-event-without-member", "One two three ", KimiUnavailable),
        ("error-without-choices", "One two three ", KimiOverloaded),
        ("unknown-finish", "Half an answer", KimiStreamInterrupted),
        ("overload-in-stream", "one two three ", KimiOverloaded),
        ("limit-in-stream", "one two three ", KimiRateLimited),
        ("outage-in-stream", "one two three ", KimiUnavailable),
        ("page-as-stream", "", KimiUnreadableReply),
        ("page-as-page", "", KimiEndpointMissing),
        ("unknown-encoding", "", KimiUnreadableReply),
        ("bare-error-line", "", KimiQuotaExhausted),
    ],
)
async def test_errors_inside_a_success_are_errors(
    stand_in: KimiSimulator, question: ChatRequest, name: str, words: str, kind: type[KimiError]
) -> None:
    """An error in any shape ends the reply with its meaning, behind the words that came before it."""
    said, finish, error = await read(stand_in, name, question)
    assert (said, finish, type(error)) == (words, "", kind)


async def test_an_unreadable_reply_is_described(stand_in: KimiSimulator, question: ChatRequest) -> None:
    """The error names the content type and the first bytes, so that the operator knows what came."""
    _, _, error = await read(stand_in, "page-as-stream", question)
    assert "text/event-stream" in str(error)
    assert "!DOCTYPE html" in str(error)


async def test_a_refused_question_stays_refused_in_the_history(
    stand_in: KimiSimulator, question: ChatRequest
) -> None:
    """The stand-in refuses as long as the risky words stand in any message."""
    scenario = SCENARIOS["high-risk-history"]
    stand_in.script, stand_in.host = scenario.script(), scenario.host
    risky = ChatRequest(
        messages=(
            *question.messages[:-1],
            question.messages[-1],
            question.messages[-1].__class__(role="user", content="[risky] again"),
        ),
        model=question.model,
        max_completion_tokens=question.max_completion_tokens,
    )
    async with AsyncKimi(
        api_key="sk-test", base_url=stand_in.base_url, retry=RetryPolicy(max_attempts=1)
    ) as kimi:
        with pytest.raises(KimiContentFiltered):
            await kimi.complete(risky)
        assert (await kimi.complete(question)).text == "A harmless answer."


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("a\x00b", "\x1b[2J\n\tc\r\n", "\x9b1m\x7f"), "ab[2J\n\tc\n1m"),
        (("x\ud83c", "\udf75y"), "x🍵y"),
        (("x\ud83c", "y"), "x\ufffdy"),
        (("x\ud83c",), "x\ufffd"),
        (("\udce8", "\udc8c", "\udcb6z"), "茶z"),
        (("\udce8\udc8c", "z"), "\ufffdz"),
        (("\udf75",), "\ufffd"),
    ],
)
def test_pieces_of_text_are_joined(pieces: tuple[str, ...], text: str) -> None:
    """Characters cut between pieces are whole again, halves become U+FFFD, controls are left out."""
    joiner = TextJoiner()
    assert "".join(joiner.feed(piece) for piece in pieces) + joiner.flush() == text
    assert repair_text("".join(pieces)) == text


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("refuses-prompt-cache-key", "prompt_cache_key"),
        ("refuses-stream-options", "stream_options"),
        ("refuses-max-completion-tokens", "max_completion_tokens"),
        ("refuses-thinking", "thinking"),
    ],
)
async def test_a_refused_optional_field_is_left_out(
    stand_in: KimiSimulator, question: ChatRequest, name: str, field: str
) -> None:
    """The refusal names the field; the request is sent again without it, and the next one at once (F21)."""
    stand_in.script, stand_in.host = SCENARIOS[name].script(), SCENARIOS[name].host
    request = replace(question, prompt_cache_key="chat-1", thinking=True)
    async with AsyncKimi(
        api_key="sk-test", base_url=stand_in.base_url, retry=RetryPolicy(max_attempts=1)
    ) as kimi:
        for _ in range(2):
            assert collect_reply([one async for one in kimi.stream(request)]).text == "A plain answer."
    assert [field in seen.body for seen in stand_in.requests] == [True, False, False]
    if field == "max_completion_tokens":
        assert stand_in.requests[-1].body["max_tokens"] == request.max_completion_tokens


async def test_fields_may_be_left_out_from_the_start(stand_in: KimiSimulator, question: ChatRequest) -> None:
    """KIMI_OMIT spares a host the refused attempt."""
    scenario = SCENARIOS["refuses-stream-options"]
    stand_in.script, stand_in.host = scenario.script(), scenario.host
    async with AsyncKimi(
        api_key="sk-test",
        base_url=stand_in.base_url,
        omit=["stream_options"],
        retry=RetryPolicy(max_attempts=1),
    ) as kimi:
        assert collect_reply([one async for one in kimi.stream(question)]).text == "A plain answer."
    assert len(stand_in.requests) == 1


async def test_a_refusal_that_names_no_optional_field_is_final(
    stand_in: KimiSimulator, question: ChatRequest
) -> None:
    """It is not asked again."""
    scenario = SCENARIOS["full-context-range"]
    stand_in.script = scenario.script()
    stand_in.host = replace(scenario.host, max_prompt_chars=1)
    async with AsyncKimi(
        api_key="sk-test", base_url=stand_in.base_url, retry=RetryPolicy(max_attempts=1)
    ) as kimi:
        with pytest.raises(KimiContextTooLong):
            await kimi.complete(question)
    assert len(stand_in.requests) == 1
