"""What Slack delivers becomes the domain's events."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bots.slack.events import MalformedEvent, parse_event
from bots.slack.people import BotIdentity, KnownNames, Profile
from bots.slack.references import References, references_of
from core.domain.addresses import ChatType, Person, ThreadKey
from core.domain.buttons import ActionButton
from core.domain.command_names import CommandName
from core.domain.events import (
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    Mention,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
)
from core.domain.message_content import UnsupportedContent

ME = BotIdentity(team_id="T1", user_id="UBOT", bot_id="BBOT", name="kimi")
KNOWN = KnownNames(profiles={"U1": Profile(name="Ada", language="zh-CN")})
NOW = datetime(2026, 11, 21, tzinfo=UTC)
TS = "1700000000.000100"
ROOT = "1690000000.000100"


def envelope(**event: Any) -> dict[str, Any]:
    """Wrap an event as Slack does; what is not given is a plain message in a channel."""
    plain = {"type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "ts": TS}
    return {
        "type": "event_callback",
        "team_id": "T9",
        "event_id": "Ev1",
        "authorizations": [{"team_id": "T1", "user_id": "UBOT"}],
        "event": plain | event,
    }


def read(body: dict[str, Any], me: BotIdentity = ME) -> Event | None:
    """Decode with what these tests know."""
    return parse_event(body, me, KNOWN, received_at=NOW)


def test_a_mention_is_said_in_the_thread_it_begins() -> None:
    """A mention at a channel's top level begins a thread at its own ts, with all a stream needs."""
    event = read(envelope(text="<@UBOT> *hi* <@U1>", client_msg_id="x"))
    assert isinstance(event, MessageReceived)
    assert event.address.key == ThreadKey(platform="slack", tenant="T1", channel="C1", thread=TS)
    assert event.address.details == {
        "status_ts": TS,
        "question_ts": TS,
        "recipient_user": "U1",
        "recipient_team": "T1",
        "language": "zh-CN",
    }
    assert event.author == Person(id="U1", name="Ada", language="zh-CN")
    assert event.text == "**hi** @Ada"
    assert (event.chat_type, event.mention) == (ChatType.GROUP, Mention.BY_NAME)
    assert event.sent_at == datetime.fromtimestamp(1700000000.0001, tz=UTC)


@pytest.mark.parametrize("thread", [{}, {"thread_ts": ROOT}])
def test_both_events_of_a_mention_are_the_same(thread: dict[str, str]) -> None:
    """app_mention and message.channels of one message give equal events, so one is a duplicate."""
    mention = envelope(type="app_mention", text="<@UBOT> hi", **thread)
    del mention["event"]["channel_type"]
    assert read(mention) == read(envelope(text="<@UBOT> hi", **thread))
    assert read(mention) is not None


def test_a_reply_in_a_thread_is_overheard() -> None:
    """A reply without a mention is handed on as overheard, in the root's thread."""
    event = read(envelope(text="and then?", thread_ts=ROOT))
    assert isinstance(event, MessageReceived)
    assert event.mention is Mention.NONE
    assert event.address.key.thread == ROOT


@pytest.mark.parametrize(
    "event",
    [
        {"text": "<@UBOT> joined", "subtype": "channel_join"},
        {"text": "<@UBOT>", "subtype": "message_deleted", "hidden": True},
        {"text": "<@UBOT> hi", "user": "UBOT"},
        {"text": "<@UBOT> hi", "bot_id": "BBOT", "user": None},
        {"text": "hi", "user": None},
        {"text": "<@UBOT> hi", "user": "USLACK"},
        {"text": "<@UBOT> hi", "hidden": True},
        {"text": "<@UBOT> hi", "type": "app_mention", "edited": {"user": "U1", "ts": TS}},
        {"type": "pin_added"},
        {"type": "app_home_opened"},
    ],
)
def test_what_does_not_concern_us_is_nothing(event: dict[str, Any]) -> None:
    """Notes of joins, deletions without an author, bots, ourselves and unknown kinds give no event."""
    assert read(envelope(**event)) is None


@pytest.mark.parametrize("said", ["hello all", "`<@UBOT>` is how you call it"])
def test_top_level_talk_is_overheard(said: str) -> None:
    """What is said to nobody in particular is told as such, in the thread that it may begin."""
    event = read(envelope(text=said))
    assert isinstance(event, MessageReceived)
    assert (event.mention, event.address.key.thread) == (Mention.NONE, TS)


def gone(**before: Any) -> dict[str, Any]:
    """Return the event of a deleted message."""
    previous = {"user": "U1", "ts": ROOT, "text": "a"} | before
    return envelope(
        subtype="message_deleted",
        hidden=True,
        deleted_ts=ROOT,
        previous_message=previous,
        event_ts=TS,
        user="",
    )


def test_a_deleted_message_is_told_with_its_author_and_thread() -> None:
    """A reply that is taken away names whose it was and where it stood."""
    event = read(gone(thread_ts="1699999999.000001"))
    assert isinstance(event, MessageDeleted)
    assert (event.message_id, event.author.id) == (ROOT, "U1")
    assert event.address.key.thread == "1699999999.000001"
    assert event.delivery_id == f"deleted:C1:{ROOT}"
    assert references_of(gone()) == References(people={"U1"})


def test_a_root_that_leaves_a_stone_is_deleted() -> None:
    """A root with replies is no edit to other words, but gone."""
    body = changed("a", "This message was deleted.", subtype="tombstone", user="USLACKBOT", edited=None)
    event = read(body)
    assert isinstance(event, MessageDeleted)
    assert (event.message_id, event.author.id, event.address.key.thread) == (ROOT, "U1", ROOT)
    assert references_of(body) == References(people={"U1"})


@pytest.mark.parametrize("before", [{"user": "UBOT"}, {"bot_id": "B1"}, {"user": "USLACKBOT"}])
def test_a_bots_message_that_goes_is_nothing(before: dict[str, str]) -> None:
    """Only people's messages matter."""
    assert read(gone(**before)) is None


def test_somebody_who_comes_has_joined() -> None:
    """A member of a channel is told with the team they come from; our own coming is nothing."""
    coming = {"type": "member_joined_channel", "team": "T7", "event_ts": TS}
    event = read(envelope(**coming))
    assert isinstance(event, MemberJoined)
    assert event.address.key == ThreadKey(platform="slack", tenant="T1", channel="C1", thread="")
    assert (event.author.id, event.address.details["recipient_team"]) == ("U1", "T7")
    assert read(envelope(**coming, user="UBOT")) is None


def test_a_direct_message_is_answered_at_the_top_level() -> None:
    """In a DM the channel is the conversation, and the status stands under the message."""
    event = read(envelope(channel="D1", channel_type="im", text="hi"))
    assert isinstance(event, MessageReceived)
    assert event.address.key.thread == ""
    assert event.address.details["status_ts"] == TS
    assert (event.chat_type, event.mention) == (ChatType.DIRECT, Mention.DIRECT)


def test_a_thread_in_a_direct_conversation_is_one_of_its_own() -> None:
    """A reply in a DM's thread belongs to that thread."""
    event = read(envelope(channel="D1", channel_type="im", text="hi", thread_ts=ROOT))
    assert isinstance(event, MessageReceived)
    assert event.address.key.thread == ROOT


def test_with_the_agent_view_each_direct_message_begins_a_thread() -> None:
    """The agent view shows every message of a person as the root of a thread."""
    agent = BotIdentity(team_id="T1", user_id="UBOT", agent_view=True)
    event = read(envelope(channel="D1", channel_type="im", text="hi"), agent)
    assert isinstance(event, MessageReceived)
    assert event.address.key.thread == TS


def test_a_group_conversation_needs_a_mention() -> None:
    """In an mpim only a mention is for us, as in a channel."""
    heard = read(envelope(channel="G1", channel_type="mpim", text="hi"))
    assert isinstance(heard, MessageReceived)
    assert heard.mention is Mention.NONE
    event = read(envelope(channel="G1", channel_type="mpim", text="hi <@UBOT>"))
    assert isinstance(event, MessageReceived)
    assert event.chat_type is ChatType.GROUP


@pytest.mark.parametrize("name", ["user_team", "source_team", "team"])
def test_a_guest_of_another_team_is_the_recipient_with_that_team(name: str) -> None:
    """In a shared channel the person's own team is noted, the conversation stays with ours."""
    event = read(envelope(text="<@UBOT> hi", **{name: "T7"}))
    assert isinstance(event, MessageReceived)
    assert event.address.details["recipient_team"] == "T7"
    assert event.address.key.tenant == "T1"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"text": "<@UBOT>"}, UnsupportedContent.EMPTY),
        ({"text": "<@UBOT>", "files": [{"mimetype": "audio/mp4"}]}, UnsupportedContent.VOICE),
        (
            {"text": "<@UBOT>", "files": [{"mimetype": "video/mp4", "subtype": "slack_audio"}]},
            UnsupportedContent.VOICE,
        ),
        ({"text": "<@UBOT>", "files": [{"mimetype": "image/png"}]}, None),
        ({"text": "<@UBOT> see"}, None),
    ],
)
def test_what_cannot_be_read_is_named(event: dict[str, Any], kind: UnsupportedContent | None) -> None:
    """An empty message and one of nothing but sound say so."""
    subtype = {"subtype": "file_share"} if "files" in event else {}
    said = read(envelope(**event, **subtype))
    assert isinstance(said, MessageReceived)
    assert said.unsupported_content is kind


def test_what_can_be_read_is_attached() -> None:
    """All files of a message come with it, in order, with where they are to be had."""
    files = [
        {"id": "F1", "name": "a.pdf", "mimetype": "application/pdf", "size": 5, "url_private": "https://f/1"},
        {"id": "F2", "mimetype": "image/png", "url_private_download": "https://f/2"},
        {"id": "F3", "title": "clip", "mimetype": "video/mp4"},
        {"id": "F4", "mode": "tombstone"},
        {"id": "F5", "name": "sheet", "mode": "external", "url_private": "https://drive.test/5"},
        {"id": "F6", "mimetype": "audio/mp4", "url_private": "https://f/6"},
    ]
    said = read(envelope(text="<@UBOT> see", subtype="file_share", files=files))
    assert isinstance(said, MessageReceived)
    assert said.unsupported_content is None
    found = [
        (one.kind.value, one.name, one.media_type, one.size_bytes, one.source) for one in said.attachments
    ]
    assert found == [
        ("file", "a.pdf", "application/pdf", 5, {"id": "F1", "url": "https://f/1"}),
        ("picture", "", "image/png", 0, {"id": "F2", "url": "https://f/2"}),
        ("video", "clip", "video/mp4", 0, {"id": "F3"}),
        ("file", "", "", 0, {"id": "F4", "gone": "yes"}),
        ("file", "sheet", "", 0, {"id": "F5", "external": "yes"}),
        ("audio", "", "audio/mp4", 0, {"id": "F6", "url": "https://f/6"}),
    ]


def test_a_broadcast_reply_is_said() -> None:
    """A reply also sent to the channel is an ordinary reply."""
    event = read(envelope(text="<@UBOT> hi", subtype="thread_broadcast", thread_ts=ROOT))
    assert isinstance(event, MessageReceived)


@pytest.mark.parametrize(
    ("words", "command", "argument"),
    [
        ("/new", CommandName.NEW, ""),
        ("/STOP now", CommandName.STOP, "now"),
        ("/retry", CommandName.RETRY, ""),
        ("/help", CommandName.HELP, ""),
        ("/start", CommandName.START, ""),
    ],
)
def test_a_command_in_a_mention_is_an_order(words: str, command: CommandName, argument: str) -> None:
    """A slash word after the mention is an order in that thread."""
    event = read(envelope(text=f"<@UBOT> {words}", thread_ts=ROOT))
    assert isinstance(event, CommandReceived)
    assert (event.command, event.argument) == (command, argument)
    assert event.address.key.thread == ROOT
    assert event.delivery_id == f"msg:C1:{TS}"


@pytest.mark.parametrize("words", ["<@UBOT> new", "<@UBOT> /etc/hosts is what?", "<@UBOT> /unknown"])
def test_a_word_without_its_slash_is_no_order(words: str) -> None:
    """Only our own commands with their slash are orders."""
    assert isinstance(read(envelope(text=words)), MessageReceived)


def test_an_overheard_command_is_no_order() -> None:
    """What people say to each other orders us to nothing."""
    event = read(envelope(text="/stop", thread_ts=ROOT))
    assert isinstance(event, MessageReceived)


def slash(text: str, channel: str = "C1") -> dict[str, Any]:
    """Return the form of a slash command."""
    return {
        "command": "/kimi",
        "text": text,
        "trigger_id": "13345224609.738474920.8088930838d8",
        "team_id": "T1",
        "channel_id": channel,
        "user_id": "U1",
    }


@pytest.mark.parametrize(
    ("text", "command", "argument"),
    [
        ("new", CommandName.NEW, ""),
        (" Stop ", CommandName.STOP, ""),
        ("retry please", CommandName.RETRY, "please"),
        ("help", CommandName.HELP, ""),
        ("", CommandName.HELP, ""),
        ("halp", CommandName.HELP, ""),
    ],
)
def test_a_slash_command_is_an_order(text: str, command: CommandName, argument: str) -> None:
    """/kimi with a known word is that order, with anything else a call for help."""
    event = read(slash(text))
    assert isinstance(event, CommandReceived)
    assert (event.command, event.argument, event.message_id) == (command, argument, "")
    assert event.delivery_id == "slash:13345224609.738474920.8088930838d8"
    assert event.address.key == ThreadKey(platform="slack", tenant="T1", channel="C1", thread="")
    assert event.sent_at == NOW


@pytest.mark.parametrize(
    ("text", "channel", "private"),
    [
        ("usage", "C1", True),
        ("anything", "C1", True),
        ("halp!", "C1", True),
        ("retry", "C1", False),
        ("human", "C1", False),
        ("usage", "D1", False),
    ],
)
def test_replies_to_slash_commands_are_private(text: str, channel: str, private: bool) -> None:
    """In a channel the reply goes back to the person alone, unless it concerns everybody there."""
    event = read(slash(text, channel) | {"response_url": "https://hooks.slack.com/commands/1"})
    assert isinstance(event, CommandReceived)
    assert ("response_url" in event.address.details) is private


@pytest.mark.parametrize("text", ["why not", "为什么", "halp me", "why?", "<@U1|bob> said what?"])
def test_words_in_a_slash_command_are_a_question(text: str) -> None:
    """Only a single Latin word is taken for a mistyped command; we chose so."""
    event = read(slash(text) | {"response_url": "https://hooks.slack.com/commands/1"})
    assert isinstance(event, MessageReceived)
    assert (event.mention, event.is_hidden, event.message_id) == (Mention.BY_NAME, True, "")
    assert "<@" not in event.text
    assert "response_url" not in event.address.details, "the answer is for all"


@pytest.mark.parametrize("allowed", ["BCI", "ACI", "UCI"])
def test_an_allowed_app_s_mention_asks(allowed: str) -> None:
    """Apps are named by any of their ids; Slack gives them in three fields."""
    body = envelope(
        user="UCI", bot_id="BCI", bot_profile={"app_id": "ACI", "name": "CI"}, text="<@UBOT> why?"
    )
    event = read(body, replace(ME, allowed_apps=frozenset({allowed})))
    assert isinstance(event, MessageReceived)
    assert (event.by_app, event.mention) == (True, Mention.BY_NAME)
    other = read(body, replace(ME, allowed_apps=frozenset({"BOTHER"})))
    assert isinstance(other, MessageReceived)
    assert other.mention is Mention.NONE
    command = read(
        envelope(user="UCI", bot_id="BCI", text="<@UBOT> /new"), replace(ME, allowed_apps=frozenset({"BCI"}))
    )
    assert isinstance(command, MessageReceived), "an app gives no commands"


def test_a_slash_command_in_a_direct_conversation_is_direct() -> None:
    """The scene of a command follows from the channel's id."""
    event = read(slash("new", channel="D1"))
    assert isinstance(event, CommandReceived)
    assert event.chat_type is ChatType.DIRECT


def changed(before: str, after: str, **message: Any) -> dict[str, Any]:
    """Return the event of a changed message."""
    inner = {"user": "U1", "ts": ROOT, "text": after, "edited": {"user": "U1", "ts": TS}} | message
    previous = {"user": "U1", "ts": ROOT, "text": before}
    body = envelope(subtype="message_changed", hidden=True, message=inner, previous_message=previous)
    del body["event"]["user"]
    return body


def test_a_changed_text_is_an_edit() -> None:
    """New words of a person are told, once for each change."""
    event = read(changed("<@UBOT> a", "<@UBOT> *b*"))
    assert isinstance(event, MessageEdited)
    assert (event.message_id, event.text) == (ROOT, "**b**")
    assert event.delivery_id == f"edit:C1:{ROOT}:{TS}"
    assert event.address.key.thread == ROOT


@pytest.mark.parametrize(
    "body",
    [
        changed("same", "same"),
        changed("a", "b", bot_id="BBOT"),
        changed("a", "b", user="UBOT"),
        changed("a", "b", edited=None),
    ],
)
def test_other_changes_are_no_edit(body: dict[str, Any]) -> None:
    """Unfurled links, our own updates and other bots are no edit."""
    assert read(body) is None


def press(**overrides: Any) -> dict[str, Any]:
    """Return the payload of a pressed button under an answer in a thread."""
    plain: dict[str, Any] = {
        "type": "block_actions",
        "team": {"id": "T1"},
        "user": {"id": "U1", "team_id": "T7"},
        "container": {"type": "message", "message_ts": TS, "channel_id": "C1", "thread_ts": ROOT},
        "message": {"ts": TS, "thread_ts": ROOT},
        "channel": {"id": "C1"},
        "actions": [{"action_id": "moonthread_retry", "value": "retry", "action_ts": "1700000009.5"}],
    }
    return plain | overrides


def test_a_button_is_pressed_in_its_thread() -> None:
    """A press names the control, the message and the conversation it stands in."""
    event = read(press())
    assert isinstance(event, ButtonPressed)
    assert (event.action, event.message_id) == (ActionButton.RETRY, TS)
    assert event.address.key == ThreadKey(platform="slack", tenant="T1", channel="C1", thread=ROOT)
    assert event.address.details["recipient_team"] == "T7"
    assert event.delivery_id == f"press:1700000009.5:C1:{TS}"


def test_a_button_at_the_top_level_has_no_thread() -> None:
    """An answer at the top level that somebody replied to is not its own thread."""
    event = read(press(message={"ts": TS, "thread_ts": TS}, container={"message_ts": TS, "channel_id": "D1"}))
    assert isinstance(event, ButtonPressed)
    assert event.address.key.thread == ""
    assert event.chat_type is ChatType.DIRECT


@pytest.mark.parametrize(
    "action", [{"action_id": "other", "value": "retry"}, {"action_id": "moonthread_x", "value": "x"}]
)
def test_foreign_buttons_are_nothing(action: dict[str, str]) -> None:
    """A button of somebody else's making gives no event."""
    assert read(press(actions=[{**action, "action_ts": TS}])) is None


def test_slacks_own_stop_button_is_an_order() -> None:
    """Stop on a running agent session is /stop in that thread."""
    event = read(
        envelope(type="agent_session_stopped", thread_ts=ROOT, streaming_message_ts=[TS], event_ts=TS)
    )
    assert isinstance(event, CommandReceived)
    assert event.command is CommandName.STOP
    assert event.address.key.thread == ROOT


def test_a_channel_with_a_new_id_has_moved() -> None:
    """A channel that was shared keeps its conversations under its new id."""
    body = envelope(type="channel_id_changed", old_channel_id="G1", new_channel_id="C9")
    event = read(body)
    assert event == ChannelMigrated(
        delivery_id="moved:G1:C9", platform="slack", tenant="T1", old_channel="G1", new_channel="C9"
    )


@pytest.mark.parametrize(
    "event",
    [
        {"text": "<@UBOT> hi", "ts": None},
        {"text": "<@UBOT> hi", "ts": "soon"},
        {"text": ["<@UBOT>"]},
        {"type": "channel_id_changed"},
    ],
)
def test_a_broken_event_says_so(event: dict[str, Any]) -> None:
    """An event of a kind that concerns us but with another shape is a fault, not nothing."""
    with pytest.raises(MalformedEvent):
        read(envelope(**event))


def test_the_people_of_an_event_are_known_before_it_is_read() -> None:
    """Author and mentioned people are named for lookup in every kind of body."""
    assert references_of(envelope(text="<@U2> <@UBOT>")).people == {"U1", "U2", "UBOT"}
    assert references_of(changed("a", "<@U3>")).people == {"U1", "U3"}
    assert references_of(slash("new")).people == {"U1"}
    assert references_of(press()).people == {"U1"}
    assert references_of({"type": "event_callback"}) == References()


def test_names_of_blocks_shares_and_groups_are_looked_up() -> None:
    """Ids in blocks and forwarded messages need names too; Slack names labelled channels itself."""
    elements = [{"type": "user", "user_id": "U5"}, {"type": "channel", "channel_id": "C5"}]
    share = {"is_share": True, "author_id": "U6", "channel_id": "C6", "text": "<@U7> <#C7|seven>"}
    body = envelope(
        text="<!subteam^S1> <#C8|>",
        blocks=[{"type": "rich_text", "elements": [{"elements": elements}]}],
        attachments=[share],
    )
    assert references_of(body) == References(
        people={"U1", "U5", "U6", "U7"}, channels={"C5", "C6", "C8"}, groups={"S1"}
    )


def test_a_reaction_is_read_as_its_character() -> None:
    """In a skin tone too; a workspace's own emoji, files' reactions and the bot's own are left out."""
    item = {"type": "message", "channel": "C1", "ts": TS}

    def react(name: str, kind: str = "reaction_added", **more: Any) -> Event | None:
        return read(
            envelope(type=kind, **{"user": "U7", "reaction": name, "item": item, "event_ts": TS} | more)
        )

    added = react("+1::skin-tone-3")
    assert isinstance(added, ReactionChanged)
    assert (added.message_id, added.added, added.removed) == (TS, ("👍🏼",), ())
    removed = react("tada", "reaction_removed")
    assert isinstance(removed, ReactionChanged)
    assert (removed.added, removed.removed) == ((), ("🎉",))
    assert react("our-logo") is None
    assert react("tada", item={"type": "file", "file": "F1"}) is None
    assert react("tada", user=ME.user_id) is None
