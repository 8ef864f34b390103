"""Replies across a handoff: as replies where the platform shows them, as quotes elsewhere."""

from dataclasses import replace
from itertools import count

import pytest

from core.domain.events import Mention, MessageReceived
from core.domain.message_content import Attachment, AttachmentKind, ReplyContext
from tests.core.handoff.conftest import LIN, Screens, desk_chat_message
from tests.core.handoff.test_copies import on_telegram
from tests.event_builders import Chat, direct_chat, group_chat, picture

pytestmark = pytest.mark.virtual_time


def shown(screens: Screens, text: str) -> tuple[str, str]:
    """Return (id, id of the message that it replies to) of the last message with a text on Telegram."""
    found = [one for one in screens.telegram.screen.messages.values() if text in one.text]
    return found[-1].message_id, found[-1].reply_to


def replying(event: MessageReceived, message_id: str, *, by_bot: bool = True, **more: str) -> MessageReceived:
    """Return a message as a reply to another."""
    quoted = ReplyContext(message_id=message_id, by_bot=by_bot, author="Kimi" if by_bot else "Lin", **more)
    return replace(event, quoted=quoted)


async def two_questions(screens: Screens) -> tuple[Chat, Chat, str, MessageReceived, str]:
    """Let Lin ask two things at a Telegram desk; return the first one and its copy at the customer."""
    chat, desk, topic = await on_telegram(screens)
    first = desk.message("Is it the red one?", author=LIN, thread=topic)
    await screens.ingest(first)
    await screens.ingest(desk.message("Or the blue one?", author=LIN, thread=topic))
    await screens.settle()
    return chat, desk, topic, first, shown(screens, "the red one")[0]


async def test_a_customers_reply_is_a_reply_at_the_desk(screens: Screens) -> None:
    """Of two questions, the desk sees which one "yes" answers."""
    chat, _, _, first, copy_id = await two_questions(screens)
    await screens.ingest(replying(chat.message("yes, this one"), copy_id))
    await screens.settle()
    assert shown(screens, "yes, this one")[1] == first.message_id


async def test_a_chosen_part_stands_above_the_reply(screens: Screens) -> None:
    """Words that the customer picked from a message are quoted, besides the reply."""
    chat, _, _, first, copy_id = await two_questions(screens)
    await screens.ingest(replying(chat.message("this"), copy_id, selection="the red one"))
    await screens.settle()
    assert shown(screens, "> the red one\n\n**Ann:** this")[1] == first.message_id


async def test_staff_replies_to_the_customers_own_message(screens: Screens) -> None:
    """A reply to a copy at the desk is a reply to the original in the customer's chat."""
    chat, desk, topic = await on_telegram(screens)
    asked = chat.message("Where is my parcel?")
    await screens.ingest(asked)
    await screens.ingest(chat.message("And my letter?"))
    await screens.settle()
    copy_id, _ = shown(screens, "Where is my parcel?")
    await screens.ingest(replying(desk.message("On its way", author=LIN, thread=topic), copy_id))
    await screens.settle()
    assert shown(screens, "On its way")[1] == asked.message_id


async def test_a_reply_to_a_note_shows_nothing_of_it(screens: Screens) -> None:
    """A note has no counterpart at the customer, so that neither its words nor a reply reach them."""
    _, desk, topic = await on_telegram(screens)
    note = desk.message("// she is difficult", author=LIN, thread=topic)
    await screens.ingest(note)
    answer = desk.message("One moment please", author=LIN, thread=topic)
    await screens.ingest(replying(answer, note.message_id, by_bot=False, text="// she is difficult"))
    await screens.settle()
    assert shown(screens, "One moment please")[1] == ""
    customer = [one.text for one in screens.telegram.screen.messages.values() if one.channel == "1"]
    assert not any("difficult" in text for text in customer)


async def test_slack_gets_a_quote(screens: Screens) -> None:
    """In a thread of Slack no message is a reply to another one: the words are quoted, also after an edit."""
    chat = direct_chat()
    screens.model.replies = ["A summary."]
    await screens.ingest(chat.message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    await screens.ingest(desk_chat_message(thread, "Is it the red one?", LIN))
    await screens.ingest(desk_chat_message(thread, "Or the blue one?", LIN))
    await screens.settle()
    answer = replying(chat.message("yes, this one"), shown(screens, "the red one")[0])
    await screens.ingest(answer)
    await screens.ingest(chat.edit(answer, "yes, that one"))
    await screens.settle()
    assert screens.slack.screen.texts[-1] == "> **Lin:** Is it the red one?\n\n**Ann:** yes, that one"


async def test_a_reply_to_the_bots_answer_is_quoted(screens: Screens) -> None:
    """The desk sees few of the bot's messages, so that it reads which one is meant."""
    chat = direct_chat()
    screens.model.replies = ["A summary."]
    await screens.ingest(chat.message("I want to talk to a human"))
    await screens.ticket_thread()
    await screens.ingest(replying(chat.message("that is wrong"), "77", text="The tea costs 5 euros."))
    await screens.settle()
    assert screens.slack.screen.texts[-1] == (
        "**Ann:**\n\nThe bot wrote:\n> The tea costs 5 euros.\n\nthat is wrong"
    )


async def test_in_a_chain_of_replies_the_last_message_is_not_quoted(screens: Screens) -> None:
    """In a group without topics people reply to the bot to go on: only a reply further back is shown."""
    chat = replace(group_chat(), _ids=count(1_000))  # unlike those of the fake screen
    screens.model.replies = ["A summary."]
    await screens.ingest(chat.message("@bot I want to talk to a human", mention=Mention.BY_NAME))
    thread = await screens.ticket_thread()
    await screens.ingest(desk_chat_message(thread, "Is it the red one?", LIN))
    await screens.ingest(desk_chat_message(thread, "Or the blue one?", LIN))
    await screens.settle()
    await screens.ingest(replying(chat.message("the blue"), shown(screens, "the blue one")[0]))
    await screens.ingest(replying(chat.message("no, red"), shown(screens, "the red one")[0]))
    await screens.settle()
    assert screens.slack.screen.texts[-2:] == [
        "**Ann:** the blue",
        "> **Lin:** Is it the red one?\n\n**Ann:** no, red",
    ]


async def test_files_of_a_forwarded_message_come_along(screens: Screens) -> None:
    """What a Slack customer forwards is quoted in the message: its files are passed on with it."""
    invoice = Attachment(
        kind=AttachmentKind.FILE, name="invoice.pdf", media_type="application/pdf", size_bytes=3, source={}
    )
    screens.files |= {"invoice.pdf": b"PDF", "photo.jpg": b"JPEG"}
    chat, _, topic = await on_telegram(screens)
    forwarded = ReplyContext(message_id="1.2", author="Bob", text="It is due", attachments=(invoice,))
    await screens.ingest(chat.message("please look", quoted=forwarded, attachments=(picture(),)))
    await screens.settle()
    in_topic = [one for one in screens.telegram.screen.messages.values() if one.thread == topic]
    assert in_topic[-2].text == (
        "**Ann:**\n\nBob wrote:\n> It is due\n>\n> [attached: invoice.pdf]\n\nplease look"
    )
    assert [one.file for one in in_topic[-2:]] == [b"PDF", b"JPEG"]
