import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from websockets.asyncio.client import ClientConnection, connect

from bots.simulator.slack import SlackSimulator


class Listener:
    """A real slack-bolt app that writes down what it is told."""

    def __init__(self, slack: SlackSimulator, *, everything: bool = True) -> None:
        self.app = AsyncApp(client=AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))
        self.events: list[dict[str, Any]] = []
        self.bodies: list[dict[str, Any]] = []
        self.heard = asyncio.Event()
        if everything:
            self.app.event({"type": "message", "subtype": None})(self.take)
            self.app.event("message")(self.take)
            self.app.event("app_mention")(self.take)
        self.handlers = [AsyncSocketModeHandler(self.app, slack.app_token)]

    async def take(self, event: dict[str, Any], body: dict[str, Any]) -> None:
        """Write an event down."""
        self.events.append(event)
        self.bodies.append(body)
        self.heard.set()

    async def until(self, count: int) -> None:
        """Wait until so many events came."""
        while len(self.events) < count:
            self.heard.clear()
            await asyncio.wait_for(self.heard.wait(), timeout=100)


@pytest.fixture
async def bolt(slack: SlackSimulator) -> AsyncIterator[Listener]:
    """Connect a real app over Socket Mode."""
    listener = Listener(slack)
    await listener.handlers[0].connect_async()
    await slack.connected()
    yield listener
    for handler in listener.handlers:
        await handler.close_async()


async def test_a_mention_comes_twice_with_one_ts(slack: SlackSimulator, bolt: Listener) -> None:
    """A mention is message and app_mention share ts and text and differ in event_id; their order changes."""
    ada = slack.add_person("Ada")
    channel = slack.add_channel("general", [ada])
    for text in ("<@U0BOT> a < b", "<@U0BOT> again"):
        await slack.say(channel, ada, text)
    await bolt.until(4)
    await slack.settled()
    kinds = [event["type"] for event in bolt.events]
    assert sorted(kinds) == ["app_mention", "app_mention", "message", "message"]
    first, second = bolt.events[:2]
    assert first["ts"] == second["ts"]
    assert first["text"] == second["text"] == "<@U0BOT> a &lt; b"
    assert len({body["event_id"] for body in bolt.bodies}) == 4
    assert {delivery.attempt for delivery in slack.deliveries} == {0}


async def test_answers_of_the_bot_come_back_as_events(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """A post is a message with bot_id, an update a message_changed; Bolt acknowledges both."""
    async with open_socket(slack) as socket:
        ts = (await web.chat_postMessage(channel=office.channel, text="one"))["ts"]
        posted = (await envelope(socket))["payload"]["event"]
        await web.chat_update(channel=office.channel, ts=ts, text="two")
        changed = (await envelope(socket))["payload"]["event"]
    assert (posted["ts"], posted["bot_id"], posted["user"]) == (ts, "B0BOT", "U0BOT")
    assert (changed["subtype"], changed["message"]["text"]) == ("message_changed", "two")
    assert changed["previous_message"]["text"] == "one"
    assert changed["ts"] != ts


class open_socket:  # noqa: N801 - reads as a function
    """One plain WebSocket that acknowledges only what the test says."""

    def __init__(self, slack: SlackSimulator) -> None:
        self.slack = slack

    async def __aenter__(self) -> ClientConnection:
        client = AsyncWebClient(base_url=self.slack.api_url)
        url = (await client.apps_connections_open(app_token=self.slack.app_token))["url"]
        self.socket = await connect(url, proxy=None)
        self.hello = await envelope(self.socket)
        return self.socket

    async def __aexit__(self, *_: object) -> None:
        await self.socket.close()


async def envelope(socket: ClientConnection) -> Any:
    """Return the next frame as JSON."""
    return json.loads(await asyncio.wait_for(socket.recv(), timeout=100))


async def test_what_is_not_acknowledged_comes_again(slack: SlackSimulator, clock: Any) -> None:
    """After three seconds at once, then after one and five minutes, then never; the event is the same."""
    ada = slack.add_person("Ada")
    dm = slack.open_dm(ada)
    async with open_socket(slack) as socket:
        await slack.say(dm, ada, "hello")
        seen = []
        for wait_s in (0.0, 60.0, 300.0, None):
            seen.append(await envelope(socket))
            await clock.asked(3.0)
            await clock.advance(3.0)
            if wait_s:
                await clock.asked(wait_s)
                await clock.advance(wait_s)
        await slack.settled()
    assert [frame["retry_attempt"] for frame in seen] == [0, 1, 2, 3]
    assert [frame["retry_reason"] for frame in seen] == ["", "timeout", "timeout", "timeout"]
    assert len({frame["payload"]["event_id"] for frame in seen}) == 1
    assert len({frame["envelope_id"] for frame in seen}) == 4
    assert len(slack.lost) == 1


async def test_an_acknowledged_event_comes_once(slack: SlackSimulator, clock: Any) -> None:
    """The acknowledgement ends it."""
    ada = slack.add_person("Ada")
    dm = slack.open_dm(ada)
    async with open_socket(slack) as socket:
        await slack.say(dm, ada, "hello")
        frame = await envelope(socket)
        await socket.send(f'{{"envelope_id": "{frame["envelope_id"]}"}}')
        await slack.settled()
    assert [delivery.acked for delivery in slack.deliveries] == [True]


async def test_each_payload_goes_to_one_connection_in_turn(slack: SlackSimulator) -> None:
    """Two connections get every second event; hello counts them."""
    ada = slack.add_person("Ada")
    dm = slack.open_dm(ada)
    first, second = open_socket(slack), open_socket(slack)
    async with first as one, second as two:
        assert [first.hello["num_connections"], second.hello["num_connections"]] == [1, 2]
        for text in ("a", "b", "c", "d"):
            await slack.say(dm, ada, text)
        got = [
            [(await envelope(socket))["payload"]["event"]["text"] for _ in range(2)] for socket in (one, two)
        ]
    assert sorted(got) == [["a", "c"], ["b", "d"]]


async def test_an_unacknowledged_event_moves_to_the_connection_that_is_left(slack: SlackSimulator) -> None:
    """A connection that closes before acknowledging hands its event over at once."""
    ada = slack.add_person("Ada")
    dm = slack.open_dm(ada)
    first, second = open_socket(slack), open_socket(slack)
    async with first as one, second as two:
        await slack.say(dm, ada, "hello")
        waiting = {asyncio.ensure_future(envelope(socket)): socket for socket in (one, two)}
        (done,), (other,) = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await waiting[done].close()
        again = await other
    assert again["payload"]["event_id"] == done.result()["payload"]["event_id"]
    assert (again["retry_attempt"], again["retry_reason"]) == (1, "connection_failed")


async def test_a_refresh_makes_the_sdk_reconnect(slack: SlackSimulator, bolt: Listener, clock: Any) -> None:
    """The app opens a new connection and goes on hearing."""
    ada = slack.add_person("Ada")
    dm = slack.open_dm(ada)
    await slack.refresh_sockets()
    await slack.connected(fresh=True)
    await clock.advance(11)
    assert slack.sockets.connections == 1
    await slack.say(dm, ada, "still there?")
    await bolt.until(1)
    assert bolt.events[0]["text"] == "still there?"


async def test_tickets_open_one_connection_and_ten_are_the_most(slack: SlackSimulator) -> None:
    """A used ticket is refused; the eleventh connection is told to go."""
    async with asyncio.TaskGroup() as group:
        for _ in range(10):
            group.create_task(open_socket(slack).__aenter__())
    await slack.connected(10)
    async with (extra := open_socket(slack)):
        assert extra.hello == {"type": "disconnect", "reason": "too_many_websockets"}
    assert slack.sockets.connections == 10
    await slack.drop_sockets()
    assert slack.sockets.connections == 0


async def test_an_event_without_a_listener_is_not_acknowledged(slack: SlackSimulator, clock: Any) -> None:
    """Bolt leaves what nobody listens to, so it comes again."""
    listener = Listener(slack, everything=False)
    handler = listener.handlers[0]
    await handler.connect_async()
    await slack.connected()
    ada = slack.add_person("Ada")
    await slack.say(slack.open_dm(ada), ada, "anybody?")
    await clock.asked(3.0)
    await asyncio.sleep(0.2)  # long enough for an acknowledgement, if there were one
    await clock.advance(3.0)
    await clock.asked(3.0)
    await handler.close_async()
    assert [delivery.acked for delivery in slack.deliveries[:1]] == [False]
