"""The platform against the stand-in: events are acknowledged when they are stored, not before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
import structlog
from starlette.applications import Starlette

from bots.simulator.slack import SlackSimulator
from bots.slack.app import SlackApp, SlackConfig
from bots.web_server import WebServer
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, RenderedMessage
from core.domain.buttons import ActionButton
from core.domain.clock import FakeClock
from core.domain.command_names import CommandName
from core.domain.errors import PlatformUnavailable, SettingsError
from core.domain.events import (
    ButtonPressed,
    CommandReceived,
    MemberJoined,
    Mention,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    UnparsedEvent,
)
from core.ports.platform import EventSink
from tests.virtual_time import LoopClock


@pytest.fixture
async def people(slack: SlackSimulator) -> tuple[str, str, str]:
    """Return Ada, Bob and a channel with both."""
    ada, bob = slack.add_person("Ada"), slack.add_person("Bob")
    return ada, bob, slack.add_channel("general", [ada, bob])


@asynccontextmanager
async def served(slack: SlackSimulator, inbox: EventSink) -> AsyncIterator[SlackApp]:
    """Serve the platform in HTTP mode, known to the stand-in."""
    config = SlackConfig(
        bot_token=slack.bot_token, signing_secret=slack.signing_secret, api_url=slack.api_url
    )
    platform = SlackApp(config, clock=LoopClock())
    await platform.connect()
    async with WebServer(Starlette(routes=list(platform.routes()))) as server:
        await platform.start(inbox)
        await slack.deliver_to(f"{server.url}/slack/events")
        yield platform
    await platform.close()


@asynccontextmanager
async def dialled(slack: SlackSimulator, config: SlackConfig, inbox: EventSink) -> AsyncIterator[SlackApp]:
    """Connect the platform over Socket Mode."""
    platform = SlackApp(config, clock=LoopClock())
    await platform.connect()
    await platform.start(inbox)
    await slack.connected()
    yield platform
    await platform.close()


@pytest.fixture
async def web_app(slack: SlackSimulator, inbox: EventSink) -> AsyncIterator[SlackApp]:
    """Return the platform in HTTP mode."""
    async with served(slack, inbox) as platform:
        yield platform


@pytest.fixture
async def app(slack: SlackSimulator, config: SlackConfig, inbox: EventSink) -> AsyncIterator[SlackApp]:
    """Return the platform in Socket Mode."""
    async with dialled(slack, config, inbox) as platform:
        yield platform


@pytest.fixture(params=["socket", "http"])
async def either(
    request: pytest.FixtureRequest, slack: SlackSimulator, config: SlackConfig, inbox: EventSink
) -> AsyncIterator[SlackApp]:
    """Return the platform in each of the two modes."""
    way = dialled(slack, config, inbox) if request.param == "socket" else served(slack, inbox)
    async with way as platform:
        yield platform


async def test_it_knows_who_it_is(slack: SlackSimulator, app: SlackApp) -> None:
    """Connecting tells the team and the bot's ids, and events can arrive."""
    assert (app.identity.team_id, app.identity.user_id) == (slack.team, slack.bot_user)
    assert app.identity.bot_id
    assert await app.is_connected()
    assert app.routes() == ()


async def test_a_mention_is_taken_once_with_names(app: SlackApp, slack, inbox, people) -> None:
    """Both events of a mention are acknowledged and give one message with people's names."""
    ada, bob, channel = people
    ts = await slack.say(channel, ada, f"<@{slack.bot_user}> ask <@{bob}> & *me*")
    await slack.settled()
    [said] = inbox.taken
    assert isinstance(said, MessageReceived)
    assert said.text == "ask @Bob & **me**"
    assert (said.author.name, said.author.language) == ("Ada", "en-US")
    assert (said.message_id, said.mention) == (ts, Mention.BY_NAME)
    assert inbox.calls == 2
    assert [one.acked for one in slack.deliveries] == [True, True]


async def test_names_are_asked_for_once(app: SlackApp, slack, inbox, people) -> None:
    """A person's name costs one call, however much they say."""
    ada, _, channel = people
    for number in range(3):
        await slack.say(channel, ada, f"<@{slack.bot_user}> {number}")
    await slack.settled()
    assert len(inbox.taken) == 3
    assert [call.method for call in slack.calls].count("users.info") == 1


async def test_a_name_that_takes_long_delays_little(app, slack, inbox, people) -> None:
    """A slow users.info holds the event up for a second at most; the id stands in for the name."""
    ada, _, channel = people
    slack.faults.next("users.info", "stall", 30)
    await slack.say(channel, ada, f"<@{slack.bot_user}> hi")
    await slack.settled()
    assert inbox.taken[0].author.name == ""
    assert all(one.acked for one in slack.deliveries)


async def test_nothing_is_acknowledged_before_it_is_stored(either, slack, inbox, people) -> None:
    """While the store is busy Slack hears nothing; when it is done, the event is acknowledged."""
    inbox.gate = asyncio.Event()
    await slack.say(slack.open_dm(people[0]), people[0], "hi")
    await inbox.called.wait()
    assert slack.deliveries == []
    inbox.gate.set()
    await slack.settled()
    assert [(one.attempt, one.acked) for one in slack.deliveries] == [(0, True)]


async def test_without_a_store_slack_delivers_again_over_http(web_app, slack, inbox, people) -> None:
    """A store that is down answers 5xx, and the redelivery is taken."""
    inbox.failures = 1
    await slack.say(slack.open_dm(people[0]), people[0], "hi")
    await slack.settled()
    assert [(one.attempt, one.acked, one.retry_reason) for one in slack.deliveries] == [
        (0, False, ""),
        (1, True, "http_error"),
    ]
    assert len(inbox.taken) == 1


async def test_without_a_store_slack_delivers_again_over_the_socket(app, slack, inbox, people) -> None:
    """A store that is down leaves the envelope unacknowledged, and the redelivery is taken."""
    inbox.failures = 1
    await slack.say(slack.open_dm(people[0]), people[0], "hi")
    await slack.settled()
    assert [(one.attempt, one.acked) for one in slack.deliveries] == [(0, False), (1, True)]
    assert len(inbox.taken) == 1


async def test_every_event_is_acknowledged(app, slack, inbox, people) -> None:
    """Joins, deletions, edits of others, reactions and our own messages are acknowledged too."""
    ada, bob, channel = people
    carol = slack.add_person("Carol")
    ts = await slack.say(channel, ada, "top-level talk")
    await slack.edit(channel, ts, "top-level talk, changed")
    await slack.delete(channel, ts)
    await slack.join(channel, carol)
    root = await slack.say(channel, bob, f"<@{slack.bot_user}> hi")
    await slack.settled()
    said = next(
        event for event in inbox.taken if isinstance(event, MessageReceived) and event.message_id == root
    )
    await app.message_channel.post(
        said.address,
        RenderedMessage(markdown="One", text="One"),
        mode=DeliveryModeName.EDIT,
        idempotency_key="m",
    )
    await slack.settled()
    kinds = [type(event) for event in inbox.taken]
    assert (kinds.count(MessageDeleted), kinds.count(MemberJoined)) == (1, 1)
    assert all(one.acked and one.attempt == 0 for one in slack.deliveries)
    assert {one.event_type for one in slack.deliveries} > {"message", "app_mention"}


async def test_what_is_said_first_is_stored_first(app, slack, inbox, people) -> None:
    """A mention by somebody known does not overtake the words of somebody whose name is looked up."""
    ada, bob, channel = people
    root = await slack.say(channel, ada, "We leave at nine.")
    await slack.settled()
    slack.faults.next("users.info", "stall", seconds=0.3)
    await slack.say(channel, bob, "Make it ten.", root)
    await slack.say(channel, ada, f"<@{slack.bot_user}> when?", root)
    await slack.settled()
    assert [event.text for event in inbox.taken] == ["We leave at nine.", "Make it ten.", "when?"]


async def test_an_edit_and_a_command_arrive(app, slack, inbox, people) -> None:
    """A changed question is an edit of it; /kimi is acknowledged silently and is an order."""
    ada, _, channel = people
    ts = await slack.say(channel, ada, f"<@{slack.bot_user}> a")
    await slack.edit(channel, ts, f"<@{slack.bot_user}> b")
    answer = await slack.slash("/kimi", "new", channel, ada)
    await slack.settled()
    assert answer == ""
    kinds = {type(event): event for event in inbox.taken}
    assert kinds[MessageEdited].text == "b"
    assert kinds[CommandReceived].command is CommandName.NEW


async def test_a_message_that_a_client_sent_twice_keeps_the_clients_id(app, slack, inbox, people) -> None:
    """Slack gives the second another ts and the same client_msg_id, by which the store knows it."""
    ada, _, channel = people
    text = f"<@{slack.bot_user}> hello?"
    for client_id in ("one", "one", "two"):
        await slack.say(channel, ada, text, client_msg_id=client_id)
        await slack.settled()
    assert {event.client_id for event in inbox.taken} == {"one", "two"}
    assert len({event.message_id for event in inbox.taken}) == 3


@pytest.mark.parametrize("word", ["token_revoked", "account_inactive", "invalid_auth"])
async def test_a_token_that_slack_refuses_at_run_time_is_noticed(slack, inbox, people, word: str) -> None:
    """Not ready until the token works again, though events may arrive; we chose to ask once a minute."""
    clock = FakeClock()
    platform = SlackApp(
        SlackConfig(bot_token=slack.bot_token, signing_secret="s" * 32, api_url=slack.api_url), clock=clock
    )
    await platform.connect()
    try:
        await platform.start(inbox)
        slack.faults.refuse("auth.test", word)
        assert await platform.is_connected(), "asked at most once a minute"
        clock.advance(61)
        with structlog.testing.capture_logs() as lines:
            assert not await platform.is_connected()
            assert not await platform.is_connected()
        (line,) = [line for line in lines if line["event"] == "slack.token_refused"]
        assert "SLACK_BOT_TOKEN" in line["fault"]
        clock.advance(61)
        assert await platform.is_connected()
        clock.advance(61)
        slack.faults.next("auth.test", "503", times=9)
        assert await platform.is_connected(), "a failing Slack says nothing about the token"
    finally:
        await platform.close()


async def test_a_slash_command_without_a_store_fails_visibly(app, slack, inbox, people) -> None:
    """Slack does not repeat a command, so it tells the person that it failed."""
    ada, _, channel = people
    inbox.failures = 1
    shown = await slack.slash("/kimi", "new", channel, ada)
    assert shown != ""


async def test_our_buttons_are_heard(either, slack, inbox, people) -> None:
    """A press under an answer of ours arrives with its control, over both ways in."""
    ada, _, channel = people
    await slack.say(channel, ada, f"<@{slack.bot_user}> hi")
    await slack.settled()
    address: Address = inbox.taken[0].address
    ref = await either.message_channel.post(
        address,
        RenderedMessage(markdown="One", text="One"),
        mode=DeliveryModeName.EDIT,
        idempotency_key="m",
        buttons=(ActionButton.RETRY, ActionButton.GOOD, ActionButton.BAD),
    )
    assert await slack.press(channel, ref.message_id, "moonthread_retry", "retry", ada)
    assert await slack.press(channel, ref.message_id, "moonthread_feedback", "bad", ada)
    presses = [event for event in inbox.taken if isinstance(event, ButtonPressed)]
    assert [event.action for event in presses] == [ActionButton.RETRY, ActionButton.BAD]
    assert {event.address.key for event in presses} == {address.key}
    assert {event.message_id for event in presses} == {ref.message_id}


async def test_a_broken_event_is_recorded_and_acknowledged(web_app, slack, inbox, people) -> None:
    """An event that cannot be read is kept as it is, and does not come again."""
    place = slack.workspace.channels[people[2]]
    broken = {"type": "app_mention", "user": people[0], "channel": place.id, "text": f"<@{slack.bot_user}>"}
    slack.dispatcher.event(place, broken)
    await slack.settled()
    [event] = inbox.taken
    assert isinstance(event, UnparsedEvent)
    assert event.delivery_id.startswith("event:Ev")
    assert "app_mention" in event.raw
    assert [one.acked for one in slack.deliveries] == [True]


async def test_an_unsigned_request_is_refused(web_app, inbox) -> None:
    """A request without Slack's signature is answered 401 and gives no event."""
    app = Starlette(routes=list(web_app.routes()))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://bot") as client:
        body = {"type": "event_callback", "event": {"type": "message"}}
        refused = await client.post("/slack/events", json=body)
        garbled = await client.post("/slack/events", content=b"\xff\xfe")
    assert (refused.status_code, garbled.status_code) == (401, 400)
    assert inbox.calls == 0


async def test_stopping_lets_what_is_being_stored_finish(app, slack, inbox, people) -> None:
    """An event in the middle of being stored is stored and acknowledged before the socket closes."""
    inbox.gate = asyncio.Event()
    await slack.say(slack.open_dm(people[0]), people[0], "hi")
    await inbox.called.wait()
    stopping = asyncio.create_task(app.stop())
    await asyncio.sleep(0)
    inbox.gate.set()
    await stopping
    await slack.settled()
    assert [one.acked for one in slack.deliveries] == [True]
    assert not await app.is_connected()


async def test_after_stopping_the_surface_goes_on(app, slack, inbox, people) -> None:
    """Answers can be finished after the way in is closed."""
    ada, _, channel = people
    await slack.say(channel, ada, f"<@{slack.bot_user}> hi")
    await slack.settled()
    await app.stop()
    ref = await app.message_channel.post(
        inbox.taken[0].address,
        RenderedMessage(markdown="One", text="One"),
        mode=DeliveryModeName.STREAM,
        idempotency_key="m",
    )
    assert slack.screen.messages[ref.channel, ref.message_id].text == "One"


async def test_it_comes_back_after_slack_renews_the_socket(app, slack, inbox, people) -> None:
    """A connection that Slack asks to replace is replaced, and events go on."""
    await slack.refresh_sockets()
    await slack.connected()
    await slack.say(slack.open_dm(people[0]), people[0], "hi")
    await slack.settled()
    assert len(inbox.taken) == 1


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [({"bot_token": "xoxb-wrong"}, "SLACK_BOT_TOKEN"), ({"app_token": "xapp-wrong"}, "SLACK_APP_TOKEN")],
)
async def test_a_wrong_token_is_named(config: SlackConfig, wrong: dict[str, str], setting: str) -> None:
    """A refused token is a fault in the settings that says which and what to do, without the token."""
    platform = SlackApp(replace(config, **wrong), clock=LoopClock())
    with pytest.raises(SettingsError) as caught:
        await platform.connect()
    await platform.close()
    [fault] = caught.value.faults
    assert fault.startswith(setting)
    assert next(iter(wrong.values())) not in fault


async def test_a_slack_that_cannot_be_reached_is_unavailable(config: SlackConfig) -> None:
    """No connection is no fault of the settings."""
    platform = SlackApp(replace(config, api_url="http://127.0.0.1:9/api/"), clock=LoopClock())
    with pytest.raises(PlatformUnavailable):
        await platform.connect()
    await platform.close()


def test_a_way_in_is_needed(config: SlackConfig) -> None:
    """Without app token and signing secret nothing could arrive, and that is said at once."""
    with pytest.raises(SettingsError):
        SlackApp(replace(config, app_token=""), clock=LoopClock())


def test_credentials_are_not_shown(config: SlackConfig) -> None:
    """The configuration's repr holds no secret."""
    assert "xoxb" not in repr(config)
    assert "xapp" not in repr(config)
