"""Two bots and two Slack teams on one database: neither answers, reads or changes anything of the other.

Both stand-ins give out the same ids of chats and people, so that only the tenant tells them apart.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bots.simulator.kimi import KimiSimulator, answer_with
from bots.simulator.slack import SlackSimulator
from bots.simulator.telegram import TelegramSimulator

SECRET = "plum-9"


@pytest.fixture
async def other(world: Any) -> AsyncIterator[Any]:
    """Another bot or team, with its own Kimi, on the database of ``world``."""
    kimi = KimiSimulator(clock=world.clock, script=answer_with("I am the other one."))
    if world.name == "telegram":
        sim, credentials = (
            TelegramSimulator(token="2:other", clock=world.clock),
            {"telegram_bot_token": "2:other"},
        )
    else:
        sim, credentials = SlackSimulator(team="T2", clock=world.clock), {}
    await asyncio.gather(kimi.__aenter__(), sim.__aenter__())
    made = type(world)(
        kimi=kimi,
        sim=sim,
        clock=world.clock,
        database_url=world.database_url,
        given={"data_dir": world.given["data_dir"].with_name("other"), **credentials},
    )
    try:
        yield made
    finally:
        await made.stop()
        await asyncio.gather(kimi.close(), sim.__aexit__(None, None, None))


def words_of(world: Any) -> str:
    """Everything that people see there, and everything that its Kimi was sent."""
    return str([world.screen.frames, [seen.body for seen in world.requests]])


async def test_a_bot_leaves_what_another_one_left_open(world: Any, other: Any) -> None:
    """On SQLite, one after the other: an answer that one bot began is finished by that bot alone."""
    world.kimi.script = answer_with("word " * 2_000, chunks_per_s=20)
    await world.start(shutdown_grace_s=0.0)
    room = world.group("Ann")
    await room.ask(f"Our code is {SECRET}. Count for me, please.")
    await room.shows("word word")
    await world.stop()
    shown_before = len(world.screen.frames)

    await other.start()
    theirs = other.group("Ann")
    await theirs.ask("What is the code?")
    await theirs.shows("I am the other one.", exactly=True)
    await other.stop()

    assert len(world.screen.frames) == shown_before
    assert SECRET not in words_of(other)
    assert "word word" not in words_of(other)
    assert len(other.requests) == 1

    world.kimi.script = answer_with("All of it.")
    await world.start()
    answer = await room.shows("wordAll of it.")  # continued where it was stopped
    assert [one.message_id for one in room.answers] == [answer.message_id]
    assert "other one" not in words_of(world)


async def test_nothing_of_one_tenant_is_within_reach_of_the_other(world: Any, other: Any) -> None:
    """Files, blocks, settings, usage and what /forget deletes are those of the own bot or team."""
    await world.start()
    room = world.direct("Ann")
    await room.send(("secret.txt", SECRET.encode(), "text/plain"), text="Keep this.")
    await room.shows("Hello there.", exactly=True)
    await room.order("system You are a pirate.")
    await room.shows("I take this on")
    stored = await world.rows("SELECT id FROM messages ORDER BY id")
    await world.stop()

    await other.start()
    theirs = other.direct("Ann")
    assert theirs.people == room.people or world.name == "slack"
    await theirs.ask("@file-secret @file-1 What does it say?")
    await theirs.shows("I know no file of yours called")
    await theirs.order("files")
    await theirs.order("usage")
    await theirs.order("system")
    await theirs.order("forget")
    await theirs.press("Delete")
    await theirs.shows("eleted")
    assert await other.rows("SELECT id FROM messages WHERE id <= :last", last=stored[-1][0]) == stored
    assert SECRET not in words_of(other)
    assert "pirate" not in words_of(other)
    assert "secret.txt" not in words_of(other)


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_two_at_once_answer_their_own_people(world: Any, other: Any) -> None:
    """On PostgreSQL, at the same time: both poll, and each answer is its own bot's, by its own Kimi."""
    await asyncio.gather(world.start(), other.start())
    ours = [world.group(f"Ann {index}") for index in range(6)]
    theirs = [other.group(f"Ann {index}") for index in range(6)]
    await asyncio.gather(*(room.ask("Who are you?") for room in (*ours, *theirs)))
    for room in ours:
        await room.shows("Hello there.", exactly=True)
    for room in theirs:
        await room.shows("I am the other one.", exactly=True)
    assert [len(room.answers) for room in (*ours, *theirs)] == [1] * 12
    assert (len(world.requests), len(other.requests)) == (6, 6)
    assert "other one" not in words_of(world)
    assert "Hello there" not in words_of(other)
