"""What the team writes for itself, or to the bot, never shows on a customer's screen."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.domain.events import Mention, MessageReceived
from core.domain.handoff_state import HandoffState
from core.domain.message_content import UnsupportedContent
from core.handoff.staff_text import SendMode
from tests.core.handoff.conftest import BO, LIN, Screens, desk_chat_message
from tests.core.handoff.test_staff_text import NOTES
from tests.event_builders import direct_chat, picture, slack_channel

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def thread(screens: Screens) -> str:
    """The thread of a ticket that Lin has taken; pictures named "1.jpg" to "3.jpg" exist."""
    screens.files |= {f"{number}.jpg": b"JPEG" for number in (1, 2, 3)}
    screens.model.replies = ["A summary."]
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    return await screens.ticket_thread()


def album(thread: str, captions: Sequence[str]) -> list[MessageReceived]:
    """Return an album's messages, each with a picture, in the order in which Telegram delivers them."""
    return [
        replace(
            desk_chat_message(thread, caption, LIN),
            attachments=(picture(f"{number}.jpg"),),
            media_group_id="C9:album",
        )
        for number, caption in enumerate(captions, 1)
    ]


async def test_a_note_in_any_form_changes_nothing_at_the_customer(screens: Screens, thread: str) -> None:
    """The mark may be written with any keyboard and in any format."""
    before = screens.telegram.screen.texts
    for text in NOTES:
        await screens.ingest(desk_chat_message(thread, text, LIN))
    await screens.settle()
    assert screens.telegram.screen.texts == before
    assert (await screens.handoff()).state is HandoffState.WAITING, "a note is no answer"


@pytest.mark.parametrize(
    "captions",
    [
        ["// the customer's ID card, do not send", "", ""],
        ["", "／／ do not send", ""],
        ["", "", "**// do not send**"],
        ["Look at this", "", "// do not send"],
    ],
)
async def test_a_note_on_any_part_of_an_album_keeps_all_of_it(
    screens: Screens, thread: str, captions: list[str]
) -> None:
    """Telegram puts an album's caption on one of its messages; we wait for the rest before we send any."""
    before = len(screens.telegram.screen.messages)
    for part in album(thread, captions):
        await screens.ingest(part)
        await screens.clock.sleep(0.4)
    await screens.settle()
    assert len(screens.telegram.screen.messages) == before


async def test_a_note_on_an_album_that_was_sent_takes_it_back(screens: Screens, thread: str) -> None:
    """Known limit: Telegram does not say how many parts an album has, so a late part may come too late."""
    *parts, last = album(thread, ["", "", "// do not send"])
    for part in parts:
        await screens.ingest(part)
    await screens.clock.sleep(10.0)
    assert len([one for one in screens.telegram.screen.messages.values() if one.file]) == 2
    await screens.ingest(last)
    await screens.settle()
    assert [one for one in screens.telegram.screen.messages.values() if one.file] == []


async def test_an_album_of_the_team_is_sent_in_order(screens: Screens, thread: str) -> None:
    """Waiting for its rest delays an album once, not once for each part."""
    began = screens.clock.time()
    for part in album(thread, ["These three", "", ""]):
        await screens.ingest(part)
    await screens.settle()
    shown = list(screens.telegram.screen.messages.values())[1:]
    assert [(one.text, bool(one.file)) for one in shown] == [
        ("**Lin:** These three", True),
        ("", True),
        ("", True),
    ]
    assert screens.clock.time() - began < 6.0


async def test_words_to_the_bot_are_answered_at_the_desk(screens: Screens, thread: str) -> None:
    """Kimi answers the team in the thread; the customer sees neither the question nor the answer."""
    screens.model.replies = ["A summary.", "She complained about a cup."]
    before = screens.telegram.screen.texts
    question = desk_chat_message(thread, "what did this customer complain about?", LIN)
    await screens.ingest(replace(question, mention=Mention.BY_NAME))
    await screens.settle()
    assert screens.telegram.screen.texts == before
    assert screens.slack.screen.texts[-1].endswith("She complained about a cup.")
    assert "only the team sees this" in screens.slack.screen.texts[-1]
    asked = str(screens.model.requests[-1].messages)
    assert "what did this customer complain about?" in asked


@pytest.mark.parametrize(
    ("text", "mention"),
    [("/assing Bo", Mention.BY_NAME), ("/refund 20", Mention.NONE), ("", Mention.BY_NAME)],
)
async def test_an_unknown_command_is_reported_and_not_sent(
    screens: Screens, thread: str, text: str, mention: Mention
) -> None:
    """A mistyped command is no message to the customer; a bare mention shows what can be done."""
    before = screens.telegram.screen.texts
    await screens.ingest(replace(desk_chat_message(thread, text, LIN), mention=mention))
    await screens.settle()
    assert screens.telegram.screen.texts == before
    assert "`/close`" in screens.slack.screen.texts[-1]


async def test_a_command_as_plain_text_is_carried_out(screens: Screens, thread: str) -> None:
    """Slack has no slash commands in threads, so that people type them as a message."""
    await screens.ingest(desk_chat_message(thread, "/close", LIN))
    await screens.settle()
    assert (await screens.handoff()).state is HandoffState.CLOSED
    assert not any("/close" in text for text in screens.telegram.screen.texts)


async def test_a_note_within_a_message_is_reported(screens: Screens, thread: str) -> None:
    """Nothing is sent, and the author learns why."""
    before = screens.telegram.screen.texts
    await screens.ingest(desk_chat_message(thread, "It left today.\n// she is angry", LIN))
    await screens.settle()
    assert screens.telegram.screen.texts == before
    assert "nothing of it was sent" in screens.slack.screen.texts[-1]


async def test_edits_of_the_mark(screens: Screens, thread: str) -> None:
    """An edit into a note takes the copy back; an edit of a note into words sends nothing and says so."""
    desk = slack_channel()
    said = desk_chat_message(thread, "She is angry", LIN)
    await screens.ingest(said)
    await screens.settle()
    assert "**Lin:** She is angry" in screens.telegram.screen.texts

    await screens.ingest(desk.edit(said, "／／ She is angry"))
    await screens.settle()
    assert not any("angry" in text for text in screens.telegram.screen.texts)
    assert "taken back" in screens.slack.screen.texts[-1]

    await screens.ingest(desk.edit(said, "She is very angry"))
    note = desk_chat_message(thread, "// angry", LIN)
    await screens.ingest(note)
    await screens.ingest(desk.edit(note, "angry"))
    await screens.settle()
    assert not any("angry" in text for text in screens.telegram.screen.texts)
    assert len([text for text in screens.slack.screen.texts if "write it anew" in text]) == 2


async def test_an_edit_that_names_the_bot_takes_the_copy_back(screens: Screens, thread: str) -> None:
    """Words to the bot are internal, whenever they become that."""
    said = desk_chat_message(thread, "Hello", LIN)
    await screens.ingest(said)
    await screens.settle()
    await screens.ingest(replace(slack_channel().edit(said, "what is wrong"), mention=Mention.BY_NAME))
    await screens.settle()
    assert not any("Hello" in text or "wrong" in text for text in screens.telegram.screen.texts)


async def test_a_desk_that_sends_marked_text_only(screens: Screens, thread: str) -> None:
    """With MOONTHREAD_DESK_SEND=marked the team talks freely, and the mark sends."""
    screens.configure(send_mode=SendMode.MARKED)
    before = screens.telegram.screen.texts
    plain = desk_chat_message(thread, "who is this?", LIN)
    await screens.ingest(plain)
    await screens.ingest(slack_channel().edit(plain, "who is she?"))
    for part in album(thread, ["", ">> These", ""]):
        await screens.ingest(part)
    await screens.ingest(desk_chat_message(thread, ">> It left today.", BO))
    await screens.settle()
    shown = list(screens.telegram.screen.messages.values())[len(before) :]
    assert [(one.text, bool(one.file)) for one in shown] == [
        ("**Lin:** These", True),
        ("", True),
        ("", True),
        ("**Bo:** It left today.", False),
    ]


@pytest.mark.parametrize(
    "what", [UnsupportedContent.VOICE, UnsupportedContent.STICKER, UnsupportedContent.OTHER]
)
async def test_what_the_team_sends_and_cannot_be_passed_on_is_reported(
    screens: Screens, thread: str, what: UnsupportedContent
) -> None:
    """The sender learns that the customer got nothing, and it does not count as an answer."""
    await screens.ingest(replace(desk_chat_message(thread, "", LIN), unsupported_content=what))
    await screens.settle()
    assert "the customer did not get it" in screens.slack.screen.texts[-1]
    assert (await screens.handoff()).state is HandoffState.WAITING


async def test_what_the_customer_sends_and_cannot_be_passed_on_is_told_to_both(
    screens: Screens, thread: str
) -> None:
    """The team learns that something came, the customer that it has to be put in words."""
    voice = direct_chat().message("", unsupported_content=UnsupportedContent.VOICE)
    await screens.ingest(replace(voice, message_id="99", delivery_id="99"))
    await screens.settle()
    assert "voice" in screens.slack.screen.texts[-1]
    assert "put it in words" in screens.telegram.screen.texts[-1]


async def test_the_ticket_names_who_answered_last(screens: Screens, thread: str) -> None:
    """Whoever answers has it: the ticket says so, and reminders call that person."""
    await screens.ingest(desk_chat_message(thread, "Hello", LIN))
    await screens.ingest(desk_chat_message(thread, "I go on here", BO))
    await screens.settle()
    assert "🟢 taken by Bo" in screens.slack.screen.texts[0]
    assert (await screens.handoff()).assignee.id == BO.id
