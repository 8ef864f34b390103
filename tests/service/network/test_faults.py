"""The network fails between the service and each of Kimi, Slack and Telegram."""

import asyncio
from typing import Any

import pytest

from bots.simulator.kimi import answer_with

TEXT = "It begins here. " + " ".join(f"word{number}" for number in range(60)) + " and THE END."

#: The requests that a fault meets, by platform: the message's first frame, and a later one.
FIRST = {"telegram": "/sendMessage", "slack": "/chat.postMessage"}
LATER = {"telegram": "/editMessageText", "slack": "/chat.update"}


async def answered(world: Any, room: Any) -> None:
    """Ask, and wait until the whole answer stands there."""
    turns = len(await world.rows("SELECT id FROM turns"))
    await room.ask("Tell me.")
    assert (await world.done(turns + 1))[-1] == "complete"
    assert room.texts[-1] == TEXT, room.texts


@pytest.mark.parametrize("kind", ["refused", "reset", "stalled", "slow", "lost"])
async def test_an_answer_survives_the_network(world: Any, network: Any, kind: str) -> None:
    """Whatever a line does to a request: the whole answer stands there, and only once.

    One case no API lets us tell: Telegram took a new message, and its answer to us was lost. A bot
    cannot read a chat, so the message is sent again (bots/telegram/README.md, "Limits").
    """
    world.kimi.script = answer_with(TEXT, chunks_per_s=40)
    await world.start(kimi_timeout_first_byte_s=2)
    for relay, needle in (
        (network.kimi, "/chat/completions"),
        (network.platform, FIRST[world.name]),
        (network.platform, LATER[world.name]),
    ):
        room = world.direct()
        relay.next(needle, kind)
        async with asyncio.timeout(40):
            await answered(world, room)
        assert relay.met[-1:] == [kind], needle
        doubled = needle == "/sendMessage" and kind == "lost"
        assert len(room.answers) <= 1 + doubled, (needle, room.texts)
        assert all(TEXT.startswith(text.rstrip(" …")) for text in room.texts), (needle, room.texts)
