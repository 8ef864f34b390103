"""Requests for questions, built from a stored conversation."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.domain.addresses import ChatType
from core.kimi import ChatRequest, KimiEndpointMissing, KimiUnavailable, Message
from core.prompting.prompt import MISSING_MESSAGES_NOTE, SUMMARY_HEADER, QuestionTooLong
from core.store import conversations
from core.store.open_work import AvailableContext
from core.store.turns import Turn
from core.testing.scripted_model import Delay
from tests.stored_conversation import StoredConversation

pytestmark = pytest.mark.virtual_time

LONG = "word " * 400  #: some 560 estimated tokens; a prompt may have 3,000
CHUNKS = 3  #: requests that summarize the beginning of eight long questions


async def prepare(prompting: Any, conversation: StoredConversation, turn: Turn, **how: Any) -> Any:
    """Prepare the request for a turn."""
    options = await prompting.options.load(conversation.conversation)
    return await prompting.builder.prepare(
        conversation.conversation, turn, AvailableContext.unknown(ChatType.DIRECT), options=options, **how
    )


def contents(request: ChatRequest) -> list[tuple[str, str]]:
    """Role and text of every message but the system prompt."""
    return [(message.role, str(message.content)) for message in request.messages[1:]]


async def test_a_request_has_the_history_and_the_question_last(
    prompting: Any, conversation: StoredConversation
) -> None:
    """Both sides in order, with the options of the answer and the conversation's cache key."""
    await prompting.build(thinking=False, sampling_params={"temperature": 0.6})
    await conversation.exchange("Hi.", "Hello!")
    turn = await conversation.ask("Why is the sky blue?")
    prepared = await prepare(prompting, conversation, turn)
    assert contents(prepared.request) == [
        ("user", "Hi."),
        ("assistant", "Hello!"),
        ("user", "Why is the sky blue?"),
    ]
    assert prepared.request.messages[0].role == "system"
    assert prepared.request.max_completion_tokens == 1_000
    assert prepared.request.sampling == {"temperature": 0.6}
    assert prepared.request.prompt_cache_key
    assert prepared.well_below_limit


async def test_the_earlier_answer_to_the_question_is_not_shown(
    prompting: Any, conversation: StoredConversation
) -> None:
    """A question that is answered again is asked as if for the first time."""
    await prompting.build()
    turn = await conversation.exchange("Why?", "Because.")
    prepared = await prepare(prompting, conversation, turn)
    assert contents(prepared.request) == [("user", "Why?")]


async def test_a_question_that_does_not_fit_waits_for_a_summary(
    prompting: Any, conversation: StoredConversation
) -> None:
    """The beginning becomes a summary, the newest messages stay word by word."""
    await prompting.build(*[(Delay(5), "They talked about words.")] * 9)
    for number in range(8):
        await conversation.exchange(f"{number} {LONG}", "Yes.")
    prepared = await prepare(prompting, conversation, await conversation.ask("And now?"))
    texts = [text for _, text in contents(prepared.request)]
    assert texts[0] == f"{SUMMARY_HEADER}They talked about words."
    assert texts[-1] == "And now?"
    assert not any(text.startswith("0 ") for text in texts)
    assert MISSING_MESSAGES_NOTE not in texts
    assert prompting.clock.time() == 5 * CHUNKS


async def test_without_a_summary_the_prompt_says_that_messages_are_missing(
    prompting: Any, conversation: StoredConversation
) -> None:
    """Kimi is asked all the same, with the newest messages that fit."""
    await prompting.build(*[(KimiUnavailable("HTTP 503"),)] * 9)
    for number in range(8):
        await conversation.exchange(f"{number} {LONG}", "Yes.")
    turn = await conversation.ask("And now?")
    with capture_logs() as logs:
        prepared = await prepare(prompting, conversation, turn)
    texts = [text for _, text in contents(prepared.request)]
    assert texts[0] == MISSING_MESSAGES_NOTE
    assert texts[-1] == "And now?"
    assert {"summary.failed", "prompt.messages_dropped"} <= {log["event"] for log in logs}


async def test_a_question_that_alone_is_too_long_is_refused(
    prompting: Any, conversation: StoredConversation
) -> None:
    """No summary helps, so none is made."""
    await prompting.build()
    turn = await conversation.ask(LONG * 10)
    with pytest.raises(QuestionTooLong):
        await prepare(prompting, conversation, turn)
    assert prompting.model.requests == []


async def test_a_prompt_that_kimi_refused_is_built_with_more_caution(
    prompting: Any, conversation: StoredConversation
) -> None:
    """The provider's count corrects the ratio; if it does not count, the estimate is raised by a fifth."""

    async def count(_: ChatRequest) -> int:
        raise KimiEndpointMissing("HTTP 404")

    await prompting.build(count_tokens=count)
    turn = await conversation.ask("Why?")
    prepared = await prepare(prompting, conversation, turn, was_too_long=True)
    assert prepared.token_ratio == pytest.approx(1.2)
    assert await prompting.ratios.get("kimi-k2.6") == pytest.approx(1.2)


async def test_a_large_conversation_is_summarized_in_the_background(
    prompting: Any, conversation: StoredConversation
) -> None:
    """After the answer, so that the next question finds the summary ready."""
    await prompting.build(*["They talked about words."] * 9)
    for number in range(4):
        turn = await conversation.exchange(f"{number} {LONG}", "Yes.")
    await prompting.builder.compact_if_large(conversation.conversation, turn)
    await prompting.summarizer.wait_until_idle()
    assert prompting.model.contexts[0].requester.weight == 0.25
    view = await prompting.builder.load_current_view(conversation.conversation)
    assert view.summary_text == "They talked about words."


async def test_a_small_conversation_is_left_alone(prompting: Any, conversation: StoredConversation) -> None:
    """Below 60 % of the prompt nothing is summarized."""
    await prompting.build()
    turn = await conversation.exchange(LONG, "Yes.")
    await prompting.builder.compact_if_large(conversation.conversation, turn)
    assert prompting.summarizer.running_task(conversation.conversation.id) is None


async def test_a_conversation_that_began_anew_is_not_summarized(
    prompting: Any, conversation: StoredConversation
) -> None:
    """/new between the question and the background work counts."""
    await prompting.build()
    for number in range(4):
        turn = await conversation.exchange(f"{number} {LONG}", "Yes.")
    async with conversation.database.begin() as tx:
        await conversations.set_history_cutoff(tx, conversation.conversation.id, turn.seq)
    await prompting.builder.compact_if_large(conversation.conversation, turn)
    assert prompting.model.requests == []


async def test_a_request_that_has_grown_leaves_room_in_the_context(
    prompting: Any, conversation: StoredConversation
) -> None:
    """Tool results and text to continue take from the reply, down to a minimum."""
    await prompting.build()
    prepared = await prepare(prompting, conversation, await conversation.ask("Why?"))
    assert prepared.clamp_reply_tokens(prepared.request) is prepared.request

    def grown(text: str) -> ChatRequest:
        from dataclasses import replace

        result = Message(role="tool", content=text, tool_call_id="a")
        return replace(prepared.request, messages=(*prepared.request.messages, result))

    assert prepared.clamp_reply_tokens(grown("short")).max_completion_tokens == 1_000
    assert 256 < prepared.clamp_reply_tokens(grown(LONG * 5)).max_completion_tokens < 1_000
    assert prepared.clamp_reply_tokens(grown(LONG * 20)).max_completion_tokens == 256


async def test_two_questions_share_one_summary(prompting: Any, conversation: StoredConversation) -> None:
    """A question that comes while a summary is made waits for that one."""
    await prompting.build(*[(Delay(5), "They talked about words.")] * 9)
    for number in range(8):
        await conversation.exchange(f"{number} {LONG}", "Yes.")
    first, second = await conversation.ask("And now?"), await conversation.ask("And then?")
    await asyncio.gather(prepare(prompting, conversation, first), prepare(prompting, conversation, second))
    assert len(prompting.model.requests) == CHUNKS
