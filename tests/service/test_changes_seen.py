"""What is changed at run time through one replica holds for the very next question on every other."""

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.chat_policy import ChatRules
from core.domain.events import MessageReceived
from core.store import inbox, rules

WITHIN_S = 1.0  #: of the machine's clock
NUMBERS = itertools.count(1)

pytestmark = [
    pytest.mark.parametrize("platform", ["slack"]),
    pytest.mark.parametrize("backend", ["postgresql"]),
]


@pytest.fixture
async def both(world: Any) -> AsyncIterator[tuple[Any, Any]]:
    """Two services of one deployment, on one database and one folder."""
    other = type(world)(
        kimi=world.kimi, sim=world.sim, clock=world.clock, database_url=world.database_url, given=world.given
    )
    (world.given["data_dir"] / "personas").mkdir(parents=True)
    try:
        await world.start(group_changes="everyone")
        await other.start()
        yield world.service, other.service
    finally:
        await other.stop()


async def begun(world: Any, room: Any) -> MessageReceived:
    """Begin a conversation; return its question, as it came in."""
    await room.ask("Hello?")
    await world.done(1)
    async with world.service.database.read() as tx:
        said = await inbox.get_event(tx, 1)
    assert isinstance(said, MessageReceived)
    return said


async def asked(world: Any, service: Any, like: MessageReceived) -> dict[str, Any]:
    """Let a further question come in at one replica; return Kimi's request, whichever replica sent it."""
    number = next(NUMBERS)
    text = f"Question number {number}?"
    said = dataclasses.replace(
        like,
        delivery_id=f"more:{number}",
        message_id=f"179524036{number}.000001",
        client_id=f"client {number}",
        text=text,
    )
    assert await service.components.ingestor(said)

    def request() -> Any:
        return next((one for one in world.requests if text in str(one.messages[-1]) and one.finished), None)

    found = await world.until(request, "Kimi was asked")
    await world.queued(0)
    return dict(found.body)


async def bodies(world: Any, both: Any, like: MessageReceived) -> list[dict[str, Any]]:
    """Ask at each replica in turn; none may take long to know what was changed."""
    async with asyncio.timeout(30):
        return [await asked(world, service, like) for service in both]


async def test_a_conversations_choices(world: Any, both: Any) -> None:
    """/model and /system given anywhere count on both replicas at once."""
    room = world.direct()
    said = await begun(world, room)
    assert {body["model"] for body in await bodies(world, both, said)} == {"kimi-k2.6"}
    await room.order("model kimi-k3")
    await room.shows("answers from the next question on")
    assert {body["model"] for body in await bodies(world, both, said)} == {"kimi-k3"}
    await room.order("system You are a pirate.")
    await room.shows("take this on from the next question on")
    for body in await bodies(world, both, said):
        assert "You are a pirate." in str(body["messages"][0])


async def test_a_personas_file(world: Any, both: Any) -> None:
    """Words in the shared folder count from the next question on, and so does what is changed in them."""
    room = world.direct()
    file = world.given["data_dir"] / "personas" / "cook.md"
    file.write_text("You are a cook.", encoding="utf-8")
    said = await begun(world, room)
    await room.order("system @cook")
    await room.shows("cook")
    for body in await bodies(world, both, said):
        assert "You are a cook." in str(body["messages"][0])
    file.write_text("You are a French cook.", encoding="utf-8")
    for body in await bodies(world, both, said):
        assert "You are a French cook." in str(body["messages"][0])


async def test_a_chats_rules(world: Any, both: Any) -> None:
    """What an admin sets for a channel is read with every message, whichever replica it comes in at."""
    room = world.group()
    said = await begun(world, room)
    key = said.address.key
    for model in ("kimi-k3", "kimi-k2.6"):
        async with both[0].database.begin() as tx:
            where = {"platform": key.platform, "tenant": key.tenant, "channel": key.channel}
            await rules.save(tx, ChatRules(model=model, gather_s=0.0), changed_by="", **where)
        await asyncio.sleep(WITHIN_S)  # whom to ask about may be known for so long
        assert {body["model"] for body in await bodies(world, both, said)} == {model}


async def test_what_is_known_of_the_account(world: Any, both: Any) -> None:
    """Limits, learnt or set, stand in one row that each replica reads and writes at every question."""
    room = world.direct()
    said = await begun(world, room)
    (before,) = await world.rows("SELECT version FROM llm_limiter_state")
    await asked(world, both[0], said)
    (between,) = await world.rows("SELECT version FROM llm_limiter_state")
    await asked(world, both[1], said)
    (after,) = await world.rows("SELECT version FROM llm_limiter_state")
    assert before.version < between.version < after.version
