from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bots.simulator.slack import SlackSimulator
from bots.simulator.slack.delivery import Envelope, Outcome


@dataclass(slots=True)
class Ears:
    """A route that acknowledges everything and keeps it."""

    heard: list[dict[str, Any]] = field(default_factory=list)

    async def deliver(self, envelope: Envelope, *, attempt: int, reason: str) -> Outcome:
        """Keep one payload."""
        self.heard.append(envelope.payload)
        return Outcome(acked=True)

    def events(self) -> list[dict[str, Any]]:
        """Return the inner events."""
        return [payload["event"] for payload in self.heard]


@pytest.fixture
def ears(slack: SlackSimulator) -> Ears:
    """Listen to everything that is delivered."""
    made = Ears()
    slack.dispatcher.route = made
    return made


async def test_a_reply_names_the_thread_and_its_author(
    slack: SlackSimulator, ears: Ears, office: Any
) -> None:
    """thread_ts and parent_user_id come with a reply; the envelope says which workspace it is."""
    await slack.settled()
    ears.heard.clear()
    ts = await slack.say(office.channel, office.bob, "me too", office.root, client_msg_id="cm-1")
    await slack.settled()
    (payload,) = ears.heard
    event = payload["event"]
    assert (event["ts"], event["thread_ts"], event["parent_user_id"]) == (ts, office.root, office.ada)
    assert (event["client_msg_id"], event["channel_type"]) == ("cm-1", "channel")
    assert (payload["team_id"], payload["authorizations"][0]["user_id"]) == ("T1", "U0BOT")


async def test_edits_and_deletes_carry_what_was(slack: SlackSimulator, ears: Ears, office: Any) -> None:
    """message_changed and message_deleted are hidden messages with their own ts."""
    await slack.edit(office.channel, office.root, "<@U0BOT> better > words")
    await slack.delete(office.channel, office.root)
    await slack.settled()
    changed, deleted = [event for event in ears.events() if event.get("subtype")]
    assert changed["message"]["text"] == "<@U0BOT> better &gt; words"
    assert changed["message"]["edited"]["user"] == office.ada
    assert changed["previous_message"]["text"] == "<@U0BOT> what is a stack?"
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", office.root)
    assert changed["ts"] != office.root


async def test_a_join_is_a_message_and_an_event(slack: SlackSimulator, ears: Ears, office: Any) -> None:
    """channel_join and member_joined_channel, also for the bot itself."""
    carol = slack.add_person("Carol")
    await slack.join(office.channel, carol)
    await slack.leave(office.channel, slack.bot_user)
    await slack.say(office.channel, carol, "unheard")
    await slack.join(office.channel, slack.bot_user)
    await slack.settled()
    told = [(event.get("subtype") or event["type"], event["user"]) for event in ears.events()[2:]]
    assert told == [
        ("channel_join", carol),
        ("member_joined_channel", carol),
        ("channel_join", "U0BOT"),
        ("member_joined_channel", "U0BOT"),
    ]


async def test_only_subscribed_events_come(slack: SlackSimulator, ears: Ears, office: Any) -> None:
    """Without message.channels a mention comes once, and a DM comes by message.im."""
    await slack.settled()
    ears.heard.clear()
    slack.subscriptions = frozenset({"app_mention", "message.im"})
    await slack.say(office.channel, office.ada, "<@U0BOT> hi")
    await slack.say(slack.open_dm(office.ada), office.ada, "<@U0BOT> hi")
    await slack.settled()
    kinds = [(event["type"], event.get("channel_type")) for event in ears.events()]
    assert kinds == [("app_mention", None), ("message", "im")]


async def test_a_shared_channel_tells_where_people_come_from(slack: SlackSimulator, ears: Ears) -> None:
    """The envelope is marked, and a person of another workspace carries that team."""
    guest = slack.add_person("Guest", external_team="T9")
    channel = slack.add_channel("ext", [guest], shared=True)
    await slack.say(channel, guest, "hello")
    await slack.settled()
    (payload,) = ears.heard
    assert payload["is_ext_shared_channel"]
    assert (payload["team_id"], payload["event"]["user_team"]) == ("T1", "T9")


async def test_a_file_comes_with_its_address(slack: SlackSimulator, ears: Ears, office: Any) -> None:
    """file_share carries name, type, size and url_private."""
    await slack.share_file(office.channel, office.ada, filename="a.png", content=b"123", mimetype="image/png")
    await slack.settled()
    event = ears.events()[-1]
    assert event["subtype"] == "file_share"
    assert [(file["name"], file["mimetype"], file["size"]) for file in event["files"]] == [
        ("a.png", "image/png", 3)
    ]


async def test_the_stop_button_names_the_streams(
    slack: SlackSimulator, ears: Ears, office: Any, web: AsyncWebClient
) -> None:
    """agent_session_stopped lists the messages that were streaming in the thread."""
    reply = await web.chat_startStream(
        channel=office.channel,
        thread_ts=office.root,
        recipient_user_id=office.ada,
        recipient_team_id="T1",
        markdown_text="x",
    )
    await slack.stop_button(office.channel, office.root, office.bob)
    await slack.settled()
    event = ears.events()[-1]
    assert (event["type"], event["thread_ts"], event["user"]) == (
        "agent_session_stopped",
        office.root,
        office.bob,
    )
    assert event["streaming_message_ts"] == [reply["ts"]]
    assert not slack.screen.messages[office.channel, reply["ts"]].streaming


async def test_a_channel_can_change_its_id(
    slack: SlackSimulator, ears: Ears, office: Any, web: AsyncWebClient
) -> None:
    """The old id is unknown, the thread goes on under the new one."""
    new = await slack.change_channel_id(office.channel)
    await slack.settled()
    event = ears.events()[-1]
    assert (event["old_channel_id"], event["new_channel_id"]) == (office.channel, new)
    assert (await web.chat_postMessage(channel=new, thread_ts=office.root, text="x"))["ok"]


async def test_only_members_speak_and_only_shown_buttons_are_pressed(
    slack: SlackSimulator, office: Any
) -> None:
    """A test that does what no person could do is told so."""
    stranger = slack.add_person("Stranger")
    with pytest.raises(ValueError, match="is not in"):
        await slack.say(office.channel, stranger, "hi")
    with pytest.raises(ValueError, match="no button"):
        await slack.press(office.channel, office.root, "go", None, office.ada)


@pytest.fixture
async def bolt(slack: SlackSimulator) -> AsyncIterator[AsyncApp]:
    """Connect a real app over Socket Mode that takes every message."""
    app = AsyncApp(client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))

    async def ignore() -> None:
        """Acknowledge by being there."""

    app.event("message")(ignore)
    app.event("app_mention")(ignore)
    handler = AsyncSocketModeHandler(app, slack.app_token)
    await handler.connect_async()
    await slack.connected()
    yield app
    await handler.close_async()


async def test_a_command_is_answered_at_once_and_later(
    slack: SlackSimulator, bolt: AsyncApp, office: Any
) -> None:
    """The acknowledgement's text and the response_url's both reach the person; in_channel reaches all."""

    @bolt.command("/kimi")
    async def command(ack: Any, command: dict[str, Any], respond: Any) -> None:
        await ack(text=f"on it: {command['text']}")
        for _ in range(5):
            await respond(text="to all", response_type="in_channel")
        refused = await respond(text="a sixth time")
        assert refused.status_code == 404

    ts = await slack.slash("/kimi", "help", office.channel, office.ada)
    at_once = slack.screen.messages[office.channel, ts]
    assert (at_once.text, at_once.visible_to) == ("on it: help", office.ada)
    shown = [(one.text, one.visible_to) for one in slack.screen.in_channel(office.channel, by_bot=True)]
    while shown.count(("to all", "")) < 5:
        await slack.screen.watch().__anext__()
        shown = [(one.text, one.visible_to) for one in slack.screen.in_channel(office.channel, by_bot=True)]


async def test_a_command_nobody_takes_fails_in_words(slack: SlackSimulator, office: Any, clock: Any) -> None:
    """Slack tells the person that the app did not respond."""
    ts = await slack.slash("/kimi", "help", office.channel, office.ada)
    assert slack.screen.messages[office.channel, ts].text == "/kimi failed because the app did not respond"


async def test_a_press_reaches_the_app_and_its_answer_the_message(
    slack: SlackSimulator, bolt: AsyncApp, office: Any, web: AsyncWebClient
) -> None:
    """Plain and feedback buttons are told apart by value; response_url can replace the message."""
    pressed: list[Any] = []

    @bolt.action("rate")
    async def rate(ack: Any, body: dict[str, Any], respond: Any) -> None:
        pressed.append((body["actions"][0]["type"], body["actions"][0]["value"], body["message"]["ts"]))
        await respond(text="thanks", replace_original=True)
        await ack()

    half = {"text": {"type": "plain_text", "text": "Good"}, "value": "good"}
    feedback = {
        "type": "feedback_buttons",
        "action_id": "rate",
        "positive_button": half,
        "negative_button": {"text": {"type": "plain_text", "text": "Bad"}, "value": "bad"},
    }
    blocks = [{"type": "context_actions", "elements": [feedback]}]
    ts = (await web.chat_postMessage(channel=office.channel, text="answer", blocks=blocks))["ts"]
    assert slack.screen.messages[office.channel, ts].buttons == (("Good", "good"), ("Bad", "bad"))
    assert await slack.press(office.channel, ts, "rate", "bad", office.bob)
    assert pressed == [("feedback_buttons", "bad", ts)]
    assert slack.screen.messages[office.channel, ts].text == "thanks"


async def test_a_press_nobody_takes_is_told(slack: SlackSimulator, office: Any, web: AsyncWebClient) -> None:
    """Without an app the press is not acknowledged."""
    button = {"type": "button", "action_id": "go", "value": "v", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = (await web.chat_postMessage(channel=office.channel, text="x", blocks=blocks))["ts"]
    assert not await slack.press(office.channel, ts, "go", "v", office.ada)
