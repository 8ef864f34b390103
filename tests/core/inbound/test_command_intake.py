"""Commands and buttons at intake: who may give them, and what they do to the running answer at once."""

import pytest

from core.access import AccessLists
from core.domain.buttons import ActionButton, RunCommand
from core.domain.command_names import CommandName
from core.domain.events import Mention, MessageReceived
from core.domain.queue import Lane
from core.domain.turn_states import CancelReason, Outcome
from core.store import conversation_settings, schema
from core.store.conversation_settings import START_PAYLOAD
from core.store.conversations import Conversation
from tests.core.inbound.conftest import Inbound
from tests.event_builders import ANN, BOB, Chat, direct_chat, group_chat, reply_to, slack_channel

pytestmark = pytest.mark.virtual_time


async def asked(inbound: Inbound, chat: Chat, text: str = "Why?") -> tuple[MessageReceived, Conversation]:
    """Let Ann ask something; return the question and its conversation."""
    mention = None if chat.threads_by_reply is chat.threaded is False else Mention.BY_NAME
    question = chat.message(text, mention=mention)
    await inbound.ingest(question)
    conversation = await inbound.conversation(chat, question.address.key.thread)
    assert conversation is not None
    return question, conversation


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (CommandName.STOP, CancelReason.STOP),
        (CommandName.NEW, CancelReason.NEW),
        (CommandName.RETRY, CancelReason.RETRY),
    ],
)
async def test_a_command_that_ends_the_answer_cancels_it_at_once(
    inbound: Inbound, command: CommandName, reason: CancelReason
) -> None:
    """The running answer is cancelled in the transaction that stores the command, and told why."""
    chat = direct_chat()
    _, conversation = await asked(inbound, chat)
    _, answer = await inbound.begin_answer(conversation)
    assert await inbound.ingest(chat.command(command))
    assert answer.cancel_reason is reason


async def test_stop_needs_no_reply_of_its_own(inbound: Inbound) -> None:
    """The stopped answer says that it was stopped; only without one the command is worked on."""
    chat = direct_chat()
    _, conversation = await asked(inbound, chat)
    await inbound.begin_answer(conversation)
    await inbound.ingest(chat.command(CommandName.STOP))
    assert await inbound.open_events(Lane.COMMANDS) == []


async def test_stop_without_a_running_answer_is_answered(inbound: Inbound) -> None:
    """A typed /stop is told that nothing runs; a late press of the button, maybe its second, is not."""
    chat = direct_chat()
    _, conversation = await asked(inbound, chat)
    turn = await inbound.answer(conversation, "Because.")
    await inbound.ingest(chat.press(ActionButton.STOP, f"A{turn.id}"))
    assert await inbound.open_events(Lane.COMMANDS) == []
    stop = chat.command(CommandName.STOP)
    await inbound.ingest(stop)
    assert await inbound.open_events(Lane.COMMANDS) == [stop]


async def test_new_clears_the_history_and_drops_waiting_questions(inbound: Inbound) -> None:
    """What was asked before /new is neither answered nor shown to Kimi any more."""
    chat = direct_chat()
    _, conversation = await asked(inbound, chat, "one")
    await inbound.ingest(chat.message("two"))
    await inbound.begin_answer(conversation)
    await inbound.ingest(chat.command(CommandName.NEW))
    cleared = await inbound.conversation(chat)
    assert cleared is not None
    assert cleared.history_cutoff_seq > 0
    assert await inbound.open_texts() == ["one"]  # its answer runs, and is cancelled


async def test_retry_waits_its_turn_behind_open_questions(inbound: Inbound) -> None:
    """A retry asks Kimi, so it keeps the order of the conversation's questions."""
    chat = direct_chat()
    await asked(inbound, chat, "one")
    retry = chat.command(CommandName.RETRY)
    await inbound.ingest(retry)
    assert (await inbound.open_events())[-1] == retry


@pytest.mark.parametrize("action", [ActionButton.RETRY, ActionButton.CONTINUE])
async def test_a_button_under_an_answer_asks_again(inbound: Inbound, action: ActionButton) -> None:
    """Retry and Continue are queued with the questions of the conversation that the message is of."""
    chat = direct_chat()
    _, conversation = await asked(inbound, chat)
    turn = await inbound.answer(conversation, "Because.", outcome=Outcome.LENGTH_LIMIT)
    press = chat.press(action, f"A{turn.id}")
    assert await inbound.ingest(press)
    assert await inbound.open_events() == [press]


async def test_only_the_asker_stops_and_retries_in_a_group(inbound: Inbound) -> None:
    """In a group nobody else may end or repeat a person's answer, but an admin may (we chose)."""
    chat = slack_channel()
    question, conversation = await asked(inbound, chat)
    _, answer = await inbound.begin_answer(conversation)
    thread = question.address.key.thread
    await inbound.ingest(chat.command(CommandName.STOP, author=BOB, thread=thread))
    assert answer.cancel_reason is None
    inbound.configure(access=AccessLists(admins=frozenset({f"slack:{BOB.id}"})))
    await inbound.ingest(chat.command(CommandName.STOP, author=BOB, thread=thread))
    assert answer.cancel_reason is CancelReason.STOP


async def test_only_a_participant_clears_the_history_in_a_group(inbound: Inbound) -> None:
    """A passer-by cannot make the bot forget a conversation of others."""
    chat = slack_channel()
    question, _ = await asked(inbound, chat)
    thread = question.address.key.thread
    await inbound.ingest(chat.command(CommandName.NEW, author=BOB, thread=thread))
    assert await inbound.open_texts() == ["Why?"]
    await inbound.ingest(chat.command(CommandName.NEW, author=ANN, thread=thread))
    assert await inbound.open_texts() == []


async def test_a_command_outside_a_thread_concerns_the_askers_latest_conversation(inbound: Inbound) -> None:
    """/retry at the top level of a Slack channel repeats the person's own last question there."""
    chat = slack_channel()
    _, first = await asked(inbound, chat, "one")
    await inbound.answer(first, "1")
    _, second = await asked(inbound, chat, "two")
    await inbound.answer(second, "2")
    await inbound.ingest(chat.command(CommandName.RETRY))
    assert inbound.woken[-1].conversation_id == second.id


async def test_a_reply_with_a_command_concerns_that_conversation(inbound: Inbound) -> None:
    """In a Telegram group a reply says which conversation a command is for."""
    chat = group_chat()
    question, first = await asked(inbound, chat, "one")
    await inbound.answer(first, "1")
    _, second = await asked(inbound, chat, "two")
    await inbound.answer(second, "2")
    await inbound.ingest(chat.command(CommandName.RETRY, quoted=reply_to(question)))
    assert inbound.woken[-1].conversation_id == first.id


async def test_an_option_is_worked_on_beside_the_running_answer(inbound: Inbound) -> None:
    """A pressed option does not wait for the answers of the conversation."""
    chat = direct_chat()
    action = RunCommand(command=CommandName.MODEL, argument="kimi-k3")
    await inbound.show_menu(chat.command(CommandName.MODEL), "menu", action)
    _, conversation = await asked(inbound, chat)
    await inbound.begin_answer(conversation)
    press = chat.press(action, "menu")
    assert await inbound.ingest(press)
    assert await inbound.open_events(Lane.COMMANDS) == [press]


async def test_feedback_is_stored_with_its_answer(inbound: Inbound) -> None:
    """A verdict counts once a person; a second press replaces it."""
    chat = direct_chat()
    _, conversation = await asked(inbound, chat)
    turn = await inbound.answer(conversation, "Because.")
    assert await inbound.ingest(chat.press(ActionButton.GOOD, f"A{turn.id}"))
    assert await inbound.ingest(chat.press(ActionButton.BAD, f"A{turn.id}"))
    async with inbound.database.read() as tx:
        rows = (await tx.execute(schema.feedback.select())).all()
    assert [(row.turn_id, row.person_id, row.verdict) for row in rows] == [(turn.id, ANN.id, "bad")]


async def test_a_button_under_an_unknown_message_is_skipped(inbound: Inbound) -> None:
    """A press whose conversation is gone is recorded and does nothing."""
    assert await inbound.ingest(direct_chat().press(ActionButton.RETRY, "gone"))
    assert inbound.woken == []


async def test_the_payload_of_a_deep_link_stays_with_the_conversation(inbound: Inbound) -> None:
    """Telegram sends ``/start ref_42`` for t.me/bot?start=ref_42; the team sees it on the ticket."""
    chat = direct_chat()
    await inbound.ingest(chat.command(CommandName.START, "ref_42"))
    await inbound.ingest(chat.command(CommandName.START))
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    async with inbound.database.read() as tx:
        settings = await conversation_settings.load(tx, conversation.id)
    assert settings[START_PAYLOAD] == "ref_42"
