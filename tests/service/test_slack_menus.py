"""Slack's own surfaces: shortcuts in a message's menu, their dialog, and the app's home tab."""

from typing import Any

import pytest

from bots.simulator.kimi import SeenRequest
from bots.simulator.screen import Shown
from bots.slack.shortcuts import ASK, SUMMARIZE

pytestmark = pytest.mark.parametrize("platform", ["slack"])


def reading(request: SeenRequest) -> str:
    """Return what Kimi was asked, with a citation of the first message."""
    return f"Answer [#1]: {request.question[-200:]}"


async def open_thread(world: Any, **how: Any) -> tuple[Any, str]:
    """Start, and let two people talk in a thread and beside it; return the channel and the thread."""
    world.kimi.script = reading
    await world.start()
    room = world.group("Ann", "Bob", **how)
    root = await world.sim.say(room.channel, room.people[0], "Which tea shall we buy?")
    await world.sim.say(room.channel, room.people[1], "Oolong, 5 kg.", root)
    await world.sim.say(room.channel, room.people[0], "Lunch?")
    return room, str(root)


async def answered(world: Any, room: Any, person: int = 0) -> Shown:
    """Wait until the bot has said something that one person alone sees; return it."""

    def found() -> Shown | None:
        shown = world.screen.in_channel(room.channel, by_bot=True)
        assert all(one.visible_to == room.people[person] for one in shown), shown
        return next(iter(shown), None)

    shown: Shown = await world.until(found, "the bot answers in private")
    return shown


async def test_a_thread_is_summed_up_for_the_person_who_asks(world: Any) -> None:
    """Nobody else sees it, and nothing is in the thread's conversation; the channel beside it is not read."""
    room, root = await open_thread(world)
    assert await world.sim.use_shortcut(SUMMARIZE, room.channel, root, room.people[0])
    shown = await answered(world, room)
    assert "2 messages since" in shown.text
    assert f"/archives/{room.channel}/p{root.replace('.', '')}" in shown.text
    material = str(world.requests[-1].messages[-1]["content"])
    assert "Bob (in the thread of #1): Oolong, 5 kg." in material
    assert "Lunch?" not in material
    world.assert_calm()


async def test_a_question_is_asked_in_a_dialog_about_a_message(world: Any) -> None:
    """Kimi reads the message's thread, knows which message is meant, and answers for the asker's eyes."""
    room, root = await open_thread(world)
    reply = world.sim.workspace.channels[room.channel].replies(root)[0].ts
    assert await world.sim.use_shortcut(ASK, room.channel, reply, room.people[0])
    assert world.sim.workspace.dialogs[room.people[0]]["title"]["text"] == "Ask Kimi"
    assert world.requests == []
    assert await world.sim.send_dialog(room.people[0], "Is that enough for a month?")
    shown = await answered(world, room)
    assert "(About message #2.) Is that enough for a month?" in shown.text
    assert shown.thread == root
    assert len(world.requests) == 1


async def test_private_questions_are_no_part_of_anybodys_conversation(world: Any) -> None:
    """What is asked later in the thread shows Kimi neither the question nor the answer."""
    room, root = await open_thread(world)
    await world.sim.use_shortcut(ASK, room.channel, root, room.people[0])
    await world.sim.send_dialog(room.people[0], "Is Bob always so stingy?")
    await answered(world, room)
    mention = f"<@{world.sim.bot_user}> what is the price?"
    await world.sim.say(room.channel, room.people[1], mention, root)
    await world.done(2)
    assert "stingy" not in str(world.requests[-1].messages)


@pytest.mark.parametrize("seconds", [60, pytest.param(3_600, marks=pytest.mark.slow)])
async def test_where_the_bot_is_no_member_the_person_is_told_in_private(world: Any, seconds: int) -> None:
    """By the shortcut's own way, and in a direct message once that is closed."""
    room, root = await open_thread(world, with_bot=False)
    await world.sim.use_shortcut(ASK, room.channel, root, room.people[0])
    await world.clock.sleep(seconds)
    await world.sim.send_dialog(room.people[0], "What is this?")
    wanted = "I may not read this channel's history"
    await world.until(
        lambda: any(wanted in one.text for one in world.screen.messages.values()), "the person is told"
    )
    assert world.requests == []


async def test_a_dialog_that_comes_too_late_is_explained(world: Any) -> None:
    """Slack takes it within three seconds of the click."""
    room, root = await open_thread(world)
    world.sim.faults.next("views.open", "expired_trigger_id")
    assert await world.sim.use_shortcut(ASK, room.channel, root, room.people[0])
    shown = await answered(world, room)
    assert "choose it once more" in shown.text


async def test_the_home_tab_tells_abilities_usage_and_model(world: Any) -> None:
    """It is written anew whenever it is opened; without the tab in the app nothing breaks."""
    room, _ = await open_thread(world)
    await world.sim.open_home(room.people[0])

    def home() -> str:
        return str(world.sim.workspace.views.get(room.people[0], ""))

    await world.until(lambda: "kimi-k2.6" in home(), "the home tab is there")
    assert "0 questions" in home()
    assert "/digest" in home()
    await room.ask("What is tea?")
    await room.shows("Answer")
    await world.done(1)
    await world.sim.open_home(room.people[0])
    await world.until(lambda: "1 question," in home(), "the home tab tells the question")
    world.sim.workspace.home_tab_enabled = False
    await world.sim.open_home(room.people[0])
    await room.ask("And coffee?")
    await room.shows("And coffee?")


def permalink(channel: str, ts: str, query: str = "") -> str:
    """Return a message's address as Slack's clients copy it."""
    return f"https://team.slack.test/archives/{channel}/p{ts.replace('.', '')}{query}"


async def test_a_thread_that_a_question_links_to_is_read(world: Any) -> None:
    """The reply of a thread stands for the thread; what is in it comes as material before the question."""
    room, root = await open_thread(world)
    other = world.group("Cleo")
    world.sim.workspace.channels[room.channel].members.add(other.people[0])
    reply = world.sim.workspace.channels[room.channel].replies(root)[0].ts
    link = permalink(room.channel, reply, f"?thread_ts={root}&cid={room.channel}")
    await other.ask(f"What was decided in <{link}>?")
    await other.shows("Answer")
    shown = [str(one["content"]) for one in world.requests[-1].messages if one["role"] == "system"]
    assert any("Bob (in the thread of #1): Oolong, 5 kg." in one for one in shown)
    await other.ask("And who said so?")
    await other.shows("And who said so?")
    assert not any("Oolong" in str(one["content"]) for one in world.requests[-1].messages)


@pytest.mark.parametrize(("member", "private"), [(False, False), (False, True), (True, True)])
async def test_nobody_reads_through_the_bot_what_is_not_for_them(
    world: Any, *, member: bool, private: bool
) -> None:
    """Not a channel that the person is not in, and no private one where others read the answer."""
    room, root = await open_thread(world, private=private)
    other = world.group("Cleo", "Dan")
    if member:
        world.sim.workspace.channels[room.channel].members.add(other.people[0])
    await other.ask(f"What was decided in <{permalink(room.channel, root)}>?")
    shown = await other.shows("I did not read a linked thread")
    assert ("private" in shown.text) == member
    assert "Oolong" not in str(world.requests[-1].messages)


async def test_a_private_thread_is_read_in_a_direct_message(world: Any) -> None:
    """There nobody else sees the answer."""
    room, root = await open_thread(world, private=True)
    direct = world.direct("Cleo")
    world.sim.workspace.channels[room.channel].members.add(direct.people[0])
    await direct.ask(f"Sum up <{permalink(room.channel, root)}>")
    await direct.shows("Answer")
    assert "Oolong" in str(world.requests[-1].messages)


async def test_a_command_after_a_private_answer_is_for_the_last_conversation_that_all_see(world: Any) -> None:
    """/retry as a slash command answers the question in the thread again, not the private one."""
    room, root = await open_thread(world)
    await room.ask("What is tea?")
    await room.shows("What is tea?")
    await world.done(1)
    await world.sim.use_shortcut(SUMMARIZE, room.channel, root, room.people[0])
    await world.done(2)
    world.kimi.script = lambda request: f"Once more: {request.question}"
    await world.sim.slash("/kimi", "retry", room.channel, room.people[0])
    await room.shows("Once more: Ann: What is tea?")
