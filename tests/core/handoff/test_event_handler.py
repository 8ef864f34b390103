"""Messages, edits and deletions that concern a handoff."""

from dataclasses import replace

import pytest

from core.chat_policy import ChatRules
from core.domain.addresses import Person
from core.domain.events import Mention
from core.domain.handoff_state import (
    HandoffAction,
    HandoffReason,
    HandoffState,
    OutboxKind,
    OutboxSide,
    OutboxState,
)
from core.domain.message_content import UnsupportedContent
from core.domain.queue import Lane
from core.domain.turn_states import CancelReason
from core.store import rules
from core.store.handoffs import DeskRoom
from tests.core.handoff.conftest import DESK, LIN, Office, desk_chat_message
from tests.event_builders import ANN, BOB, direct_chat, group_chat, picture, slack_channel

pytestmark = pytest.mark.virtual_time


async def test_words_that_ask_for_a_person_start_a_handoff(office: Office) -> None:
    """The desk gets a ticket, the customer a confirmation, and Kimi is not asked."""
    await office.ingest(direct_chat().message("I want to talk to a human"))

    handoff = await office.handoff()
    assert (handoff.state, handoff.reason) == (HandoffState.WAITING, HandoffReason.PHRASE)
    assert (handoff.customer.id, handoff.desk_room) == (ANN.id, DESK)
    assert await office.shown(OutboxSide.DESK) == ["<ticket>"]
    (told,) = await office.shown(OutboxSide.CUSTOMER)
    assert "I have asked our team" in told
    assert await office.questions() == []
    assert [key.lane for key in office.woken] == [Lane.HANDOFF]


async def test_a_handoff_ends_the_running_answer_and_open_questions(office: Office) -> None:
    """We chose that the bot falls silent at once; what was asked before is in the history for people."""
    chat = direct_chat()
    await office.ingest(chat.message("How do I return a cup?"))
    answer = await office.begin_answer(await office.conversation(chat.key()))
    await office.ingest(chat.message("And a plate?"))

    await office.ingest(chat.message("Let me speak to a real person"))

    assert answer.cancel_reason is CancelReason.INTERRUPT
    assert [getattr(event, "text", "") for event in await office.questions()] == ["How do I return a cup?"]
    assert await office.history() == [
        "How do I return a cup?",
        "And a plate?",
        "Let me speak to a real person",
    ]


async def test_without_a_desk_the_words_are_a_question(office: Office) -> None:
    """Nobody would come, so Kimi answers."""
    office.configure(desk_room=None)
    await office.ingest(direct_chat().message("I want to talk to a human"))
    assert await office.no_handoff()
    assert len(await office.questions()) == 1


async def test_the_desk_itself_hands_nothing_off(office: Office) -> None:
    """What the team says to each other in its room is no request of a customer."""
    desk = slack_channel()
    desk.channel = DESK.channel
    await office.ingest(desk.message("@bot I want to talk to a human", author=LIN, mention=Mention.BY_NAME))
    assert await office.no_handoff()


async def test_people_who_talk_to_each_other_request_nobody(office: Office) -> None:
    """In a group the words count if they address the bot, or follow up alone with it."""
    chat = slack_channel()
    await office.ingest(chat.message("I want to talk to a human", author=BOB))
    assert await office.no_handoff()

    question = chat.message("@bot hi", mention=Mention.BY_NAME)
    await office.ingest(question)
    await office.ingest(chat.message("I want to talk to a human", thread=question.message_id))
    assert (await office.handoff()).customer.id == ANN.id


@pytest.mark.parametrize(("author", "starts"), [(ANN, True), (replace(BOB, id="77"), False)])
async def test_a_keyword_of_the_rules_requests_a_person_for_customers(
    office: Office, author: Person, starts: bool
) -> None:
    """Admins choose the words; staff that uses them talks about customers."""
    chat = group_chat()
    async with office.database.begin() as tx:
        words = ChatRules(handover_words=("complaint",))
        await rules.save(tx, words, platform="telegram", tenant="", channel=chat.channel, changed_by="77")
    await office.ingest(chat.message("This is a complaint", author=author))
    assert await office.no_handoff() is not starts
    if starts:
        assert (await office.handoff()).reason is HandoffReason.KEYWORD


async def test_a_customers_message_goes_to_the_desk_and_not_to_kimi(office: Office) -> None:
    """The copy has the customer's name, and files follow; the history has the message as any other."""
    chat = direct_chat()
    await office.hand_off(chat)
    before = len(await office.items())

    await office.ingest(chat.message("My cup is broken", attachments=(picture("cup.jpg"),)))

    assert await office.shown(OutboxSide.DESK, after=before) == ["**Ann:** My cup is broken", "<file>"]
    assert await office.questions() == []
    assert (await office.history())[-1].startswith("My cup is broken")


async def test_content_that_cannot_be_relayed_is_named(office: Office) -> None:
    """Staff learns that something came, and of what kind."""
    chat = direct_chat()
    await office.hand_off(chat)
    before = len(await office.items())
    await office.ingest(chat.message("", unsupported_content=UnsupportedContent.VOICE))
    (told,) = await office.shown(OutboxSide.DESK, after=before)
    assert "voice" in told


async def test_a_staff_message_goes_to_the_customer_and_assigns_the_handoff(office: Office) -> None:
    """Whoever answers first has taken it; Kimi later reads the words as an answer."""
    _, thread = await office.hand_off(direct_chat())
    before = len(await office.items())

    await office.ingest(desk_chat_message(thread, "Send it back, please.", LIN))

    handoff = await office.handoff()
    assert (handoff.state, handoff.assignee.id) == (HandoffState.STAFF, LIN.id)
    assert not handoff.customer_waiting
    assert await office.shown(OutboxSide.CUSTOMER, after=before) == ["**Lin:** Send it back, please."]
    assert (await office.shown(OutboxSide.DESK, after=before))[0] == "<ticket>"
    assert (await office.history())[-1] == "Send it back, please."


async def test_staff_stays_nameless_if_the_policy_says_so(office: Office) -> None:
    """Some teams answer as a team."""
    office.configure(show_staff_names=False)
    _, thread = await office.hand_off(direct_chat())
    before = len(await office.items())
    await office.assign(thread)
    assert await office.shown(OutboxSide.CUSTOMER, after=before) == ["Hello, I am here."]


@pytest.mark.parametrize("note", ["// he is angry", "  // he is angry", "//he is angry"])
async def test_a_note_reaches_no_customer(office: Office, note: str) -> None:
    """An internal word that reaches a customer is the worst fault of a desk."""
    _, thread = await office.hand_off(direct_chat())
    before = len(await office.items())
    await office.ingest(desk_chat_message(thread, note, LIN))
    assert await office.items(after=before) == []
    assert (await office.handoff()).state is HandoffState.WAITING


async def test_an_edit_changes_the_copy(office: Office) -> None:
    """Both directions, each with the name that the copy has."""
    chat = direct_chat()
    _, thread = await office.hand_off(chat)
    asked, said = chat.message("My cup is brocken"), desk_chat_message(thread, "Sent it back.", LIN)
    await office.ingest(asked)
    await office.ingest(said)
    before = len(await office.items())

    await office.ingest(chat.edit(asked, "My cup is broken"))
    desk = slack_channel()
    await office.ingest(desk.edit(said, "Send it back."))

    first, second = await office.items(after=before)
    assert (first.kind, first.side, first.content.text) == (
        OutboxKind.EDIT,
        OutboxSide.DESK,
        "**Ann:** My cup is broken",
    )
    assert (second.kind, second.side, second.content.text) == (
        OutboxKind.EDIT,
        OutboxSide.CUSTOMER,
        "**Lin:** Send it back.",
    )
    assert (await office.history())[-2:] == ["My cup is broken", "Send it back."]


async def test_an_edit_into_a_note_takes_the_copy_away(office: Office) -> None:
    """Staff hides what it should not have said, files included; unsent copies are never sent."""
    _, thread = await office.hand_off(direct_chat())
    said = replace(desk_chat_message(thread, "He is angry.", LIN), attachments=(picture(),))
    await office.ingest(said)
    before = len(await office.items())
    await office.ingest(slack_channel().edit(said, "// He is angry."))
    assert await office.shown(OutboxSide.CUSTOMER, after=before) == []
    copies = [one.state for one in await office.items() if one.content.withdrawn]
    assert copies == [OutboxState.CANCELLED, OutboxState.CANCELLED]
    assert "taken back" in (await office.shown(OutboxSide.DESK))[-1]
    assert "He is angry." not in "".join(await office.history())


async def test_a_deletion_takes_the_copy_and_the_words_away(office: Office) -> None:
    """Slack tells of deletions; the other side and Kimi forget the message."""
    _, thread = await office.hand_off(direct_chat())
    said = desk_chat_message(thread, "Wrong window, sorry.", LIN)
    await office.ingest(said)
    before = len(await office.items())
    await office.ingest(slack_channel().delete(said))
    assert await office.shown(OutboxSide.CUSTOMER, after=before) == []
    assert [one.state for one in await office.items() if one.content.withdrawn] == [OutboxState.CANCELLED]
    assert "Wrong window, sorry." not in await office.history()


async def test_an_edited_question_from_before_is_not_answered_again(office: Office) -> None:
    """The history gets the new words; people answer now."""
    chat = direct_chat()
    question = chat.message("How do I return a cupp?")
    await office.ingest(question)
    await office.answer(chat)
    await office.hand_off(chat)
    before = len(await office.items())

    await office.ingest(chat.edit(question, "How do I return a cup?"))

    assert (await office.history())[0] == "How do I return a cup?"
    assert await office.items(after=before) == []
    assert await office.questions() == []


async def test_staff_may_answer_in_the_customers_own_room(office: Office) -> None:
    """An admin who writes in the group answers there; nothing is copied, and the customer waits no more."""
    chat = group_chat()
    question = chat.message("@bot I want to talk to a human", mention=Mention.BY_NAME)
    await office.ingest(question)
    await office.open_ticket()
    before = len(await office.items())
    staff = replace(BOB, id="77")

    await office.ingest(chat.message("I am here", author=staff, thread=question.message_id))

    assert not (await office.handoff()).customer_waiting
    assert await office.items(after=before) == []


async def test_a_message_to_an_ended_handoff_is_reported(office: Office) -> None:
    """Staff must not believe that the customer read it."""
    handoff, thread = await office.hand_off(direct_chat())
    async with office.database.begin() as tx:
        await office.service.apply_action(tx, handoff, HandoffAction.CLOSE, LIN, inbox_id=1)
    before = len(await office.items())
    await office.ingest(desk_chat_message(thread, "One more thing", LIN))
    assert await office.shown(OutboxSide.CUSTOMER, after=before) == []
    (told,) = await office.shown(OutboxSide.DESK, after=before)
    assert "was not sent" in told


async def test_a_migrated_desk_is_followed(office: Office) -> None:
    """Telegram gives a group a new id when it becomes a supergroup; the desk keeps its threads."""
    office.configure(desk_room=DeskRoom(platform="telegram", channel="-900"))
    await office.hand_off(direct_chat())
    desk = group_chat()
    desk.channel = "-900"
    await office.ingest(desk.migrate("-100900"))
    assert (await office.handoff()).desk_room.channel == "-100900"


async def test_a_redelivered_message_is_relayed_once(office: Office) -> None:
    """Both platforms deliver events again that they did not see acknowledged."""
    chat = direct_chat()
    await office.hand_off(chat)
    message = chat.message("Hello?")
    await office.ingest(message)
    before = len(await office.items())
    assert not await office.ingest(message)
    assert await office.items(after=before) == []


async def test_a_message_beside_the_threads_gets_a_hint_once_a_day(office: Office) -> None:
    """Who writes in the desk's room instead of a ticket's thread learns that no customer reads it."""
    await office.hand_off(direct_chat())
    before = len(await office.items())
    desk = slack_channel()
    desk.channel = DESK.channel
    await office.ingest(desk.message("Ann, your parcel left today", author=LIN))
    await office.ingest(desk.message("and it is blue", author=LIN))
    await office.ingest(desk.message("@bot hi", author=BOB, mention=Mention.BY_NAME))
    (hint,) = await office.items(after=before)
    assert "Customers do not see what is written here" in hint.content.text
    assert hint.content.address is not None
    assert hint.content.address.key.channel == DESK.channel


async def test_without_a_waiting_customer_the_desk_talks_undisturbed(office: Office) -> None:
    """Nobody could have been meant."""
    desk = slack_channel()
    desk.channel = DESK.channel
    await office.ingest(desk.message("Good morning", author=LIN))
    assert await office.items() == []


@pytest.mark.parametrize(("asks", "buttons"), [(True, 5), (False, 0)])
async def test_stars_are_asked_for_unless_the_deployment_says_no(
    office: Office, asks: bool, buttons: int
) -> None:
    """MOONTHREAD_DESK_RATING=off closes without asking."""
    office.configure(asks_rating=asks)
    _, thread = await office.hand_off(direct_chat())
    await office.assign(thread)
    await office.ingest(desk_chat_message(thread, "/close", LIN))
    assert len(await office.buttons()) == buttons
