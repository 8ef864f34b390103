"""Where the platform calls us: Slack's Events over HTTP and Telegram's webhook."""

import socket
from typing import Any

import httpx
import pytest

from bots.simulator.kimi import answer_with
from bots.slack.app_manifest import EVENTS_PATH

TEXT = "It begins here. " + " ".join(f"word{number}" for number in range(30)) + " and THE END."


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def serve(world: Any) -> None:
    """Start the service so that the platform calls it."""
    if world.name == "slack":
        secret = world.sim.signing_secret
        await world.start(web=True, slack_app_token=None, slack_signing_secret=secret)
        await world.sim.deliver_to(f"{world.service.web.url}{EVENTS_PATH}")
    else:
        port = free_port()
        await world.start(web=True, http_port=port, public_url=f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("place", ["direct", "group"])
async def test_a_conversation_over_http(world: Any, place: str) -> None:
    """Question, answer, second question and command work as they do without a public address."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=60)
    await serve(world)
    room = getattr(world, place)("Ann")
    await room.ask("First?")
    await room.shows(TEXT, exactly=True)
    await world.done(1)
    await room.ask("Second?")
    await world.done(2)
    asked = [content for role, content in world.question_of(1) if role == "user"]
    assert [words.split(": ")[-1] for words in asked] == ["First?", "Second?"]
    await room.order("new")
    await room.shows("start afresh")
    world.assert_calm()


async def test_calls_of_strangers_are_refused(world: Any) -> None:
    """Without the platform's signature or secret nothing is taken; the health page is for everybody."""
    await serve(world)
    path = EVENTS_PATH if world.name == "slack" else "/telegram/webhook"
    async with httpx.AsyncClient(base_url=world.service.web.url, trust_env=False) as stranger:
        answer = await stranger.post(path, json={"update_id": 1, "type": "event_callback"})
        assert answer.status_code in (401, 403)
        assert (await stranger.get("/healthz")).status_code == 200
    assert await world.rows("SELECT id FROM inbox") == []
