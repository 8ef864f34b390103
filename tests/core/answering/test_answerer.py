"""One turn's answer, from the stored question to the stored, whole text."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from core.access import Price, PriceList
from core.domain.errors import LeaseLost, StoreRefusedData
from core.domain.file_states import FileFault
from core.domain.turn_states import CallPurpose, CancelReason, KimiFailure, Outcome, TurnState
from core.files.reader import FileProblem, FileReadResult
from core.kimi import (
    Finished,
    KimiContentFiltered,
    KimiContextTooLong,
    KimiError,
    KimiInvalidRequest,
    KimiOverloaded,
    KimiStreamInterrupted,
    ReasoningDelta,
    ToolCall,
    Usage,
)
from core.ports.chat_model import QueuePosition
from core.ports.tools import SourceLink, Tool, ToolResult
from core.store import conversation_settings, schema, turns
from core.testing.scripted_model import Delay, Retrying
from tests.core.answering.conftest import K2, Answering

pytestmark = pytest.mark.virtual_time

SLOW = (Delay(1), "One ", Delay(60), "two.")


async def stored_turn(answering: Answering, turn_id: int) -> turns.Turn:
    """Return a turn as it is stored now."""
    async with answering.conversation.database.read() as tx:
        turn = await turns.get(tx, turn_id)
    assert turn is not None
    return turn


async def usage_rows(answering: Answering) -> list[Any]:
    """Return all stored usage."""
    async with answering.conversation.database.read() as tx:
        return list((await tx.execute(select(schema.usage))).all())


async def test_an_answer_is_shown_and_stored_whole(answering: Answering) -> None:
    """The turn is answered, the history has the answer, the screen shows it once."""
    answering.build(("Because ", Delay(1), "of Rayleigh."))
    turn = await answering.conversation.ask("Why is the sky blue?")
    assert await answering.answer(turn) is Outcome.COMPLETE
    assert answering.shown == ["Because of Rayleigh."]
    assert await answering.conversation.messages() == [
        ("user", "Why is the sky blue?"),
        ("assistant", "Because of Rayleigh."),
    ]
    stored = await stored_turn(answering, turn.id)
    assert (stored.state, stored.outcome) == (TurnState.ANSWERED, Outcome.COMPLETE)
    assert stored.partial == "Because of Rayleigh."


async def test_its_usage_is_counted_for_the_person_with_its_price(answering: Answering) -> None:
    """One row for the answer, over all its requests, in the transaction that stores it."""
    usage = Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000, cached_tokens=500_000)
    answering.build(
        (Delay(2), "Yes.", Delay(3), Finished("stop", usage, "", K2.id)),
        prices=PriceList({K2.id: Price(prompt=1.0, completion=2.0, cached=0.5)}),
    )
    turn = await answering.conversation.ask("Yes?")
    await answering.answer(turn)
    (row,) = await usage_rows(answering)
    assert (row.turn_id, row.person_id, row.model) == (turn.id, turn.asker_id, K2.id)
    assert (row.purpose, row.outcome) == (CallPurpose.ANSWER, str(Outcome.COMPLETE))
    assert (row.prompt_tokens, row.cached_tokens, row.completion_tokens) == (1_000_000, 500_000, 1_000_000)
    assert (row.time_to_first_token_s, row.duration_s) == (2, 5)
    assert row.cost_usd == pytest.approx(
        PriceList({K2.id: Price(prompt=1.0, completion=2.0, cached=0.5)}).cost_usd(
            K2.id, prompt_tokens=1_000_000, cached_tokens=500_000, completion_tokens=1_000_000
        )
    )


async def test_the_person_sees_the_queue_and_retries_until_the_answer_begins(answering: Answering) -> None:
    """Placeholders make way for the first text."""
    answering.build(
        (
            QueuePosition(position=3, eta_s=30),
            Delay(5),
            Retrying(KimiOverloaded("HTTP 429"), 5),
            Delay(5),
            "Here.",
        )
    )
    await answering.answer(await answering.conversation.ask("Are you there?"))
    assert answering.frames[0] == "You are 3rd in line, about 30 s."
    assert "Kimi does not answer right now. I keep trying." in answering.frames
    assert answering.shown == ["Here."]


async def test_a_stopped_answer_keeps_its_text_and_says_so(answering: Answering) -> None:
    """The text so far stays, with a note below it that is not part of the history."""
    answering.build(SLOW)
    turn = await answering.conversation.ask("Count.")
    answer = asyncio.create_task(answering.answer(turn))
    await answering.clock.sleep(10)
    answering.running.cancel(CancelReason.STOP)
    assert await answer is Outcome.STOPPED
    assert answering.shown[0].startswith("One")
    assert len(answering.shown[0]) > len("One ")
    assert (await answering.conversation.messages())[-1] == ("assistant", "One ")
    assert answering.model.aborted == 1


async def test_an_answer_that_was_cancelled_before_it_began_asks_nothing(answering: Answering) -> None:
    """A person who stops at once costs no request."""
    answering.build("Late.")
    answering.running.cancel(CancelReason.STOP)
    turn = await answering.conversation.ask("Count.")
    assert await answering.answer(turn) is Outcome.STOPPED
    assert answering.model.requests == []


async def test_an_interrupted_answer_without_text_shows_nothing(answering: Answering) -> None:
    """The next answer says it all."""
    answering.build((Delay(60), "Late."))
    answer = asyncio.create_task(answering.answer(await answering.conversation.ask("Count.")))
    await answering.clock.sleep(10)
    answering.running.cancel(CancelReason.INTERRUPT)
    assert await answer is Outcome.INTERRUPTED
    assert answering.shown == []


async def test_an_error_of_kimi_is_a_friendly_note_with_a_hint(answering: Answering) -> None:
    """The outcome carries the error's code; the note names no technical detail."""
    answering.build((KimiOverloaded("HTTP 429: engine_overloaded_error"),))
    turn = await answering.conversation.ask("Why?")
    assert await answering.answer(turn) == KimiFailure("overloaded")
    assert "try again" in answering.shown[0]
    assert "engine_overloaded_error" not in answering.shown[0]
    assert (await answering.conversation.messages())[-1] == ("user", "Why?")


async def test_a_broken_stream_is_resumed_without_a_trace(answering: Answering) -> None:
    """The person sees one text."""
    answering.build(("One ", KimiStreamInterrupted("cut")), "two.", max_resumes=1)
    assert await answering.answer(await answering.conversation.ask("Count.")) is Outcome.COMPLETE
    assert answering.shown == ["One two."]


async def test_a_prompt_that_kimi_finds_too_long_is_tried_once_more(answering: Answering) -> None:
    """With a more careful estimate; a second refusal is the answer's outcome."""
    answering.build((KimiContextTooLong("HTTP 400"),), "Fits.")
    assert await answering.answer(await answering.conversation.ask("Why?")) is Outcome.COMPLETE
    answering.build((KimiContextTooLong("HTTP 400"),), (KimiContextTooLong("HTTP 400"),))
    outcome = await answering.answer(await answering.conversation.ask("Why?"))
    assert outcome == KimiFailure("context_too_long")


async def test_a_second_attempt_continues_the_text_of_the_first(answering: Answering) -> None:
    """After a crash the stored text is continued, and shown once."""
    answering.build(SLOW)
    turn = await answering.conversation.ask("Count.")
    crashed = asyncio.create_task(answering.answer(turn))
    await answering.clock.sleep(10)
    crashed.cancel()
    await asyncio.gather(crashed, return_exceptions=True)
    second = await answering.conversation.claim(turn.seq)
    assert (second.attempt, second.partial) == (2, "One ")
    answering.build("two.")
    assert await answering.answer(second) is Outcome.COMPLETE
    assert answering.shown == ["One two."]
    assert answering.model.requests[0].messages[-1].partial
    assert (await answering.conversation.messages())[-1] == ("assistant", "One two.")


async def test_a_worker_that_lost_its_lease_writes_nothing_more(answering: Answering) -> None:
    """Another attempt owns the turn: neither the store nor the screen get another word."""
    answering.build((Delay(1), "One ", Delay(3), "two ", Delay(60), "three."))
    turn = await answering.conversation.ask("Count.")
    answer = asyncio.create_task(answering.answer(turn))
    await answering.clock.sleep(2)
    await answering.conversation.claim(turn.seq)
    with pytest.raises(LeaseLost):
        await answer
    assert answering.clock.time() < 10
    assert answering.running.cancel_reason is CancelReason.LEASE_LOST
    assert await answering.conversation.messages() == [("user", "Count.")]


async def test_a_new_answer_replaces_the_earlier_one(answering: Answering) -> None:
    """After a retry the history has one answer to the question."""
    answering.build("Second.")
    turn = await answering.conversation.exchange("Why?", "First.")
    await answering.answer(await answering.conversation.retry(turn))
    assert [text for role, text in await answering.conversation.messages() if role == "assistant"] == [
        "Second."
    ]


async def test_the_person_is_told_once_that_their_model_is_gone(answering: Answering) -> None:
    """The default model answers, the note names both, and the choice is cleared."""
    answering.build("Yes.", "Yes.")
    async with answering.conversation.database.begin() as tx:
        await conversation_settings.save(
            tx, answering.conversation.conversation.id, conversation_settings.MODEL, "kimi-gone"
        )
    answering.answerer._preparer._options_loader._model_catalog._models = (K2,)
    await answering.answer(await answering.conversation.ask("Yes?"))
    assert "kimi-gone" in answering.shown[0]
    await answering.answer(await answering.conversation.ask("Yes?"))
    assert answering.shown[1] == "Yes."


async def test_unreadable_files_are_named_below_the_answer(answering: Answering) -> None:
    """If the question has words too, Kimi is asked; a question of files only is not."""
    answering.build("I see.")
    problem = FileProblem(name="a.zip", fault=FileFault.UNSUPPORTED)
    answering.files.result = FileReadResult(problems=(problem,))
    answering.files.names = ("a.zip",)
    await answering.answer(await answering.conversation.ask("What is in it?"))
    assert answering.frames[0] == "Reading a.zip…"
    assert answering.shown[0].startswith("I see.")
    assert "a.zip" in answering.shown[0]
    answering.files.result = FileReadResult(problems=(problem,), only_unreadable=True)
    outcome = await answering.answer(await answering.conversation.ask(""))
    assert outcome is Outcome.FILES_UNREADABLE
    assert len(answering.model.requests) == 1


async def test_thinking_is_shown_above_the_answer_if_switched_on(answering: Answering) -> None:
    """It is no part of the stored answer."""
    answering.build((ReasoningDelta("Hm."), Delay(1), "Yes."), show_thinking=True)
    await answering.answer(await answering.conversation.ask("Yes?"))
    assert answering.shown == ["> 💭 Hm.\n\nYes."]
    assert (await answering.conversation.messages())[-1] == ("assistant", "Yes.")


async def test_sources_of_tools_are_linked_below_the_answer(answering: Answering) -> None:
    """The status says what runs; the links come last."""

    async def run(arguments: str) -> ToolResult:
        await answering.clock.sleep(3)
        return ToolResult(text="Sunny.", sources=(SourceLink(url="https://w.example/", title="Weather"),))

    function = {"name": "weather", "description": "Report the weather.", "parameters": {}}
    weather = Tool(name="weather", definition={"type": "function", "function": function}, run=run)
    call = ToolCall(id="weather:0", name="weather", arguments='{"town": "Rome"}')
    answering.build((call,), "It is sunny.", tools=[weather])
    await answering.answer(await answering.conversation.ask("And the weather?"))
    assert answering.frames[0] == "Using weather: Rome"
    assert answering.shown == ["It is sunny.\n\n**Sources**\n- [Weather](https://w.example/)"]


async def test_counted_tokens_improve_the_next_estimate(answering: Answering) -> None:
    """Only of an answer in one request: others count prompts that were not estimated."""
    usage = Usage(prompt_tokens=600, completion_tokens=1)
    answering.build(("Yes.", Finished("stop", usage, "", K2.id)))
    await answering.answer(await answering.conversation.ask("Yes?"))
    assert await answering.answerer._token_ratios.get(K2.id) > 1.1


async def test_a_small_conversation_needs_no_look_after_the_answer(answering: Answering) -> None:
    """If even a maximal reply keeps the next prompt small, nothing is read again."""
    answering.build("Yes.")
    turn = await answering.conversation.ask("Yes?")
    await answering.answer(turn)
    assert turn.id in answering.answerer._well_below_limit
    await answering.answerer.prepare_next(answering.conversation.conversation, turn)
    assert answering.answerer._well_below_limit == set()


async def test_a_question_that_was_refused_as_high_risk_is_left_out_later(answering: Answering) -> None:
    """Kimi would refuse every later request with it (labring/FastGPT#3555); /retry still asks it (F3)."""
    answering.build((KimiContentFiltered("HTTP 400"),), "Fine.", (KimiContentFiltered("HTTP 400"),))
    refused = await answering.conversation.ask("Something risky?")
    assert await answering.answer(refused) == KimiFailure("content_filtered")
    assert await answering.answer(await answering.conversation.ask("And tea?")) is Outcome.COMPLETE
    contents = [str(message.content) for message in answering.model.requests[1].messages]
    assert "Something risky?" not in contents
    assert contents[-1] == "And tea?"


@pytest.mark.parametrize("error", [KimiInvalidRequest("HTTP 400"), KimiContentFiltered("HTTP 400")])
async def test_a_request_refused_for_its_history_is_asked_again_without_it(
    answering: Answering, error: KimiError
) -> None:
    """Once; the person reads the answer (F2, F3)."""
    answering.build("One.", (error,), "Two.")
    await answering.answer(await answering.conversation.ask("First?"))
    assert await answering.answer(await answering.conversation.ask("Second?")) is Outcome.COMPLETE
    system, question = answering.model.requests[2].messages
    assert (system.role, question.content) == ("system", "Second?")
    assert answering.shown[-1] == "Two."


async def test_a_refused_question_without_a_history_is_told(answering: Answering) -> None:
    """It is not asked again, and the sentence does not blame the person's words."""
    answering.build((KimiInvalidRequest("HTTP 400"),))
    outcome = await answering.answer(await answering.conversation.ask("First?"))
    assert outcome == KimiFailure("invalid_request")
    assert answering.shown == [KimiInvalidRequest.en]


async def test_an_answer_that_the_database_refuses_ends_with_a_sentence(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no outage: the turn ends, and Kimi is not asked again (F1)."""
    save_answer, refusals = turns.save_answer, [StoreRefusedData("DataError: NUL")]

    async def refuse_once(*args: Any, **values: Any) -> None:
        if refusals:
            raise refusals.pop()
        await save_answer(*args, **values)

    monkeypatch.setattr(turns, "save_answer", refuse_once)
    answering.build("Odd words.")
    turn = await answering.conversation.ask("First?")
    assert await answering.answer(turn) == KimiFailure("error")
    assert (await stored_turn(answering, turn.id)).state is TurnState.ANSWERED
    assert KimiError.en in answering.shown[0]
    assert len(answering.model.requests) == 1
