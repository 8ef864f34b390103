"""Commands of customers and staff."""

from dataclasses import replace

import pytest

from core.domain.command_names import CommandName
from core.domain.events import Mention
from core.domain.handoff_state import HandoffReason, HandoffState, OutboxSide
from core.domain.queue import Lane
from tests.core.handoff.conftest import BO, DESK, LIN, Office, desk_chat
from tests.event_builders import ANN, BOB, direct_chat, group_chat, slack_channel

pytestmark = pytest.mark.virtual_time

STAFF = replace(BOB, id="77")  #: an admin on Telegram


async def test_human_requests_a_person(office: Office) -> None:
    """The command does what words do, in the language that the customer has written."""
    chat = direct_chat()
    await office.ingest(chat.message("杯子坏了怎么办？"))
    await office.answer(chat)
    await office.ingest(chat.command(CommandName.HUMAN))

    handoff = await office.handoff()
    assert (handoff.state, handoff.reason) == (HandoffState.WAITING, HandoffReason.CUSTOMER)
    assert handoff.language == "zh"
    assert "人工客服" in (await office.shown(OutboxSide.CUSTOMER))[0]


async def test_human_may_be_the_first_word(office: Office) -> None:
    """A customer who has never written to the bot can ask for a person all the same."""
    await office.ingest(direct_chat().command(CommandName.HUMAN))
    assert (await office.handoff()).state is HandoffState.WAITING


async def test_human_without_a_desk_is_left_to_the_command_itself(office: Office) -> None:
    """It then says that there is no desk."""
    office.configure(desk_room=None)
    await office.ingest(direct_chat().command(CommandName.HUMAN))
    assert await office.no_handoff()
    assert [key.lane for key in office.woken] == [Lane.COMMANDS]


async def test_human_again_tells_the_state(office: Office) -> None:
    """There is one handoff, and the customer learns that it waits or who has it."""
    chat = direct_chat()
    first, thread = await office.hand_off(chat)
    await office.ingest(chat.command(CommandName.HUMAN))
    await office.assign(thread)
    before = len(await office.items())

    await office.ingest(chat.command(CommandName.HUMAN))

    assert (await office.handoff()).id == first.id
    (told,) = await office.shown(OutboxSide.CUSTOMER, after=before)
    assert told.startswith("**Lin** has this in hand")


@pytest.mark.parametrize(
    ("command", "state"),
    [
        (CommandName.TAKE, HandoffState.STAFF),
        (CommandName.BACK, HandoffState.BOT),
        (CommandName.CLOSE, HandoffState.CLOSED),
    ],
)
async def test_staff_commands_at_the_desk(office: Office, command: CommandName, state: HandoffState) -> None:
    """Whoever is in the desk's room belongs to the team; the thread says which handoff is meant."""
    _, thread = await office.hand_off(direct_chat())
    await office.ingest(desk_chat().command(command, author=BO, thread=thread))
    assert (await office.handoff()).state is state


async def test_other_commands_at_the_desk_are_commands(office: Office) -> None:
    """The desk is a room like any other for everything else."""
    _, thread = await office.hand_off(direct_chat())
    office.woken.clear()
    await office.ingest(desk_chat().command(CommandName.HELP, author=LIN, thread=thread))
    assert [key.lane for key in office.woken] == [Lane.COMMANDS]


async def test_a_customer_cannot_close_their_handoff(office: Office) -> None:
    """Staff commands of others are passed on, to be refused by the command itself."""
    chat = direct_chat()
    await office.hand_off(chat)
    await office.ingest(chat.command(CommandName.CLOSE))
    assert (await office.handoff()).state is HandoffState.WAITING


async def test_staff_takes_a_conversation_in_the_customers_room(office: Office) -> None:
    """In a group an admin may answer there; the customer is who wrote last, and nothing is copied."""
    chat = group_chat()
    question = chat.message("@bot my cup is broken", mention=Mention.BY_NAME)
    await office.ingest(question)

    await office.ingest(chat.command(CommandName.TAKE, author=STAFF, thread=question.message_id))

    handoff = await office.handoff()
    assert (handoff.state, handoff.reason) == (HandoffState.STAFF, HandoffReason.STAFF)
    assert (handoff.customer.id, handoff.assignee.id) == (ANN.id, STAFF.id)
    assert handoff.desk_room.platform == ""
    assert await office.shown(OutboxSide.DESK) == []
    (told,) = await office.shown(OutboxSide.CUSTOMER)
    assert "is here now" in told


async def test_nobody_takes_a_direct_chat_or_somebody_elses_place(office: Office) -> None:
    """A direct chat has no room to share, and people who are not staff take nothing."""
    private, group = direct_chat(STAFF), group_chat()
    question = group.message("@bot my cup is broken", mention=Mention.BY_NAME)
    await office.ingest(private.message("hi", author=STAFF))
    await office.ingest(question)
    await office.ingest(private.command(CommandName.TAKE, author=STAFF))
    await office.ingest(group.command(CommandName.TAKE, author=BOB, thread=question.message_id))
    assert await office.no_handoff()


@pytest.mark.parametrize("command", [CommandName.RETRY, CommandName.STOP])
async def test_the_bot_stays_silent_in_a_handed_off_conversation(
    office: Office, command: CommandName
) -> None:
    """Commands that would make it speak there are skipped."""
    chat = direct_chat()
    await office.hand_off(chat)
    office.woken.clear()
    before = len(await office.items())
    await office.ingest(chat.command(command))
    assert office.woken == []
    assert await office.items(after=before) == []


async def test_a_request_from_elsewhere_in_a_room_is_answered_in_the_thread(office: Office) -> None:
    """Slack's slash commands come from no thread; the customer is answered where their conversation is."""
    chat = slack_channel()
    question = chat.message("@bot hi", mention=Mention.BY_NAME)
    await office.ingest(question)
    await office.answer(chat, thread=question.message_id)
    command = chat.command(CommandName.HUMAN)
    await office.ingest(replace(command, address=replace(command.address, key=chat.key())))
    handoff = await office.handoff()
    assert handoff.address.key.thread == question.message_id
    assert handoff.desk_room == DESK
