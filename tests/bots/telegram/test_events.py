"""Updates in, events out."""

from datetime import UTC, datetime
from typing import Any

import pytest
from telegram import Update

from bots.simulator.telegram.wire import RESTRICTED_RIGHTS
from bots.telegram.events import parse_event, parse_events
from bots.telegram.people import BotIdentity
from core.domain.addresses import ChatType, ThreadKey
from core.domain.buttons import ActionButton
from core.domain.command_names import CommandName
from core.domain.events import (
    BotAccessChanged,
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    Mention,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
)
from core.domain.message_content import Attachment, AttachmentKind, ReplyContext, UnsupportedContent

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ADA = {"id": 7, "is_bot": False, "first_name": "Ada", "last_name": "L", "language_code": "zh-hans"}
MOON = {"id": 42, "is_bot": True, "first_name": "Moon", "username": "moon_bot"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Ada"}
GROUP = {"id": -5, "type": "group", "title": "Us"}
FORUM = {"id": -1005, "type": "supergroup", "title": "Forum", "is_forum": True}


def message(chat: dict[str, Any], text: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a message as Telegram writes it, with the entities a client would set."""
    body: dict[str, Any] = {"message_id": 11, "date": 1700000000, "chat": chat, "from": ADA, **more}
    if text is not None:
        body["text"] = text
        body.setdefault("entities", entities(text))
    return body


def entities(text: str) -> list[dict[str, Any]]:
    """Mark mentions and commands (ASCII texts only)."""
    kinds = {"@": "mention", "/": "bot_command"}
    return [
        {"type": kinds[word[0]], "offset": text.index(word), "length": len(word.rstrip("?,"))}
        for word in text.split()
        if word[0] in kinds
    ]


def read(**update: Any) -> Event | None:
    """Read one update as the bot @moon_bot with the id 42."""
    parsed = Update.de_json({"update_id": 1, **update}, None)
    return parse_event(parsed, BotIdentity(id=42, username="moon_bot"), received_at=NOW)


def said(chat: dict[str, Any], text: str | None = None, **more: Any) -> MessageReceived:
    """Read one message that must be something said."""
    event = read(message=message(chat, text, **more))
    assert isinstance(event, MessageReceived)
    return event


def key(channel: int, thread: str) -> ThreadKey:
    """Name a conversation of our bot."""
    return ThreadKey(platform="telegram", tenant="42", channel=str(channel), thread=thread)


def test_a_private_message() -> None:
    """A direct message is one conversation per chat and is answered plainly, without a reply."""
    event = said(PRIVATE, "hello")
    assert event.delivery_id == "msg:7:11"
    assert event.address.key == key(7, "")
    assert (event.address.reply_to, event.threads_by_reply) == ("", False)
    assert event.address.details == {"chat": "private", "said_in": "7", "language": "zh-hans"}
    assert (event.author.id, event.author.name, event.author.language) == ("7", "Ada L", "zh-hans")
    assert (event.chat_type, event.mention, event.text) == (ChatType.DIRECT, Mention.DIRECT, "hello")
    assert event.sent_at == datetime.fromtimestamp(1700000000, UTC)


def test_a_topic_in_a_private_chat() -> None:
    """A private chat's topic is a conversation of its own, and its id is kept for every call."""
    event = said(PRIVATE, "hello", message_thread_id=3, is_topic_message=True)
    assert event.address.key == key(7, "3")
    assert event.address.details["topic"] == "3"


def test_a_mention_in_a_group_begins_a_chain() -> None:
    """In a group without topics a mention's own id names the conversation; replies may continue it."""
    event = said(GROUP, "@Moon_Bot what?")
    assert event.address.key == key(-5, "11")
    assert (event.mention, event.text, event.threads_by_reply) == (Mention.BY_NAME, "what?", True)
    assert (event.address.reply_to, event.chat_type) == ("11", ChatType.GROUP)


def test_a_reply_threads_id_in_an_ordinary_supergroup_is_no_topic() -> None:
    """``message_thread_id`` without ``is_topic_message`` neither names the thread nor is sent back."""
    event = said({**GROUP, "type": "supergroup"}, "@moon_bot hi", message_thread_id=9)
    assert event.address.key.thread == "11"
    assert "topic" not in event.address.details


def test_a_forums_topics() -> None:
    """A topic is a conversation by its id; General is one too, without an id to send."""
    topic = said(FORUM, "@moon_bot hi", message_thread_id=5, is_topic_message=True)
    general = said(FORUM, "@moon_bot hi", message_thread_id=9)
    assert (topic.address.key, topic.address.details["topic"]) == (key(-1005, "5"), "5")
    assert (general.address.key, general.threads_by_reply) == (key(-1005, "general"), False)
    assert "topic" not in general.address.details


def test_an_overheard_message() -> None:
    """Words in a group that name nobody, or another bot, are overheard."""
    assert said(GROUP, "hello all").mention is Mention.NONE
    assert said(GROUP, "@moon_bot2 hi").mention is Mention.NONE


def test_a_mention_in_a_caption() -> None:
    """A picture whose caption names us is addressed to us, and its words are read."""
    caption = "@moon_bot what is this?"
    event = said(
        GROUP,
        caption=caption,
        caption_entities=entities(caption),
        photo=[{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}],
    )
    assert (event.mention, event.text) == (Mention.BY_NAME, "what is this?")
    assert event.unsupported_content is None
    assert [one.kind for one in event.attachments] == [AttachmentKind.PICTURE]


def test_a_reply_to_us() -> None:
    """A reply to the bot's message is addressed to it and carries what it replies to."""
    mine = message(GROUP, "I am Kimi", message_id=10) | {"from": MOON}
    event = said(GROUP, "why?", reply_to_message=mine)
    assert event.mention is Mention.REPLY
    assert event.quoted == ReplyContext(
        message_id="10", author="Moon", text="I am Kimi", by_bot=True, author_id="42"
    )


def test_a_mention_that_replies_to_somebody() -> None:
    """What a mention replies to is given as context, the chosen part of it where one was chosen."""
    other = message(GROUP, "it is late and dark", message_id=10) | {"from": {**ADA, "id": 8}}
    event = said(GROUP, "@moon_bot", reply_to_message=other)
    assert (event.quoted, event.unsupported_content) == (
        ReplyContext(message_id="10", author="Ada L", text="it is late and dark", author_id="8"),
        None,
    )
    chosen = said(GROUP, "@moon_bot", reply_to_message=other, quote={"text": "dark", "position": 15})
    assert chosen.quoted is not None
    assert (chosen.quoted.text, chosen.quoted.selection) == ("it is late and dark", "dark")


def test_a_quote_from_another_chat_has_no_id_of_ours() -> None:
    """A message of another chat is quoted by its text; its id would mean another message here."""
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Bob"}
    event = said(
        PRIVATE,
        "is it?",
        external_reply={"origin": origin, "message_id": 10},
        quote={"text": "so", "position": 0},
    )
    assert event.quoted == ReplyContext(message_id="", author="Bob", selection="so")


@pytest.mark.parametrize(
    "root",
    [
        {"message_id": 5},
        {"message_id": 6, "forum_topic_created": {"name": "T", "icon_color": 1}},
    ],
)
def test_the_implicit_reply_in_a_topic_is_no_reply(root: dict[str, Any]) -> None:
    """A plain message in a topic that our bot made is not taken for a reply to it."""
    created = message(FORUM) | {"from": MOON} | root
    event = said(FORUM, "hi", message_thread_id=5, is_topic_message=True, reply_to_message=created)
    assert (event.mention, event.quoted) == (Mention.NONE, None)


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("/new", CommandName.NEW, ""),
        ("/NEW@Moon_Bot", CommandName.NEW, ""),
        ("/start payload", CommandName.START, "payload"),
        ("@moon_bot /stop now", CommandName.STOP, "now"),
    ],
)
def test_commands(text: str, command: CommandName, argument: str) -> None:
    """The five words are orders, bare or with our name, also after a mention."""
    for chat in (PRIVATE, GROUP):
        event = read(message=message(chat, text))
        assert isinstance(event, CommandReceived)
        assert (event.command, event.argument, event.delivery_id) == (
            command,
            argument,
            f"msg:{chat['id']}:11",
        )


@pytest.mark.parametrize("text", ["/new@other_bot", "/weather", "/weather@other_bot @moon_bot"])
def test_what_is_ordered_of_others_is_not_ours(text: str) -> None:
    """Another bot's command, and one in a group that we do not know, are left alone."""
    assert read(message=message(GROUP, text)) is None


def test_an_unknown_command_said_to_us_is_words() -> None:
    """In a private chat, or with our name, an unknown command is a question like any other."""
    assert said(PRIVATE, "/weather today").text == "/weather today"
    addressed = said(GROUP, "/weather@moon_bot today")
    assert (addressed.text, addressed.mention) == ("/weather today", Mention.BY_NAME)


def test_other_bots_are_ignored() -> None:
    """What a bot says is never answered, or two models talk for ever."""
    assert read(message=message(PRIVATE, "hi") | {"from": {**MOON, "id": 43}}) is None


@pytest.mark.parametrize("speaker", [{"id": 1087968824}, {"id": 136817688}])
def test_anonymous_admins_and_channels_speak(speaker: dict[str, Any]) -> None:
    """Who speaks as a chat is known by that chat, though Telegram sends it through a bot."""
    spoken = message(
        GROUP,
        "@moon_bot hi",
        sender_chat={"id": -100777, "type": "channel", "title": "News"},
        author_signature="Boss",
    )
    event = read(message=spoken | {"from": {**MOON, **speaker}})
    assert isinstance(event, MessageReceived)
    assert (event.author.id, event.author.name) == ("-100777", "Boss (News)")


def test_the_linked_channels_posts() -> None:
    """A post forwarded by itself into the discussion group is only read where it names us."""
    channel = {"id": -100777, "type": "channel", "title": "News"}
    more = {"sender_chat": channel, "is_automatic_forward": True}
    assert read(message=message(GROUP, "news!", **more)) is None
    assert said(GROUP, "@moon_bot news!", **more).mention is Mention.BY_NAME


@pytest.mark.parametrize(
    "service",
    [
        {"new_chat_members": [ADA]},
        {"left_chat_member": ADA},
        {"new_chat_title": "We"},
        {"forum_topic_created": {"name": "T", "icon_color": 1}},
        {"group_chat_created": True},
    ],
)
def test_service_messages_are_nothing(service: dict[str, Any]) -> None:
    """Joins, titles and topics made are no words."""
    assert read(message=message(GROUP, **service)) is None


def read_all(**update: Any) -> list[Event]:
    """Read all that one update tells."""
    parsed = Update.de_json({"update_id": 1, **update}, None)
    return list(parse_events(parsed, BotIdentity(id=42, username="moon_bot"), received_at=NOW))


def test_a_reaction_is_told_by_what_changed() -> None:
    """Telegram tells all emoji before and after; those without a character and the unchanged are no news."""
    emoji = {name: {"type": "emoji", "emoji": name} for name in "👍🔥"}
    custom = {"type": "custom_emoji", "custom_emoji_id": "5"}

    def change(*lists: list[dict[str, Any]], **who: Any) -> dict[str, Any]:
        old, new = lists
        told = {"chat": GROUP, "message_id": 9, "date": 1700000000, "old_reaction": old, "new_reaction": new}
        return told | (who or {"user": ADA})

    (event,) = read_all(message_reaction=change([emoji["👍"], custom], [emoji["🔥"], custom]))
    assert isinstance(event, ReactionChanged)
    assert (event.message_id, event.added, event.removed) == ("9", ("🔥",), ("👍",))
    assert (event.author.id, event.address.key.channel, event.address.reply_to) == ("7", str(GROUP["id"]), "")
    (anonymous,) = read_all(message_reaction=change([], [emoji["🔥"]], actor_chat=GROUP))
    assert isinstance(anonymous, ReactionChanged)
    assert read_all(message_reaction=change([], [custom])) == []
    assert read_all(message_reaction=change([emoji["👍"]], [emoji["👍"], custom])) == []


def test_people_who_come_together_have_each_joined() -> None:
    """A service message names everybody who came; bots among them are nobody."""
    bob = {"id": 8, "is_bot": False, "first_name": "Bob"}
    events = read_all(message=message(GROUP, new_chat_members=[ADA, MOON, bob]))
    assert [event.author.id for event in events if isinstance(event, MemberJoined)] == ["7", "8"]
    first = events[0]
    assert isinstance(first, MemberJoined)
    assert (first.address.key.channel, first.address.key.thread, first.address.reply_to) == ("-5", "", "")
    assert (first.author.name, first.author.language) == ("Ada L", "zh-hans")


def standing(was: str, becomes: str, user: dict[str, Any] = ADA, **more: Any) -> dict[str, Any]:
    """Return the change of somebody's standing in a group."""
    old, new = ({"user": user, "status": one, **more} for one in (was, becomes))
    return {"chat": GROUP, "from": ADA, "date": 1700000000, "old_chat_member": old, "new_chat_member": new}


def test_coming_told_twice_is_one_event() -> None:
    """The change of standing that administrators are told has the id of the service message."""
    (notice,) = read_all(message=message(GROUP, new_chat_members=[ADA]))
    assert read_all(chat_member=standing("left", "member")) == [notice]


@pytest.mark.parametrize(("was", "becomes"), [("member", "left"), ("member", "member"), ("left", "left")])
def test_other_changes_of_standing_are_nothing(was: str, becomes: str) -> None:
    """Who goes, or only becomes something else, does not come."""
    assert read_all(chat_member=standing(was, becomes)) == []
    assert read_all(chat_member=standing("left", "member", user=MOON)) == []


FILE = {"file_id": "f", "file_unique_id": "u"}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (
            {
                "sticker": FILE
                | {"width": 1, "height": 1, "is_animated": False, "is_video": False, "type": "regular"}
            },
            UnsupportedContent.STICKER,
        ),
        ({"voice": FILE | {"duration": 2}}, UnsupportedContent.VOICE),
        ({"audio": FILE | {"duration": 2}, "caption": "hear this"}, UnsupportedContent.VOICE),
        ({"rich_message": {"blocks": []}}, UnsupportedContent.OTHER),
    ],
)
def test_what_cannot_be_read_is_named(content: dict[str, Any], kind: UnsupportedContent) -> None:
    """Stickers, voices and the like are said with their kind, captions as the words."""
    event = said(PRIVATE, **content)
    assert (event.unsupported_content, event.text) == (kind, content.get("caption", ""))


def test_a_bare_mention_is_empty() -> None:
    """A message of nothing but our name carries no question, nor does one under our own answer."""
    assert said(GROUP, "@moon_bot").unsupported_content is UnsupportedContent.EMPTY
    mine = message(GROUP, "I am Kimi", message_id=10) | {"from": MOON}
    assert said(GROUP, "@moon_bot", reply_to_message=mine).unsupported_content is UnsupportedContent.EMPTY


SIZES = [
    FILE | {"file_id": "small", "width": 1, "height": 1},
    FILE | {"width": 9, "height": 9, "file_size": 9},
]
VIDEO = FILE | {"width": 1, "height": 1, "duration": 1}


@pytest.mark.parametrize(
    ("content", "kind", "name", "media_type", "size"),
    [
        ({"photo": SIZES}, "picture", "", "image/jpeg", 9),
        (
            {"document": FILE | {"file_name": "a.pdf", "mime_type": "application/pdf", "file_size": 5}},
            "file",
            "a.pdf",
            "application/pdf",
            5,
        ),
        ({"document": FILE}, "file", "", "", 0),
        ({"animation": VIDEO, "document": FILE}, "video", "", "", 0),
        (
            {"video": VIDEO | {"file_name": "a.mp4", "mime_type": "video/mp4"}},
            "video",
            "a.mp4",
            "video/mp4",
            0,
        ),
        ({"video_note": FILE | {"length": 1, "duration": 1}}, "clip", "", "video/mp4", 0),
    ],
)
def test_what_can_be_read_is_attached(
    content: dict[str, Any], kind: str, name: str, media_type: str, size: int
) -> None:
    """Photos in their largest size, files and videos come with what Telegram tells of them."""
    event = said(PRIVATE, caption="look", **content)
    assert (event.text, event.unsupported_content, event.media_group_id) == ("look", None, "")
    assert event.attachments == (
        Attachment(
            kind=AttachmentKind(kind),
            name=name,
            media_type=media_type,
            size_bytes=size,
            source={"file_id": "f"},
            unique_id="u",
        ),
    )


def test_an_albums_pictures_are_told_one_by_one() -> None:
    """Each message of an album has an id of its own, and the same album."""
    pictures = [said(PRIVATE, message_id=number, photo=SIZES, media_group_id="99") for number in (1, 2)]
    assert [one.delivery_id for one in pictures] == ["msg:7:1", "msg:7:2"]
    assert [(one.text, one.unsupported_content, one.media_group_id) for one in pictures] == [
        ("", None, "7:99")
    ] * 2


def test_a_migration_is_told_once_by_both_chats() -> None:
    """The two service messages of a move to a supergroup make the same event."""
    old = read(message=message(GROUP, migrate_to_chat_id=-1009))
    new = read(message=message({"id": -1009, "type": "supergroup", "title": "Us"}, migrate_from_chat_id=-5))
    assert old == new
    assert old == ChannelMigrated(
        delivery_id="move:-5:-1009", platform="telegram", tenant="42", old_channel="-5", new_channel="-1009"
    )


def test_an_edit() -> None:
    """An edited text is told with the message it changed and when."""
    event = read(edited_message=message(GROUP, "@moon_bot why?", edit_date=1700000060))
    assert isinstance(event, MessageEdited)
    assert (event.delivery_id, event.message_id, event.text) == (
        "edit:-5:11:1700000060:640709d3",
        "11",
        "why?",
    )
    assert event.sent_at == datetime.fromtimestamp(1700000060, UTC)


@pytest.mark.parametrize("change", [{"location": {"longitude": 1.0, "latitude": 2.0}}, {"text": "/new"}])
def test_an_edit_without_new_words_is_nothing(change: dict[str, Any]) -> None:
    """A live location that moves, and a command that is edited, change nothing."""
    if "text" in change:
        change = {**change, "entities": entities(change["text"])}
    assert read(edited_message=message(GROUP, edit_date=1700000060, **change)) is None


def press(**more: Any) -> dict[str, Any]:
    """Return a callback query as Telegram writes it."""
    return {"id": "77", "from": ADA, "chat_instance": "c", "data": "stop", **more}


def test_a_pressed_button() -> None:
    """A button's event names the bot's message and, through its reply, the question's thread."""
    answer = message(GROUP, "…", message_id=12, reply_to_message=message(GROUP, "q")) | {"from": MOON}
    event = read(callback_query=press(message=answer))
    assert isinstance(event, ButtonPressed)
    assert (event.delivery_id, event.message_id, event.action) == ("press:77", "12", ActionButton.STOP)
    assert (event.address.key, event.sent_at, event.author.id) == (key(-5, "11"), NOW, "7")


def test_a_button_in_a_topic_and_under_an_old_message() -> None:
    """The topic is kept; a message that Telegram no longer shows us is still named."""
    topic = message(FORUM, "…", message_id=12, message_thread_id=5, is_topic_message=True) | {"from": MOON}
    event = read(callback_query=press(message=topic))
    assert isinstance(event, ButtonPressed)
    assert event.address.details["topic"] == "5"
    old = read(callback_query=press(message={"chat": PRIVATE, "message_id": 12, "date": 0}))
    assert isinstance(old, ButtonPressed)
    assert old.address.key == key(7, "")


@pytest.mark.parametrize("more", [{"data": "strange"}, {}, {"data": None, "game_short_name": "g"}])
def test_a_button_that_is_not_ours_is_nothing(more: dict[str, Any]) -> None:
    """Unknown data, an inline message and a game are no control of an answer."""
    assert read(callback_query=press(**more)) is None


@pytest.mark.parametrize(
    "update",
    [
        {},
        {"something_of_next_year": {"a": 1}},
        {"channel_post": message({"id": -100777, "type": "channel", "title": "News"}, "hi")},
    ],
)
def test_other_updates_are_nothing(update: dict[str, Any]) -> None:
    """Kinds of updates that are newer than we are do no harm."""
    assert read(**update) is None


@pytest.mark.parametrize("draft_id", [5, "5"])
@pytest.mark.parametrize(("topic", "thread"), [(None, ""), (9, "9")])
def test_stop_under_a_draft_is_an_order(draft_id: int | str, topic: int | None, thread: str) -> None:
    """The update names the chat and the draft, whose number the server may write as a string."""
    body = {"chat": PRIVATE, "draft_id": draft_id, **({"message_thread_id": topic} if topic else {})}
    event = read(stopped_message_generation=body)
    assert isinstance(event, CommandReceived)
    assert (event.command, event.delivery_id, event.author.id) == (CommandName.STOP, "stopped:7:5", "7")
    assert (event.address.key, event.chat_type) == (key(7, thread), ChatType.DIRECT)


RESTRICTED = dict.fromkeys(RESTRICTED_RIGHTS, False) | {
    "status": "restricted",
    "is_member": True,
    "until_date": 0,
}


@pytest.mark.parametrize(
    ("was", "becomes", "is_added", "can_write"),
    [
        ({"status": "left"}, {"status": "member"}, True, True),
        ({"status": "member"}, RESTRICTED | {"can_send_messages": False}, False, False),
        (RESTRICTED | {"can_send_messages": False}, {"status": "member"}, False, True),
        ({"status": "member"}, {"status": "kicked", "until_date": 0}, False, False),
        ({"status": "left"}, RESTRICTED | {"can_send_messages": False}, True, False),
    ],
)
def test_what_people_do_to_the_bots_membership(
    was: dict[str, Any], becomes: dict[str, Any], *, is_added: bool, can_write: bool
) -> None:
    """Telegram tells it by ``my_chat_member``: added, muted, heard again, thrown out."""
    change = {"chat": GROUP, "from": ADA, "date": 1700000000}
    members = {"old_chat_member": was | {"user": MOON}, "new_chat_member": becomes | {"user": MOON}}
    event = read(my_chat_member=change | members)
    assert isinstance(event, BotAccessChanged)
    assert (event.is_added, event.can_write, event.bot_name) == (is_added, can_write, "moon_bot")
    assert (event.address.key, event.address.reply_to, event.author.id) == (key(-5, ""), "", "7")


def test_a_topic_that_is_opened_again() -> None:
    """Its service message says that the bot can write there."""
    event = read(message=message(FORUM, message_thread_id=5, is_topic_message=True, forum_topic_reopened={}))
    assert isinstance(event, BotAccessChanged)
    assert event.address.key == key(-1005, "5")


@pytest.mark.parametrize("text", ["/new!", "/help.", "/stop。"])
def test_a_command_may_end_with_punctuation(text: str) -> None:
    """People write "/new!", which Telegram marks as the command "/new"."""
    command = {"type": "bot_command", "offset": 0, "length": len(text) - 1}
    assert isinstance(read(message=message(PRIVATE, text, entities=[command])), CommandReceived)
