"""A turn from its claim to its end, on a fake platform.

``answer_producer`` and ``turn_delivery`` are covered here too: the runner is their only caller.
"""

import asyncio
import re

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from core.access import Quotas
from core.access.closed_places import CLOSED_FOR_S
from core.commands import Command, CommandReply
from core.domain.answer_buttons import buttons_for
from core.domain.buttons import ActionButton, OptionButton, RequestHuman, RunCommand
from core.domain.command_names import CommandName
from core.domain.errors import StoreUnavailable
from core.domain.message_content import ForwardOrigin
from core.domain.queue import Lane
from core.domain.turn_states import CancelReason, KimiFailure, Outcome, TurnState
from core.llm.pseudonymizing_model import Pseudonyms
from core.store import inbox, turns
from core.testing.scripted_model import Delay
from core.text.notices import Notice
from core.turns.answer_producer import MAX_ATTEMPTS, MAX_COMMAND_ATTEMPTS
from core.turns.telemetry import TurnDetails
from tests.core.turns.conftest import Turns

pytestmark = pytest.mark.virtual_time

UNDER_ANSWERS = [ActionButton.RETRY, ActionButton.GOOD, ActionButton.BAD]


async def test_a_question_is_answered_and_closed(turning: Turns) -> None:
    """The answer is on the screen, its message is known, nothing stays open."""
    turning.build("Because of Rayleigh.")
    (inbox_id,) = await turning.receive(turning.chat.message("Why is the sky blue?"))
    assert await turning.run() is True
    assert turning.platform.screen.texts == ["Because of Rayleigh."]
    assert turning.buttons == UNDER_ANSWERS
    assert await turning.state(inbox_id) is TurnState.DONE
    assert await turning.open_items() == []
    assert await turning.turn_of(turning.last_message.message_id) is not None
    assert await turning.run() is False


@pytest.mark.parametrize("questions", [1, 2])
async def test_the_queue_is_looked_at_again_if_more_was_open(turning: Turns, questions: int) -> None:
    """What comes while a turn runs wakes its queue by itself, and needs no look."""
    turning.build("one")
    await turning.receive(*(turning.chat.message(f"question {n}?") for n in range(questions)))
    assert await turning.runner(turning.queue_key) is (questions > 1)


async def test_the_log_says_in_one_line_how_a_turn_ended(turning: Turns) -> None:
    """An operator finds the conversation by it; it holds nobody's words or name (we chose both)."""
    turning.build((Delay(2), "Because of Rayleigh."))
    await turning.receive(turning.chat.message("Why is the sky blue?"))
    with capture_logs() as lines:
        await turning.run()

    (line,) = [line for line in lines if line["event"] == "turn.finished"]
    assert (line["platform"], line["outcome"], line["pages"]) == ("telegram", "complete", 1)
    assert line["chat"] == turning.chat.channel
    assert isinstance(line["conversation"], int)
    assert min(line["duration_s"], line["first_text_s"]) >= 2.0
    assert "sky" not in str(line)


async def test_the_log_line_of_a_turn_has_everything_to_find_it(turning: Turns) -> None:
    """Model, tokens, cost, a link, and a hash of the person that is the same in all of their turns."""
    turning.build(
        "One.",
        "Two.",
        details=TurnDetails(
            take_usage=lambda turn_id: turning.answering.usage_meter.take_turn_usage(turn_id),
            link=lambda turn_id: f"https://bot.test/turn/{turn_id}",
            hash_person=Pseudonyms(turning.database).of_person,
        ),
    )
    await turning.receive(turning.chat.message("first?"), turning.chat.message("second?"))
    with capture_logs(processors=[merge_contextvars]) as logs:
        await turning.run_all()

    lines = [line for line in logs if line["event"] == "turn.finished"]
    assert len({line["person"] for line in lines}) == 1
    assert re.fullmatch("[0-9a-f]{16}", lines[0]["person"])
    assert [line["link"] for line in lines] == [f"https://bot.test/turn/{line['turn']}" for line in lines]
    assert [line["model"] for line in lines] == ["kimi-k2.6"] * 2
    assert all(line["completion_tokens"] > 0 and "cost_usd" in line for line in lines)
    assert turning.answering.usage_meter.take_turn_usage(lines[0]["turn"]) is None


async def test_questions_of_a_conversation_are_answered_in_order(turning: Turns) -> None:
    """The second question waits for the first answer, and Kimi sees that answer."""
    turning.build("one", "two")
    await turning.receive(turning.chat.message("first?"), turning.chat.message("second?"))
    assert await turning.run_all() == [Outcome.COMPLETE, Outcome.COMPLETE]
    assert turning.platform.screen.texts == ["one", "two"]
    assert [message.role for message in turning.answering.model.requests[1].messages] == [
        "system",
        "user",
        "assistant",
        "user",
    ]


async def test_stop_ends_an_answer_and_keeps_its_text(turning: Turns) -> None:
    """A cancelled answer stays as far as it came; the Stop button goes and Retry comes."""
    turning.build(("One ", Delay(600), "two."))
    await turning.receive(turning.chat.message("count"))
    running = asyncio.create_task(turning.run())
    await turning.answering.clock.sleep(5)
    assert turning.buttons == [ActionButton.STOP]
    turning.active_answers.cancel(turning.queue_key.conversation_id, CancelReason.STOP)
    assert await running is True
    assert [record.outcome for record in turning.observer.finished] == [Outcome.STOPPED]
    assert turning.platform.screen.texts[0].startswith("One")
    assert turning.buttons == [ActionButton.RETRY]
    assert len(turning.active_answers) == 0


async def test_a_stop_before_the_claim_is_not_missed(turning: Turns) -> None:
    """Another replica stored the wish to stop before this process claimed the turn: Kimi is not asked."""
    turning.build("never shown")
    (inbox_id,) = await turning.receive(turning.chat.message("count"))
    async with turning.database.begin() as tx:
        conversation_id = turning.queue_key.conversation_id
        await turns.claim(tx, conversation_id=conversation_id, inbox_id=inbox_id, seq=inbox_id, asker_id="1")
        await turns.request_cancel(tx, conversation_id, CancelReason.STOP)
    assert await turning.run_all() == [Outcome.STOPPED]
    assert turning.answering.model.requests == []


async def test_the_next_attempt_continues_in_the_same_message(turning: Turns) -> None:
    """After a crash in the middle of an answer there is one message, whole."""
    turning.build(("One ", Delay(600), "two."), "two.")
    (inbox_id,) = await turning.receive(turning.chat.message("count"))
    crashed = asyncio.create_task(turning.run())
    await turning.answering.clock.sleep(30)
    crashed.cancel()
    await asyncio.gather(crashed, return_exceptions=True)
    assert await turning.state(inbox_id) is TurnState.RUNNING
    assert await turning.run_all() == [Outcome.COMPLETE]
    assert turning.platform.screen.texts == ["One two."]
    assert turning.observer.attempts == [1, 2]


async def test_a_stored_answer_is_only_shown(turning: Turns) -> None:
    """A crash between storing and showing costs no second call to Kimi."""
    turning.build()
    (inbox_id,) = await turning.receive(turning.chat.message("count"))
    async with turning.database.begin() as tx:
        conversation_id = turning.queue_key.conversation_id
        turn = await turns.claim(
            tx, conversation_id=conversation_id, inbox_id=inbox_id, seq=inbox_id, asker_id="1"
        )
        await turns.save_answer(tx, turn, text="One two.", outcome=Outcome.LENGTH_LIMIT)
    assert await turning.run_all() == [Outcome.LENGTH_LIMIT]
    assert turning.platform.screen.texts == ["One two."]
    assert turning.buttons == [ActionButton.CONTINUE, *UNDER_ANSWERS]


async def test_a_lost_lease_ends_an_attempt_silently(turning: Turns) -> None:
    """Another worker claimed the turn meanwhile: this one stores and shows nothing more."""
    turning.build(("One ", Delay(60), "two."))
    (inbox_id,) = await turning.receive(turning.chat.message("count"))
    running = asyncio.create_task(turning.run())
    await turning.answering.clock.sleep(30)
    async with turning.database.begin() as tx:
        conversation_id = turning.queue_key.conversation_id
        await turns.claim(tx, conversation_id=conversation_id, inbox_id=inbox_id, seq=inbox_id, asker_id="1")
    assert await running is False
    assert turning.observer.lost_leases == 1
    assert turning.observer.finished == []
    assert await turning.state(inbox_id) is TurnState.RUNNING


async def test_after_too_many_crashes_a_turn_ends_with_an_apology(turning: Turns) -> None:
    """An event that kills its worker each time is closed instead of being tried for ever."""
    turning.build()
    (inbox_id,) = await turning.receive(turning.chat.message("count"))
    for _ in range(MAX_ATTEMPTS):
        async with turning.database.begin() as tx:
            conversation_id = turning.queue_key.conversation_id
            await turns.claim(
                tx, conversation_id=conversation_id, inbox_id=inbox_id, seq=inbox_id, asker_id="1"
            )
    assert await turning.run_all() == [Outcome.NOTICE]
    assert turning.platform.screen.texts == [Notice.FAILED.text("en")]


async def test_a_command_that_ended_the_process_twice_is_not_run_again(turning: Turns) -> None:
    """We chose: what a command does may be what kills the process, so a third time it is refused."""
    runs: list[Command] = []

    async def usage(command: Command) -> CommandReply:
        runs.append(command)
        return CommandReply(text="never shown")

    turning.build(commands={CommandName.USAGE: usage})
    (inbox_id,) = await turning.receive(turning.chat.command(CommandName.USAGE), lane=Lane.COMMANDS)
    for _ in range(MAX_COMMAND_ATTEMPTS):
        async with turning.database.begin() as tx:
            conversation_id = turning.queue_key.conversation_id
            await turns.claim(
                tx, conversation_id=conversation_id, inbox_id=inbox_id, seq=inbox_id, asker_id="1"
            )
    assert await turning.run(Lane.COMMANDS) is True
    assert [record.outcome for record in turning.observer.finished] == [Outcome.NOTICE]
    assert turning.platform.screen.texts == [Notice.FAILED.text("en")]
    assert runs == []


async def test_another_bots_question_is_left_open(turning: Turns) -> None:
    """A process that is connected as another bot or team neither answers nor closes it."""
    turning.build("never shown", tenants=["another bot"])
    await turning.receive(turning.chat.message("hello?"))
    assert await turning.run() is False
    assert turning.platform.screen.texts == []
    assert len(await turning.open_items()) == 1


async def test_after_a_refusal_kimi_is_asked_no_more_until_something_changes(turning: Turns) -> None:
    """A muted bot pays for one answer that nobody sees, not for each; that answer is not what was said."""
    turning.build("one", "two")
    turning.platform.failures.forbidden.add(turning.chat.channel)
    await turning.receive(turning.chat.message("first?"))
    assert await turning.run_all() == [Outcome.UNDELIVERED]
    second, third = await turning.receive(turning.chat.message("second?"), turning.chat.message("third?"))
    await turning.run_all()
    assert len(turning.answering.model.requests) == 1
    assert await turning.state(second) is TurnState.DONE
    assert await turning.state(third) is TurnState.DONE
    assert await turning.open_items() == []
    turning.platform.failures.forbidden.clear()
    turning.closed_places.reopen(turning.chat.key())
    await turning.receive(turning.chat.message("fourth?"))
    assert await turning.run_all() == [Outcome.COMPLETE]
    assert turning.platform.screen.texts == ["two"]
    asked = turning.answering.model.requests[-1].messages
    assert [message.content for message in asked if message.role != "system"] == [
        "first?",
        "second?",
        "third?",
        "fourth?",
    ]


async def test_a_closed_place_is_tried_again_after_a_while(turning: Turns) -> None:
    """Not every change is reported: after ten minutes one question finds out."""
    turning.build("one", "two")
    turning.platform.failures.forbidden.add(turning.chat.channel)
    await turning.receive(turning.chat.message("first?"))
    assert await turning.run_all() == [Outcome.UNDELIVERED]
    turning.platform.failures.forbidden.clear()
    await turning.answering.clock.sleep(CLOSED_FOR_S + 1)
    await turning.receive(turning.chat.message("second?"))
    assert await turning.run_all() == [Outcome.COMPLETE]


async def test_forwarded_messages_wait_for_the_persons_own_words(turning: Turns) -> None:
    """Three forwards and a question four seconds later are one question; typed words never wait."""
    turning.build("one", "two")
    origin = ForwardOrigin(channel="News")
    forwards = [turning.chat.message(f"news {n}", forwarded_from=origin) for n in range(3)]
    await turning.receive(*forwards)
    began = turning.answering.clock.time()
    running = asyncio.create_task(turning.run())
    await turning.answering.clock.sleep(4)
    assert turning.answering.model.requests == []
    turning.chat.wait(4)
    await turning.receive(turning.chat.message("is this true?"))
    assert await running is True
    assert turning.answering.clock.time() - began < 5.5
    assert await turning.open_items() == []
    (request,) = turning.answering.model.requests
    assert [message.content for message in request.messages if message.role == "user"] == [
        "news 0",
        "news 1",
        "news 2",
        "is this true?",
    ]
    asked_at = turning.answering.clock.time()
    await turning.receive(turning.chat.message("and this?"))
    assert await turning.run() is True
    assert turning.answering.clock.time() - asked_at < 1


async def test_forwards_without_any_words_are_answered_after_five_seconds(turning: Turns) -> None:
    """We chose: nothing is lost if no comment comes."""
    turning.build("one")
    await turning.receive(turning.chat.message("news", forwarded_from=ForwardOrigin(channel="News")))
    began = turning.answering.clock.time()
    assert await turning.run() is True
    assert 5 <= turning.answering.clock.time() - began < 6
    assert turning.platform.screen.texts == ["one"]


async def test_a_comment_and_its_forward_are_one_question_answered_by_the_comment(turning: Turns) -> None:
    """The reply goes to the person's own words, whatever comes last."""
    turning.build("one")
    comment = turning.chat.message("is this true?")
    await turning.receive(comment, turning.chat.message("news", forwarded_from=ForwardOrigin(channel="News")))
    assert await turning.run_all() == [Outcome.COMPLETE]
    assert len(turning.answering.model.requests) == 1


async def test_a_command_is_answered_beside_a_running_answer(turning: Turns) -> None:
    """Commands have a lane of their own and register no answer that could be stopped."""

    async def usage(command: Command) -> CommandReply:
        assert command.argument == "today"
        assert command.is_admin, "everybody is the admin of their direct chat"
        return CommandReply(text="42 tokens")

    turning.build(("One ", Delay(60), "two."), commands={CommandName.USAGE: usage})
    await turning.receive(turning.chat.message("count"))
    running = asyncio.create_task(turning.run())
    await turning.answering.clock.sleep(5)
    await turning.receive(turning.chat.command(CommandName.USAGE, "today"), lane=Lane.COMMANDS)
    assert await turning.run(Lane.COMMANDS) is True
    assert turning.platform.screen.texts[-1] == "42 tokens"
    assert len(turning.active_answers) == 1
    assert await running is True


async def test_the_reply_to_a_pressed_option_replaces_the_options(turning: Turns) -> None:
    """The message with the options shows what the press did."""

    async def model(command: Command) -> CommandReply:
        return CommandReply(
            text=f"model {command.argument or '?'}",
            options=(OptionButton(label="K2", action=RunCommand(command=CommandName.MODEL, argument="k2")),),
        )

    turning.build(commands={CommandName.MODEL: model})
    await turning.receive(turning.chat.command(CommandName.MODEL), lane=Lane.COMMANDS)
    await turning.run(Lane.COMMANDS)
    shown = turning.last_message
    await turning.receive(
        turning.chat.press(RunCommand(command=CommandName.MODEL, argument="k2"), shown.message_id),
        lane=Lane.COMMANDS,
    )
    await turning.run(Lane.COMMANDS)
    assert turning.platform.screen.texts == ["model k2"]


async def test_a_person_over_their_quota_is_told_once_a_day(turning: Turns) -> None:
    """The refused question ends with a notice; further ones of the day end silently."""
    turning.build("one", quotas=Quotas(person_messages=1))
    await turning.receive(*(turning.chat.message(f"question {number}") for number in range(3)))
    assert await turning.run_all() == [Outcome.COMPLETE, Outcome.NOTICE]
    first, notice = turning.platform.screen.texts
    assert first == "one"
    assert notice
    assert len(turning.answering.model.requests) == 1


async def test_a_person_of_the_team_is_offered_under_and_after_an_answer(turning: Turns) -> None:
    """Escalation adds its button to those of the answer, and hears how the answer ended."""
    turning.build("one")
    turning.escalation.below = (OptionButton(label="Talk to a person", action=RequestHuman()),)
    await turning.receive(turning.chat.message("first?"))
    await turning.run_all()
    assert len(turning.buttons) == 4
    assert turning.escalation.escalated == [Outcome.COMPLETE]


async def test_without_buttons_none_are_shown(turning: Turns) -> None:
    """A deployment that switched buttons off gets none, not even an offer's."""
    turning.build("one", show_buttons=False)
    turning.escalation.below = (OptionButton(label="Talk to a person", action=RequestHuman()),)
    await turning.receive(turning.chat.message("first?"))
    await turning.run_all()
    assert turning.buttons == []


async def test_a_predefined_answer_spares_kimi(turning: Turns) -> None:
    """The first way that has an answer gives it, and it becomes history as Kimi's would."""

    async def nothing(_: object) -> CommandReply | None:
        return None

    async def canned(_: object) -> CommandReply | None:
        return CommandReply(text="We open at nine.", outcome=Outcome.CANNED)

    turning.build(predefined_answers=(nothing, canned))
    await turning.receive(turning.chat.message("When do you open?"))
    assert await turning.run_all() == [Outcome.CANNED]
    assert (await turning.answering.conversation.messages())[-1] == ("assistant", "We open at nine.")
    assert turning.answering.model.requests == []


async def test_a_store_that_fails_leaves_the_turn_open(
    turning: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue tries again later; nothing was shown."""
    turning.build("one")
    await turning.receive(turning.chat.message("first?"))

    async def fail(*_: object, **__: object) -> None:
        raise StoreUnavailable("down")

    with monkeypatch.context() as patched:
        patched.setattr(inbox, "set_status", fail)
        with pytest.raises(StoreUnavailable):
            await turning.run()
    assert len(await turning.open_items()) == 1
    assert await turning.run_all() == [Outcome.COMPLETE]
    assert turning.platform.screen.texts == ["one"]


async def test_references_are_stored_once_the_database_is_back(
    turning: Turns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was posted is not forgotten for a short outage of the store."""
    turning.build("one")
    await turning.receive(turning.chat.message("first?"))
    save_refs, failures = turns.save_refs, [StoreUnavailable("down")] * 3

    async def flaky(*given: object) -> None:
        if failures:
            raise failures.pop()
        await save_refs(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(turns, "save_refs", flaky)
    assert await turning.run_all() == [Outcome.COMPLETE]
    assert failures == []
    assert await turning.turn_of(turning.last_message.message_id) is not None


@pytest.mark.parametrize(
    ("outcome", "buttons"),
    [
        (Outcome.COMPLETE, UNDER_ANSWERS),
        (Outcome.LENGTH_LIMIT, [ActionButton.CONTINUE, *UNDER_ANSWERS]),
        (Outcome.NOTICE, []),
        (Outcome.STOPPED, [ActionButton.RETRY]),
        (KimiFailure("overloaded"), [ActionButton.RETRY]),
    ],
)
def test_buttons_follow_from_the_outcome(outcome: Outcome | KimiFailure, buttons: list[ActionButton]) -> None:
    """Only a whole answer can be rated, only a cut one continued."""
    assert list(buttons_for(outcome)) == buttons
