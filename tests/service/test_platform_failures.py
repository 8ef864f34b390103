"""The platform fails in the middle, and the whole answer stands once in the end all the same."""

from collections.abc import Callable
from typing import Any

import pytest

from bots.simulator.kimi import answer_with

TEXT = "It begins here. " + " ".join(f"word{number}" for number in range(60)) + " and THE END."


def calls(room: Any, moment: str) -> list[str]:
    """The platform's methods that show the first, a later or the last frame in a room."""
    if room.world.name == "telegram":
        return ["sendMessage"] if moment == "first" else ["editMessageText"]
    if room.direct:
        return ["chat.postMessage"] if moment == "first" else ["chat.update"]
    return {"first": ["chat.startStream"], "next": ["chat.appendStream"], "last": ["chat.stopStream"]}[moment]


def concerns(room: Any, moment: str) -> Callable[[Any], bool]:
    """Tell the calls for one room, and its last frame by its words where the method does not tell."""

    def check(params: Any) -> bool:
        here = room.channel in (str(params.get("chat_id")), params.get("channel"))
        last = "THE END" in str(params) or (room.world.name == "slack" and not room.direct)
        return here and (moment != "last" or last)

    return check


@pytest.mark.parametrize("kind", ["gateway", "reset", "lost_reply", "429"])
async def test_a_frame_that_fails_costs_nothing_of_the_answer(world: Any, kind: str) -> None:
    """Whichever frame fails, and however: the text is whole, once, in the message that began it."""
    world.kimi.script = answer_with(
        TEXT, chunks_per_s=10
    )  # slow enough for a frame in between on a busy machine
    await world.start()
    rooms = {
        (place, moment): getattr(world, place)()
        for place in ("direct", "group")
        for moment in ("first", "next", "last")
    }
    for (_, moment), room in rooms.items():
        for method in calls(room, moment):
            world.fault(method, kind, seconds=2, when=concerns(room, moment))
    for room in rooms.values():
        await room.ask("Tell me.")
    assert await world.done(6) == ["complete"] * 6
    for (place, moment), room in rooms.items():
        where = (place, moment, room.texts)
        assert room.texts.count(TEXT) == 1, where
        stray_allowed = world.name == "telegram" and (kind, moment) == ("lost_reply", "first")
        assert len(room.answers) <= 1 + stray_allowed, where
        assert all(TEXT.startswith(text.rstrip(" …")) for text in room.texts), where
        assert not room.answers[-1].streaming
    waiting = world.sim.faults.waiting if world.name == "telegram" else world.sim.faults._waiting
    # A wait of Slack's is one for the whole team: other rooms take another way meanwhile.
    assert not waiting or (world.name, kind) == ("slack", "429")
    assert bool(world.sim.refused) == (kind == "429")


async def test_a_flood_wait_is_obeyed_and_previews_are_dropped(world: Any) -> None:
    """During a wait that the platform names nothing is sent; then the newest text comes at once."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=25)
    await world.start()
    room = world.direct()
    await room.ask("Tell me.")
    shown = await world.until(lambda: room.answers and room.answers[0], "the answer begins")
    method = calls(room, "next")[0]
    world.fault(method, "429", seconds=6)
    await world.until(lambda: world.sim.refused, "the refusal")
    refused_at = world.clock.time()
    await room.shows(TEXT, exactly=True)
    assert await world.done(1) == ["complete"]
    after = [frame.at for frame in room.frames(shown) if frame.at > refused_at]
    assert min(after) >= refused_at + 5
    assert len(after) <= 2
    assert len(world.sim.refused) == 1


@pytest.mark.parametrize("place", ["direct", "group"])
async def test_a_message_deleted_under_us_is_posted_anew(world: Any, place: str) -> None:
    """Somebody takes the growing message away: on Telegram the whole answer comes in a new one.

    We chose: on Slack only admins can do so, who mean that it does not belong there. It ends.
    """
    world.kimi.script = answer_with(TEXT, chunks_per_s=25)
    await world.start()
    room = getattr(world, place)()
    await room.ask("Tell me.")
    shown = await world.until(lambda: room.answers and room.answers[0].edits and room.answers[0], "it grows")
    channel = int(room.channel) if world.name == "telegram" else room.channel
    number = int(shown.message_id) if world.name == "telegram" else shown.message_id
    await world.sim.delete(channel, number)
    if world.name == "slack":
        assert await world.done(1) == ["undelivered"]
        assert not world.requests[0].finished
        told = [call.params for call in world.sim.calls if call.method == "chat.postEphemeral"]
        assert ["deleted there" in one["text"] for one in told] == ([True] if place == "group" else [])
        return
    await room.shows(TEXT, exactly=True)
    assert await world.done(1) == ["complete"]
    assert room.texts == [TEXT]
    assert world.requests[0].finished


async def test_a_place_that_is_closed_ends_its_turn_and_no_other(world: Any) -> None:
    """Blocked or archived in the middle: Kimi is let go, the turn ends, others are answered."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=25)
    await world.start()
    closed, other = world.group() if world.name == "slack" else world.direct(), world.direct("Bob")
    await closed.ask("Tell me.")
    await world.until(lambda: closed.answers, "the answer begins")
    if world.name == "slack":
        world.sim.archive(closed.channel)
    else:
        world.sim.block_bot(closed.people[0])
    await other.ask("Tell me, too.")
    await other.shows(TEXT, exactly=True)
    assert await world.done(2) == ["undelivered", "complete"]
    assert world.requests[0].disconnected
    if world.name == "telegram":
        world.sim.unblock_bot(closed.people[0])
        await closed.ask("Again?")
        await closed.shows(TEXT, exactly=True)
        await world.done(3)


async def test_a_platform_that_is_slow_still_shows_the_whole_answer(world: Any) -> None:
    """Every call takes a second: fewer frames, the same answer, nothing refused."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=25)
    await world.start()
    world.sim.latency_s = 1.0
    room = world.direct()
    await room.ask("Tell me.")
    await room.shows(TEXT, exactly=True)
    assert await world.done(1) == ["complete"]
    assert room.texts == [TEXT]
    world.assert_calm()
