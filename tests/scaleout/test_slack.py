"""Slack's events on two replicas, over Socket Mode and over HTTP: each answered once, in order."""

import math
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bots.simulator.kimi import ScriptedReply
from bots.simulator.slack import Limits, SlackSimulator, events
from bots.slack.app_manifest import EVENTS_PATH

pytestmark = pytest.mark.slow  # several processes

CHANNELS, EACH = 12, 5


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    """A Slack without limits."""
    async with SlackSimulator(limits=Limits(enabled=False)) as sim:
        yield sim


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def connect(cluster: Any, slack: Any, way: str) -> None:
    """Start two replicas that take Slack's events one way."""
    common = {"SLACK_BOT_TOKEN": slack.bot_token, "SLACK_API_URL": slack.api_url.rstrip("/")}
    if way == "socket":
        await cluster.launch(*[{**common, "SLACK_APP_TOKEN": slack.app_token}] * 2)
        await slack.connected(2)
        return
    ports = [free_port(), free_port()]
    common["SLACK_SIGNING_SECRET"] = slack.signing_secret
    await cluster.launch(*({**common, "MOONTHREAD_HTTP_PORT": str(port)} for port in ports))
    # A load balancer in two lines: each delivery goes to the other replica than the one before.
    urls = [f"http://127.0.0.1:{port}{EVENTS_PATH}" for port in ports]
    await slack.deliver_to(urls[0])
    http, turn = slack._http, iter(range(10**6))
    post = http._client.post
    http._client.post = lambda url, **how: post(urls[next(turn) % 2], **how)


@pytest.mark.parametrize("way", ["socket", "http"])
async def test_slack_on_two_replicas(cluster: Any, slack: Any, way: str) -> None:
    """Events and duplicates spread over both replicas: each answered once, in its thread's order."""
    cluster.kimi.script = lambda request: ScriptedReply(
        f"Answer to {request.question.rsplit(' ', 1)[-1]}.", chunks_per_s=math.inf
    )
    await connect(cluster, slack, way)
    ann = slack.add_person("Ann")
    channels = [slack.add_channel(f"team-{number}", [ann]) for number in range(CHANNELS)]
    roots: dict[str, str] = {}
    for number in range(EACH):
        for index, channel in enumerate(channels):
            words = f"<@{slack.bot_user}> Question {index}:{number}"
            ts = await slack.say(channel, ann, words, roots.get(channel))
            roots.setdefault(channel, ts)
            if (index + number) % 4 == 0:
                room = slack.workspace.channels[channel]
                slack.workspace.emit(room, events.said(room, room.messages[ts]))
        await slack.settled()

    def shown() -> list[list[str]]:
        return [[one.text for one in slack.screen.in_channel(channel, by_bot=True)] for channel in channels]

    wanted = [[f"Answer to {index}:{number}." for number in range(EACH)] for index in range(CHANNELS)]
    await cluster.until(lambda: shown() == wanted, 60.0)
    asked = sorted(request.question.rsplit(" ", 1)[-1] for request in cluster.kimi.requests)
    assert asked == sorted(f"{index}:{number}" for index in range(CHANNELS) for number in range(EACH))
    assert all(one.said("turn.finished") for one in cluster.replicas)
