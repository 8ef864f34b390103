"""What people send besides words reaches the other side: copied, as a file, or in words."""

from dataclasses import replace

import pytest

from core.domain.events import MessageReceived
from core.domain.handoff_state import HandoffState
from core.domain.message_content import (
    Attachment,
    AttachmentKind,
    ContentKind,
    OtherContent,
    UnsupportedContent,
)
from core.handoff.staff_text import SendMode
from core.store.handoffs import DeskRoom
from tests.core.handoff.conftest import LIN, Screens, desk_chat_message
from tests.event_builders import Chat, direct_chat, picture

pytestmark = pytest.mark.virtual_time

VOICE = Attachment(
    kind=AttachmentKind.AUDIO, name="", media_type="audio/ogg", size_bytes=5, source={"file_id": "v"}
)
PLACE = OtherContent(kind=ContentKind.LOCATION, text="Location: 31.230400, 121.473700")
POLL = OtherContent(kind=ContentKind.POLL, text="Poll (0 votes): Which one?\n- A (0)\n- B (0)")
FORUM = DeskRoom(platform="telegram", channel="-100")


async def on_telegram(screens: Screens) -> tuple[Chat, Chat, str]:
    """Hand a Telegram customer off to a Telegram desk; return both chats and the topic."""
    screens.configure(desk_room=FORUM)
    screens.runner = screens.new_runner()
    screens.model.replies = ["A summary."]
    chat, desk = direct_chat(), Chat(channel=FORUM.channel, threaded=True)
    await screens.ingest(chat.message("I want to talk to a human"))
    return chat, desk, await screens.ticket_thread()


def seen_by_customer(screens: Screens) -> list[str]:
    """Return the texts in the customer's chat."""
    return [one.text for one in screens.telegram.screen.messages.values() if one.channel == "1"]


def seen_in_topic(screens: Screens, topic: str) -> list[str]:
    """Return the texts in a topic of the desk."""
    return [one.text for one in screens.telegram.screen.messages.values() if one.thread == topic]


async def test_telegram_copies_within_itself(screens: Screens) -> None:
    """A recording, a place and a picture are copied whole in both directions, without words in their stead.

    The platform says: ``copyMessage`` copies messages of any kind but a few.
    """
    chat, desk, topic = await on_telegram(screens)
    sent = [
        chat.message("", relay_files=(VOICE,), unsupported_content=UnsupportedContent.VOICE),
        chat.message("here I am", other=(PLACE,)),
        chat.message("look", attachments=(picture(),)),
    ]
    back = [
        desk.message("", author=LIN, thread=topic, relay_files=(VOICE,)),
        desk.message("", author=LIN, thread=topic, other=(POLL,)),
    ]
    for event in (*sent, *back):
        await screens.ingest(copyable(event))
    await screens.settle()

    shown = seen_in_topic(screens, topic)
    assert [text for text in shown if "copy of" in text] == [
        f"<copy of 1/{event.message_id}>" for event in sent
    ]
    assert "**Ann:** here I am" in shown
    assert not any("cannot be passed on" in text or "Location" in text for text in shown)
    assert seen_by_customer(screens)[-2:] == [f"<copy of -100/{event.message_id}>" for event in back]
    assert (await screens.handoff()).state is HandoffState.STAFF, "a recording is an answer"


async def test_what_telegram_does_not_copy_goes_as_a_file_or_in_words(screens: Screens) -> None:
    """A refused copy is no loss: the file is sent, or the words say what it is."""
    chat, _, topic = await on_telegram(screens)
    screens.files[""] = b"OGG"
    events = [
        copyable(chat.message("", relay_files=(VOICE,), unsupported_content=UnsupportedContent.VOICE)),
        copyable(chat.message("", other=(PLACE,))),
    ]
    screens.topics.uncopyable |= {event.message_id for event in events}
    for event in events:
        await screens.ingest(event)
    await screens.settle()

    in_topic = [one for one in screens.telegram.screen.messages.values() if one.thread == topic]
    assert [one.file for one in in_topic if one.file] == [b"OGG"]
    assert in_topic[-1].text == PLACE.text


async def test_across_platforms_a_recording_is_a_file_and_a_place_is_words(screens: Screens) -> None:
    """Slack has neither places nor polls: staff reads them, and the customer gets staff's recording."""
    chat = direct_chat()
    screens.files[""] = b"OGG"
    screens.model.replies = ["A summary."]
    await screens.ingest(chat.message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    await screens.ingest(
        copyable(chat.message("", relay_files=(VOICE,), unsupported_content=UnsupportedContent.VOICE))
    )
    await screens.ingest(copyable(chat.message("", other=(PLACE,))))
    await screens.ingest(desk_chat_message(thread, "Listen", LIN, relay_files=(VOICE,)))
    await screens.settle()

    at_desk = list(screens.slack.screen.messages.values())
    assert [one.file for one in at_desk if one.file] == [b"OGG"]
    assert f"**Ann:** {PLACE.text}" in [one.text for one in at_desk]
    assert [one.file for one in screens.telegram.screen.messages.values() if one.file] == [b"OGG"]
    assert not any("cannot be passed on" in one.text for one in at_desk)


async def test_what_cannot_be_passed_on_is_told_to_both_sides(screens: Screens) -> None:
    """Paid media, for example, is in no bot's reach: the sender and the other side read so."""
    chat = direct_chat()
    screens.model.replies = ["A summary."]
    await screens.ingest(chat.message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    await screens.ingest(chat.message("", unsupported_content=UnsupportedContent.OTHER))
    await screens.ingest(desk_chat_message(thread, "", LIN, unsupported_content=UnsupportedContent.OTHER))
    await screens.settle()

    assert sum("cannot be passed on" in text for text in screens.slack.screen.texts) == 2
    assert "I cannot pass this kind of message on" in seen_by_customer(screens)[-1]


async def test_an_album_stays_one_in_both_directions(screens: Screens) -> None:
    """Its parts come one by one; they are copied in one call, below the caption, once the album is whole."""
    chat, desk, topic = await on_telegram(screens)
    sent = [
        replace(
            copyable(chat.message("look" if n == 1 else "", attachments=(picture(f"{n}.jpg"),))),
            media_group_id="1:album",
        )
        for n in (1, 2, 3)
    ]
    back = [
        replace(
            copyable(desk.message("", author=LIN, thread=topic, attachments=(picture(f"{n}.jpg"),))),
            media_group_id="-100:album",
        )
        for n in (1, 2)
    ]
    for event in (*sent, *back):
        await screens.ingest(event)
    await screens.settle()
    assert set(screens.topics.copied) == {tuple(one.message_id for one in album) for album in (sent, back)}
    assert seen_by_customer(screens)[-2:] == [f"<copy of -100/{event.message_id}>" for event in back]
    copies = await screens.items()
    assert all(one.refs for one in copies if one.content.can_be_copied), "each part can be taken back"


@pytest.mark.parametrize(
    "content",
    [
        {"other": (OtherContent(kind=ContentKind.POLL, text="Poll (0 votes): // do we refund?\n- yes (0)"),)},
        {"other": (OtherContent(kind=ContentKind.CONTACT, text="Contact: ／／ boss, +49 30 1"),)},
        {"text": "// listen to her", "relay_files": (VOICE,)},
        {"text": "// here she lives", "other": (PLACE,)},
    ],
)
async def test_marked_content_stays_in_the_team(screens: Screens, content: dict[str, object]) -> None:
    """The mark of a note keeps a message back with all that it carries, also inside a poll or a contact."""
    _, desk, topic = await on_telegram(screens)
    before = seen_by_customer(screens)
    text = str(content.pop("text", ""))
    await screens.ingest(copyable(desk.message(text, author=LIN, thread=topic, **content)))
    await screens.settle()
    assert seen_by_customer(screens) == before


async def test_a_desk_of_marked_words_keeps_a_bare_recording(screens: Screens) -> None:
    """Where only marked text goes out, a recording needs a marked caption."""
    _, desk, topic = await on_telegram(screens)
    screens.configure(desk_room=FORUM, send_mode=SendMode.MARKED)
    before = seen_by_customer(screens)
    await screens.ingest(copyable(desk.message("", author=LIN, thread=topic, relay_files=(VOICE,))))
    await screens.settle()
    assert seen_by_customer(screens) == before
    marked = copyable(desk.message(">> Listen", author=LIN, thread=topic, relay_files=(VOICE,)))
    await screens.ingest(marked)
    await screens.settle()
    assert seen_by_customer(screens)[-2:] == ["**Lin:** Listen", f"<copy of -100/{marked.message_id}>"]


def copyable(event: MessageReceived) -> MessageReceived:
    """Return a message as Telegram delivers it: one that can be copied."""
    return replace(event, can_be_copied=True)
