"""Everything that a Telegram message says and carries, as Kimi will read it."""

from typing import Any

import pytest
from telegram import Update

from bots.simulator.telegram import contents
from bots.simulator.telegram.chats import Chat, User
from bots.simulator.telegram.media import MediaKind, media_json
from bots.telegram.events import parse_event
from bots.telegram.people import BotIdentity
from bots.telegram.tolerant_parsing import parse_update
from core.domain.addresses import ChatType
from core.domain.events import CommandReceived, Mention, MessageReceived
from core.domain.message_content import AttachmentKind, ForwardOrigin, UnsupportedContent
from core.inbound.recordings import with_recordings
from core.text.message_text import render_content
from tests.bots.telegram.test_events import ADA, FORUM, GROUP, MOON, NOW, PRIVATE, message

BEN = {**ADA, "id": 8, "first_name": "Ben"}
NEWS = Chat(id=-1007, kind="channel", title="News Daily")
TEAM = Chat(id=-1008, kind="supergroup", title="Team")
MEDIA: list[tuple[MediaKind, str]] = [
    ("photo", "[attached: photo.jpg]"),
    ("document", "[attached: notes.txt]"),
    ("video", "[attached: video.mp4]"),
    ("video_note", "[attached: video.mp4]"),
    ("live_photo", "[attached: photo.jpg]"),
    ("voice", "[a recording that could not be heard]"),
    ("audio", "[a recording that could not be heard]"),
    ("sticker", "[sticker 🌙]"),
]
OTHER = [
    (contents.location(31.2304, 121.4737), "Location: 31.230400, 121.473700"),
    (
        contents.venue("Oriental Pearl", "1 Century Avenue", 31.24, 121.5),
        "Place: Oriental Pearl\n1 Century Avenue\nLocation: 31.240000, 121.500000",
    ),
    (contents.contact("Ben", "+49 30 1234", "Berg"), "Contact: Ben Berg, +49 30 1234"),
    (
        contents.poll("Lunch?", ["Noodles", "Rice"], votes=[2]),
        "Poll (2 votes): Lunch?\n- Noodles (2)\n- Rice (0)",
    ),
    (
        contents.checklist("Trip", {"tickets": True, "hotel": False}),
        "Checklist: Trip\n- [x] tickets\n- [ ] hotel",
    ),
    (contents.dice("🎲", 4), "🎲 shows 4"),
    (contents.game("Chess", "Two play"), "Game: Chess\nTwo play"),
    (contents.invoice("Book", "Paper", "EUR", 1250), "Invoice: Book, 12.50 EUR\nPaper"),
    (contents.invoice("Book", "Paper", "XTR", 5), "Invoice: Book, 5 XTR\nPaper"),
    (contents.story(NEWS), "[story of News Daily, which bots cannot see]"),
]
ORIGINS = [
    (contents.by_user(User(id=8, name="Ben")), "Ben"),
    (contents.by_hidden_user("Carl"), "Carl"),
    (contents.by_chat(TEAM, signature="boss"), "boss, Team"),
    (contents.by_channel(NEWS), "News Daily"),
]


def read(raw: dict[str, Any], *, kind: str = "message") -> object:
    """Return the event in an update, parsed as the ingress does."""
    update = parse_update({"update_id": 1, kind: raw}, None)  # type: ignore[arg-type]
    return parse_event(update, BotIdentity(id=42, username="moon_bot"), received_at=NOW)


def said(chat: dict[str, Any], text: str | None = None, **more: Any) -> MessageReceived:
    """Return one message that must be something said, as a deployment reads it that cannot hear."""
    event = with_recordings(read(message(chat, text, **more)), hears=False)
    assert isinstance(event, MessageReceived)
    return event


@pytest.mark.parametrize(("content", "text"), OTHER)
def test_other_content_is_said_in_words(content: dict[str, Any], text: str) -> None:
    """A place, a poll and the like are whole in the update: Kimi reads them, nobody is told "not yet"."""
    event = said(PRIVATE, **content)
    assert render_content(event.content) == text
    assert event.unsupported_content is None
    assert event.content.is_answerable


@pytest.mark.parametrize(("kind", "line"), MEDIA)
@pytest.mark.parametrize("question", ["what is this?", ""])
@pytest.mark.parametrize("chat", [GROUP, FORUM])
def test_replying_to_anything_asks_about_it(
    kind: MediaKind, line: str, question: str, chat: dict[str, Any]
) -> None:
    """A mention under somebody's file, recording or sticker carries it, also without any words."""
    theirs = message(chat, message_id=10, **media_json(kind, "f", 9)) | {"from": BEN}
    event = said(chat, f"@moon_bot {question}".strip(), reply_to_message=theirs)
    assert event.mention is Mention.BY_NAME
    assert render_content(event.content) == f"Ben L wrote:\n> {line}\n\n{question}".rstrip()
    assert event.unsupported_content is None
    assert event.content.is_answerable == bool(question or "recording" not in line)
    files = event.quoted.attachments if event.quoted else ()
    assert bool(files) == line.startswith("[attached")


@pytest.mark.parametrize(("content", "text"), OTHER)
def test_a_bare_mention_asks_about_other_content(content: dict[str, Any], text: str) -> None:
    """A mention alone under a place or a poll asks about it."""
    theirs = message(GROUP, message_id=10, **content) | {"from": BEN}
    event = said(GROUP, "@moon_bot", reply_to_message=theirs)
    quote = "\n".join(f"> {line}" for line in text.splitlines())
    assert (event.unsupported_content, render_content(event.content)) == (None, f"Ben L wrote:\n{quote}")


def test_the_links_on_buttons_are_read() -> None:
    """Channels put the address on a button below the words; a button that calls a bot says nothing."""
    rows = [[{"text": "Read", "url": "https://n.test/a"}, {"text": "Like", "callback_data": "x"}]]
    post = message(GROUP, "Prices rise", message_id=10) | {"reply_markup": {"inline_keyboard": rows}}
    asked = said(GROUP, "@moon_bot what is it?", reply_to_message=post)
    assert asked.quoted is not None
    assert [one.text for one in asked.quoted.other] == ["- [Read](https://n.test/a)"]
    forwarded = said(PRIVATE, "Prices rise", reply_markup={"inline_keyboard": rows})
    assert [one.text for one in forwarded.other] == ["- [Read](https://n.test/a)"]


def test_a_reply_to_one_task_of_a_checklist_names_it() -> None:
    """Telegram says which task is meant (``reply_to_checklist_task_id``)."""
    theirs = message(GROUP, message_id=10, **contents.checklist("Trip", {"tickets": True, "hotel": False}))
    event = said(
        GROUP, "@moon_bot done?", reply_to_message=theirs | {"from": BEN}, reply_to_checklist_task_id=2
    )
    assert event.quoted is not None
    assert event.quoted.selection == "hotel"
    assert render_content(event.content).endswith("> This part is meant:\n> hotel\n\ndone?")


@pytest.mark.parametrize(("origin", "name"), ORIGINS)
def test_a_reply_across_chats_says_where_it_is_from(origin: dict[str, Any], name: str) -> None:
    """Telegram says: ``external_reply`` carries content and origin; its words come as a quote only."""
    photo = media_json("photo", "f", 9)
    event = said(
        PRIVATE,
        "what is on it?",
        external_reply={"origin": origin, **photo},
        quote={"text": "the sea", "position": 0},
    )
    assert event.quoted is not None
    assert event.quoted.message_id == ""
    assert [file.kind for file in event.quoted.attachments] == [AttachmentKind.PICTURE]
    text = render_content(event.content)
    assert text.startswith(name.split(",")[0])
    assert text.endswith("> [attached: photo.jpg]\n>\n> This part is meant:\n> the sea\n\nwhat is on it?")


@pytest.mark.parametrize(("origin", "name"), ORIGINS)
@pytest.mark.parametrize(
    "content", [{"text": "I quit."}, {"caption": "I quit.", **media_json("photo", "f", 9)}]
)
def test_forwarded_words_name_their_origin(
    origin: dict[str, Any], name: str, content: dict[str, Any]
) -> None:
    """Telegram names four kinds of origin; forwarded words are never the sender's own."""
    event = said(PRIVATE, forward_origin=origin, **content)
    assert isinstance(event.forwarded_from, ForwardOrigin)
    assert render_content(event.content).startswith(f"Forwarded from {name}:\n\nI quit.")


def test_a_forwarded_command_or_mention_is_not_the_senders() -> None:
    """A forwarded "/new" clears nothing, and a forwarded mention addresses nobody in this group."""
    origin = contents.by_hidden_user("Carl")
    assert not isinstance(read(message(PRIVATE, "/new", forward_origin=origin)), CommandReceived)
    assert said(GROUP, "@moon_bot hi", forward_origin=origin).mention is Mention.NONE


def test_a_reply_to_a_forward_names_both() -> None:
    """Who forwarded it, and where it is from."""
    theirs = message(GROUP, "Prices rise", message_id=10, forward_origin=contents.by_channel(NEWS)) | {
        "from": BEN
    }
    event = said(GROUP, "@moon_bot true?", reply_to_message=theirs)
    assert render_content(event.content) == "Ben L forwarded from News Daily:\n> Prices rise\n\ntrue?"


@pytest.mark.parametrize("kind", ["voice", "audio", "sticker"])
def test_words_beside_something_unreadable_are_read(kind: MediaKind) -> None:
    """A recording with a caption is answered by its words; what was not read is named."""
    event = said(PRIVATE, caption="listen please", **media_json(kind, "f", 9))
    assert event.text == "listen please"
    assert event.unsupported_content in (UnsupportedContent.VOICE, UnsupportedContent.STICKER)
    assert event.content.is_answerable
    assert len(render_content(event.content).split("\n\n")) == 2


@pytest.mark.parametrize("kind", ["voice", "audio", "sticker"])
def test_something_unreadable_alone_is_not_answerable(kind: MediaKind) -> None:
    """Without words there is nothing that Kimi could answer, also in reply to a message."""
    theirs = message(PRIVATE, "old words", message_id=10)
    for more in ({}, {"reply_to_message": theirs}):
        assert not said(PRIVATE, **more, **media_json(kind, "f", 9)).content.is_answerable


@pytest.mark.parametrize(
    ("kind", "file_kind", "media_type"),
    [
        ("voice", AttachmentKind.AUDIO, "audio/ogg"),
        ("audio", AttachmentKind.AUDIO, "audio/mpeg"),
        ("sticker", AttachmentKind.STICKER, "image/webp"),
    ],
)
def test_recordings_and_stickers_are_files_for_people(
    kind: MediaKind, file_kind: AttachmentKind, media_type: str
) -> None:
    """The bot does not read them; a desk can pass them on."""
    event = said(PRIVATE, **media_json(kind, "f", 9))
    (file,) = event.relay_files
    assert (file.kind, file.media_type, file.source) == (file_kind, media_type, {"file_id": "f"})
    assert event.attachments == ()


@pytest.mark.parametrize(
    ("shape", "kinds"),
    [
        ({"is_animated": True}, []),
        ({"is_animated": True, "thumbnail": {"file_id": "t"}}, ["image/webp"]),
        ({"is_video": True}, ["video/webm"]),
    ],
)
def test_an_animated_sticker_is_its_picture_elsewhere(shape: dict[str, Any], kinds: list[str]) -> None:
    """Telegram's vector animations are shown by nobody else; video stickers are videos."""
    picture = {"file_unique_id": "u", "width": 9, "height": 9}
    if "thumbnail" in shape:
        shape = shape | {"thumbnail": shape["thumbnail"] | picture}
    sticker = media_json("sticker", "f", 9)["sticker"] | shape
    assert [one.media_type for one in said(PRIVATE, sticker=sticker).relay_files] == kinds


@pytest.mark.parametrize(
    ("content", "copyable"),
    [
        *((media_json(kind, "f", 9), True) for kind, _ in MEDIA),
        (contents.location(1.0, 2.0), True),
        (contents.contact("Ben", "+49 30 1"), True),
        (contents.poll("Lunch?", ["Noodles", "Rice"]), True),
        ({"poll": contents.poll("2+2?", ["4", "5"])["poll"] | {"type": "quiz"}}, False),
        (contents.dice("🎲", 4), False),
        (contents.invoice("Book", "Paper", "EUR", 1250), False),
        (contents.game("Chess", "Two play"), False),
        ({**media_json("photo", "f", 9), "has_protected_content": True}, False),
    ],
)
def test_what_telegram_copies_is_known(content: dict[str, Any], copyable: bool) -> None:
    """The platform says which messages ``copyMessage`` refuses; a dice would be thrown anew."""
    assert said(PRIVATE, **content).can_be_copied is copyable


def test_a_live_photo_is_a_photo() -> None:
    """Telegram says: ``photo`` is set beside ``live_photo``."""
    event = said(PRIVATE, **media_json("live_photo", "f", 9))
    assert [file.kind for file in event.attachments] == [AttachmentKind.PICTURE]
    assert event.unsupported_content is None


@pytest.mark.parametrize("text", ["\u200b\u2060", "\u2800", "\u3164", "\u00a0", "\U000e0041"])
def test_a_message_of_nothing_to_see_is_empty(text: str) -> None:
    """Clients let people send invisible characters; there is no question in them."""
    event = said(PRIVATE, text)
    assert (event.text, event.unsupported_content) == ("", UnsupportedContent.EMPTY)


def test_control_characters_are_removed_from_words_and_names() -> None:
    """A database refuses NUL; names of people and files are cleaned like words."""
    author = {**ADA, "first_name": "A\x00da", "last_name": "\x1bL"}
    file = media_json("document", "f", 9, name="a\x00.txt")
    event = said(PRIVATE, caption="hi\x00 there", **file, **{"from": author})
    assert (event.text, event.author.name, event.attachments[0].name) == ("hi there", "Ada L", "a.txt")


@pytest.mark.parametrize(
    ("part", "line"),
    [
        ({"text": "old words", "poll": contents.poll("Tea?", ["yes"], old_server=True)["poll"]}, "old words"),
        ({"caption": "see", "photo": [{"file_id": "f"}]}, "see"),
        (
            {
                "text": "old words",
                "pinned_message": {"message_id": 1, "date": 1, "chat": PRIVATE, "poll": {}},
            },
            "old words",
        ),
    ],
)
def test_a_part_that_cannot_be_read_does_not_cost_the_message(part: dict[str, Any], line: str) -> None:
    """A server of another version leaves fields out deep inside: the words above are read all the same."""
    theirs = message(PRIVATE, message_id=10, **part)
    with pytest.raises(TypeError):
        Update.de_json({"update_id": 1, "message": message(PRIVATE, "which?", reply_to_message=theirs)}, None)
    event = said(PRIVATE, "which?", reply_to_message=theirs)
    assert event.text == "which?"
    assert event.quoted is not None
    assert event.quoted.text == line
    across = said(
        PRIVATE, "which?", external_reply={"origin": contents.by_hidden_user("Carl"), "poll": {"id": "1"}}
    )
    assert across.quoted is not None
    assert across.quoted.unsupported == (UnsupportedContent.OTHER,)


def test_a_message_of_an_unreadable_part_alone_says_so() -> None:
    """Nothing is lost in silence: the person gets the notice for what cannot be read."""
    event = said(PRIVATE, **contents.poll("Tea?", ["yes"], old_server=True))
    assert event.unsupported_content is UnsupportedContent.OTHER
    assert not event.content.is_answerable


def test_direct_messages_of_a_channel_are_direct_conversations() -> None:
    """Each topic is a conversation with one person, and its id goes with every call."""
    chat = {"id": -1009, "type": "supergroup", "title": "News", "is_direct_messages": True}
    event = said(chat, "how much is it?", direct_messages_topic={"topic_id": 6})
    assert (event.chat_type, event.mention, event.threads_by_reply) == (
        ChatType.DIRECT,
        Mention.DIRECT,
        False,
    )
    assert event.address.key.thread == "6"
    assert event.address.details["direct_topic"] == "6"
    assert "topic" not in event.address.details


def test_a_reply_to_the_bots_own_bare_answer_is_empty() -> None:
    """A mention alone under our own answer asks nothing."""
    mine = message(GROUP, "I am Kimi", message_id=10) | {"from": MOON}
    event = said(GROUP, "@moon_bot", reply_to_message=mine)
    assert event.unsupported_content is UnsupportedContent.EMPTY
