"""Buttons of customers and staff, and what forged presses come to."""

from dataclasses import replace

import pytest

from core.domain.bot_messages import MessageRef
from core.domain.buttons import (
    ActionButton,
    ChangeHandoff,
    CommentRating,
    RateHandoff,
    RequestHuman,
    SendDraft,
    SuggestReply,
)
from core.domain.events import Mention
from core.domain.handoff_state import HandoffAction, HandoffReason, HandoffState, OutboxKind, OutboxSide
from core.domain.queue import Lane
from core.handoff.policy import EscalationMode
from core.store import conversations, outbox, ratings
from core.store.outbox import OutboxContent
from tests.core.handoff.conftest import BO, LIN, Office, desk_chat, desk_chat_message
from tests.event_builders import ANN, BOB, Chat, direct_chat, slack_channel

pytestmark = pytest.mark.virtual_time


async def closed(office: Office, chat: Chat) -> int:
    """Hand a chat off, let Lin answer and close it; return the handoff's id, with its text shown."""
    handoff, thread = await office.hand_off(chat)
    await office.assign(thread)
    press = desk_chat().press(
        ChangeHandoff(handoff_id=handoff.id, action=HandoffAction.CLOSE), "ticket1", author=LIN
    )
    await office.ingest(press)
    asked = [item for item in await office.items() if item.content.choices][-1]
    async with office.database.begin() as tx:
        await outbox.update_shown(
            tx, asked.id, [MessageRef(channel=chat.channel, message_id="R1")], asked.content.text
        )
    return handoff.id


async def drafted(office: Office, chat: Chat) -> tuple[int, int]:
    """Hand a chat off and let Kimi draft a reply; return the handoff's and the item's ids."""
    handoff, _ = await office.hand_off(chat)
    async with office.database.begin() as tx:
        item_id = await outbox.enqueue(
            tx,
            conversation_id=handoff.conversation_id,
            handoff_id=handoff.id,
            inbox_id=1,
            kind=OutboxKind.TEXT,
            side=OutboxSide.DESK,
            content=OutboxContent(text="Kimi suggests: Send it back.", draft="Send it back."),
        )
        ref = MessageRef(channel=desk_chat().channel, message_id="D1")
        await outbox.update_shown(tx, item_id, [ref], "Kimi suggests: Send it back.")
    return handoff.id, item_id


async def test_the_button_under_an_answer_requests_a_person(office: Office) -> None:
    """It does what the command does."""
    chat = direct_chat()
    await office.ingest(chat.message("Hi"))
    answer = await office.answer(chat)
    await office.ingest(chat.press(RequestHuman(), answer))
    assert (await office.handoff()).reason is HandoffReason.CUSTOMER


async def test_a_press_under_an_unknown_message_has_no_effect(office: Office) -> None:
    """The conversation may have been forgotten since."""
    await office.ingest(direct_chat().press(RequestHuman(), "nobody knows"))
    assert await office.no_handoff()
    assert await office.items() == []


@pytest.mark.parametrize("mode", EscalationMode)
async def test_a_bad_verdict_offers_or_requests_a_person(office: Office, mode: EscalationMode) -> None:
    """The operator chooses which of the two."""
    office.configure(escalation_mode=mode)
    chat = direct_chat()
    await office.ingest(chat.message("Hi"))
    answer = await office.answer(chat)

    await office.ingest(chat.press(ActionButton.BAD, answer))

    (told,) = await office.shown(OutboxSide.CUSTOMER)
    assert await office.no_handoff() is (mode is EscalationMode.OFFER)
    if mode is EscalationMode.OFFER:
        assert [button.action for button in await office.buttons()] == [RequestHuman()]
        assert "Shall I get a person" in told
    else:
        assert (await office.handoff()).reason is HandoffReason.BAD_FEEDBACK


async def test_a_bad_verdict_without_a_desk_is_feedback_only(office: Office) -> None:
    """It is then handled as any other verdict."""
    office.configure(desk_room=None)
    chat = direct_chat()
    await office.ingest(chat.message("Hi"))
    await office.ingest(chat.press(ActionButton.BAD, await office.answer(chat)))
    assert await office.items() == []


@pytest.mark.parametrize("button", [ActionButton.RETRY, ActionButton.CONTINUE])
async def test_old_answers_start_nothing_in_a_handed_off_conversation(
    office: Office, button: ActionButton
) -> None:
    """Kimi must not answer while people do."""
    chat = direct_chat()
    await office.ingest(chat.message("Hi"))
    answer = await office.answer(chat)
    await office.hand_off(chat)
    await office.ingest(chat.press(button, answer))
    assert await office.questions() == []


@pytest.mark.parametrize(
    ("action", "state"),
    [
        (HandoffAction.ASSIGN, HandoffState.STAFF),
        (HandoffAction.RETURN_TO_BOT, HandoffState.BOT),
        (HandoffAction.CLOSE, HandoffState.CLOSED),
    ],
)
async def test_the_tickets_buttons_change_the_handoff(
    office: Office, action: HandoffAction, state: HandoffState
) -> None:
    """At the desk each of them acts on the ticket's handoff."""
    handoff, _ = await office.hand_off(direct_chat())
    await office.ingest(
        desk_chat().press(ChangeHandoff(handoff_id=handoff.id, action=action), "ticket1", author=LIN)
    )
    assert (await office.handoff()).state is state


async def test_another_members_press_makes_them_no_customer_of_the_conversation(office: Office) -> None:
    """We chose: only the person who asked is offered a person; the others of a channel ask for themselves."""
    chat = slack_channel()
    question = replace(chat.message("Hi"), mention=Mention.BY_NAME)
    await office.ingest(question)
    answer = await office.answer(chat, thread=question.address.key.thread)
    press = chat.press(RequestHuman(), answer, author=BOB, thread=question.address.key.thread)
    await office.ingest(press)
    bad = replace(press, action=ActionButton.BAD, delivery_id="bad")
    office.configure(escalation_mode=EscalationMode.REQUEST)
    await office.ingest(bad)
    assert await office.no_handoff()
    assert await office.items() == []

    await office.ingest(replace(press, author=ANN, delivery_id="own"))
    assert (await office.handoff()).customer.id == ANN.id


async def test_an_offer_of_a_person_is_for_the_one_who_got_it(office: Office) -> None:
    """The message that asks "Shall I get a person?" counts neither for others nor for other choices."""
    office.configure(escalation_mode=EscalationMode.OFFER)
    chat = direct_chat()
    await office.ingest(chat.message("Hi"))
    await office.ingest(chat.press(ActionButton.BAD, await office.answer(chat)))
    (offer,) = [item for item in await office.items() if item.content.choices]
    async with office.database.begin() as tx:
        ref = MessageRef(channel=chat.channel, message_id="O1")
        await outbox.update_shown(tx, offer.id, [ref], offer.content.text)
        await conversations.save_ref(tx, chat.key(), "O1", offer.conversation_id, None)

    await office.ingest(chat.press(RequestHuman(), "O1", author=BOB))
    await office.ingest(chat.press(RateHandoff(handoff_id=1, stars=5), "O1"))
    assert await office.no_handoff()

    await office.ingest(replace(chat.press(RequestHuman(), "O1"), delivery_id="own"))
    assert (await office.handoff()).customer.id == ANN.id


async def test_a_ticket_acts_on_its_own_handoff_only(office: Office) -> None:
    """Staff's buttons count on the ticket that shows them, not on another message of the desk."""
    first, _ = await office.hand_off(direct_chat())
    close = ChangeHandoff(handoff_id=first.id, action=HandoffAction.CLOSE)
    await office.ingest(desk_chat().press(close, "another message", author=LIN))
    await office.ingest(desk_chat().press(SuggestReply(handoff_id=first.id), "another message", author=LIN))
    assert (await office.handoff()).state is HandoffState.WAITING
    assert await office.shown(OutboxSide.DESK) == ["<ticket>"]


async def test_stars_and_comments_count_on_the_message_that_asks_for_them(office: Office) -> None:
    """A press under another message, of a second star, or of a comment before the stars, changes nothing."""
    chat = direct_chat()
    handoff_id = await closed(office, chat)
    await office.ingest(chat.press(RateHandoff(handoff_id=handoff_id, stars=5), "another"))
    await office.ingest(chat.press(CommentRating(handoff_id=handoff_id), "R1"))
    async with office.database.read() as tx:
        assert await ratings.get(tx, handoff_id) is None


async def test_a_draft_is_sent_by_its_own_message_only(office: Office) -> None:
    """A press on another message of the desk sends nothing to the customer."""
    _, item_id = await drafted(office, direct_chat())
    before = len(await office.items())
    await office.ingest(desk_chat().press(SendDraft(item_id=item_id), "ticket1", author=LIN))
    assert await office.items(after=before) == []


async def test_a_forged_action_from_another_room_has_no_effect(office: Office) -> None:
    """A changed client can press any data; only a press in the desk's room counts."""
    handoff, _ = await office.hand_off(direct_chat())
    close = ChangeHandoff(handoff_id=handoff.id, action=HandoffAction.CLOSE)
    await office.ingest(slack_channel().press(close, "ticket1", author=BOB))
    await office.ingest(direct_chat().press(close, "ticket1"))
    await office.ingest(
        desk_chat().press(ChangeHandoff(handoff_id=99, action=HandoffAction.CLOSE), "ticket1", author=LIN)
    )
    assert (await office.handoff()).state is HandoffState.WAITING


async def test_a_rating_thanks_and_shows_in_the_ticket(office: Office) -> None:
    """The message with the stars becomes the thanks, with a button for a comment."""
    chat = direct_chat()
    handoff_id = await closed(office, chat)
    before = len(await office.items())

    await office.ingest(chat.press(RateHandoff(handoff_id=handoff_id, stars=4), "R1"))

    edit, ticket = await office.items(after=before)
    assert (edit.kind, edit.side) == (OutboxKind.EDIT, OutboxSide.CUSTOMER)
    assert "★★★★" in edit.content.text
    assert [button.action for button in edit.content.choices] == [CommentRating(handoff_id=handoff_id)]
    assert ticket.kind is OutboxKind.TICKET
    async with office.database.read() as tx:
        assert await ratings.get(tx, handoff_id) == (4, "")


async def test_only_the_first_rating_of_the_customer_counts(office: Office) -> None:
    """Neither others, nor other rooms, nor a second press change it."""
    chat = direct_chat()
    handoff_id = await closed(office, chat)
    bad = RateHandoff(handoff_id=handoff_id, stars=1)
    await office.ingest(chat.press(bad, "R1", author=BOB))
    await office.ingest(slack_channel().press(bad, "R1"))
    await office.ingest(chat.press(RateHandoff(handoff_id=handoff_id, stars=5), "R1"))
    await office.ingest(chat.press(bad, "R1"))
    async with office.database.read() as tx:
        assert await ratings.get(tx, handoff_id) == (5, "")


async def test_a_comment_is_the_next_message(office: Office) -> None:
    """It goes to the team and not to Kimi; the message after it is a question again."""
    chat = direct_chat()
    handoff_id = await closed(office, chat)
    await office.ingest(chat.press(RateHandoff(handoff_id=handoff_id, stars=5), "R1"))
    await office.ingest(chat.press(CommentRating(handoff_id=handoff_id), "R1"))
    before = len(await office.items())

    await office.ingest(chat.message("Very kind!"))
    await office.ingest(chat.message("What is tea?"))

    async with office.database.read() as tx:
        assert await ratings.get(tx, handoff_id) == (5, "Very kind!")
    (thanks,) = await office.shown(OutboxSide.CUSTOMER, after=before)
    assert "passed that on" in thanks
    assert await office.shown(OutboxSide.DESK, after=before) == ["<ticket>"]
    assert [getattr(event, "text", "") for event in await office.questions()] == ["What is tea?"]


async def test_a_remark_after_the_stars_is_a_comment(office: Office) -> None:
    """Typed without a press of the button, it goes to the team all the same; a question is a question."""
    chat = direct_chat()
    handoff_id = await closed(office, chat)
    await office.ingest(chat.press(RateHandoff(handoff_id=handoff_id, stars=5), "R1"))
    await office.ingest(chat.message("谢谢，请问这茶怎么泡？"))
    await office.ingest(chat.message("Very kind, thanks!"))
    await office.ingest(chat.message("Very kind, thanks again!"))
    async with office.database.read() as tx:
        assert await ratings.get(tx, handoff_id) == (5, "Very kind, thanks!")
    asked = [getattr(event, "text", "") for event in await office.questions()]
    assert asked == ["谢谢，请问这茶怎么泡？", "Very kind, thanks again!"]


async def test_an_active_handoff_cannot_be_rated(office: Office) -> None:
    """A forged press before the end has no effect."""
    chat = direct_chat()
    handoff, _ = await office.hand_off(chat)
    await office.ingest(chat.press(RateHandoff(handoff_id=handoff.id, stars=1), "R1"))
    async with office.database.read() as tx:
        assert await ratings.get(tx, handoff.id) is None


async def test_a_draft_is_requested_beside_the_relay(office: Office) -> None:
    """Kimi takes a while; messages between customer and staff do not wait for it."""
    handoff, _ = await office.hand_off(direct_chat())
    office.woken.clear()
    before = len(await office.items())
    await office.ingest(desk_chat().press(SuggestReply(handoff_id=handoff.id), "ticket1", author=LIN))
    assert [key.lane for key in office.woken] == [Lane.AI_ASSIST]
    assert await office.shown(OutboxSide.DESK, after=before) == ["<draft>"]


async def test_an_ended_handoff_gets_no_draft(office: Office) -> None:
    """There is nobody to send it to."""
    chat = direct_chat()
    handoff_id = await closed(office, chat)
    before = len(await office.items())
    await office.ingest(desk_chat().press(SuggestReply(handoff_id=handoff_id), "ticket1", author=LIN))
    assert await office.items(after=before) == []


async def test_a_draft_is_sent_once_in_the_name_of_the_first_who_presses(office: Office) -> None:
    """Two colleagues press at the same time; the customer gets one message, and Kimi reads it later."""
    handoff_id, item_id = await drafted(office, direct_chat())
    before = len(await office.items())

    await office.ingest(desk_chat().press(SendDraft(item_id=item_id), "D1", author=LIN))
    await office.ingest(
        replace(desk_chat().press(SendDraft(item_id=item_id), "D1", author=BO), delivery_id="b")
    )

    assert await office.shown(OutboxSide.CUSTOMER, after=before) == ["**Lin:** Send it back."]
    edits = [item for item in await office.items(after=before) if item.kind is OutboxKind.EDIT]
    assert [edit.content.of for edit in edits] == [item_id]
    handoff = await office.handoff()
    assert (handoff.id, handoff.assignee.id) == (handoff_id, LIN.id)
    assert (await office.history())[-1] == "Send it back."


async def test_a_draft_cannot_be_sent_from_another_room(office: Office) -> None:
    """A customer who forges the press sends nothing in the team's name."""
    chat = direct_chat()
    _, item_id = await drafted(office, chat)
    before = len(await office.items())
    await office.ingest(chat.press(SendDraft(item_id=item_id), "D1", author=ANN))
    await office.ingest(desk_chat().press(SendDraft(item_id=999), "D1", author=LIN))
    assert await office.items(after=before) == []


async def test_a_draft_for_an_ended_handoff_is_reported(office: Office) -> None:
    """The person who pressed learns that the customer got nothing."""
    handoff_id, item_id = await drafted(office, direct_chat())
    await office.ingest(
        desk_chat().press(
            ChangeHandoff(handoff_id=handoff_id, action=HandoffAction.RETURN_TO_BOT), "ticket1", author=LIN
        )
    )
    before = len(await office.items())
    press = desk_chat().press(SendDraft(item_id=item_id), "D1", author=LIN)
    await office.ingest(replace(press, delivery_id="late"))
    assert await office.shown(OutboxSide.CUSTOMER, after=before) == []
    (told,) = await office.shown(OutboxSide.DESK, after=before)
    assert "was not sent" in told


async def test_a_message_after_the_end_is_the_bots_again(office: Office) -> None:
    """A handoff that is closed leaves the conversation to the bot."""
    chat = direct_chat()
    await closed(office, chat)
    await office.ingest(chat.message("What is tea?"))
    assert len(await office.questions()) == 1
    await office.ingest(desk_chat_message("ticket1", "still there?", LIN))
