"""Each conversation may choose its model, its thinking and its persona."""

from pathlib import Path
from typing import Any

import pytest

from bots.simulator.kimi import Account
from bots.simulator.kimi.models import K26


@pytest.fixture
async def room(world: Any) -> Any:
    """A conversation that has begun, direct on Telegram, in a group on Slack; everybody may change it."""
    await world.start(group_changes="everyone")
    room = world.direct() if world.name == "telegram" else world.group()
    await room.ask("Hi")
    await room.shows("Hello there.")
    return room


async def asked(world: Any, room: Any) -> dict[str, Any]:
    """Ask once more; return the body of Kimi's request."""
    before = len(world.requests)
    await room.ask("And now?")
    await world.until(lambda: len(world.requests) > before and world.requests[-1].finished, "Kimi answers")
    return dict(world.requests[-1].body)


async def test_a_button_switches_the_model(world: Any, room: Any) -> None:
    """/model lists every model; a press puts the answer in the list's place and counts from then on."""
    assert (await asked(world, room))["model"] == "kimi-k2.6"
    await room.order("model")
    listed = await room.shows("kimi-k3.1-pro")
    assert "256k tokens, sees pictures, sees video, thinks: off, on" in listed.text
    assert "✓ kimi-k2.6" in [text for text, _ in listed.buttons]
    await room.press("kimi-k3.1-pro-highspeed")
    told = await room.shows("answers from the next question on")
    assert told.message_id == listed.message_id
    assert told.buttons == ()
    body = await asked(world, room)
    assert body["model"] == "kimi-k3.1-pro-highspeed"
    assert "thinking" not in body
    assert world.kimi.refusals == []
    world.assert_calm()


async def test_a_name_switches_the_model_for_this_conversation_alone(world: Any, room: Any) -> None:
    """/model with a name switches here and nowhere else, and /model default takes it back."""
    await room.order("model kimi-k3")
    await room.shows("answers from the next question on")
    assert (await asked(world, room))["model"] == "kimi-k3"
    other = world.direct("Bob")
    assert (await asked(world, other))["model"] == "kimi-k2.6"
    await room.order("model default")
    await room.shows("256k")
    assert (await asked(world, room))["model"] == "kimi-k2.6"


@pytest.mark.parametrize("platform", ["telegram"])
async def test_wrong_names_are_told_apart(world: Any) -> None:
    """A retired model is told as such with the nearest living one, an unknown one with what there is."""
    await world.start()
    room = world.direct()
    await room.order("model kimi-k2.5")
    shown = await room.shows("was retired on 2026-08-31")
    assert "The nearest is kimi-k2.6." in shown.text
    await room.order("model kimi-k4")
    shown = await room.shows("There is no kimi-k4 here.")
    assert "kimi-k3.1-pro" in shown.text
    await room.press("kimi-k2.7-code")
    await room.shows("kimi-k2.7-code answers")
    assert (await asked(world, room))["model"] == "kimi-k2.7-code"


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_model_that_is_gone_is_told_once(world: Any) -> None:
    """Where the chosen model is served no more, the usual one answers and says so, once."""
    await world.start()
    room = world.direct()
    await room.order("model kimi-k3")
    await room.shows("answers from the next question on")
    await world.stop()
    world.kimi.account = Account(models={K26.id: K26})
    await world.start()
    assert (await asked(world, room))["model"] == "kimi-k2.6"
    await room.shows("kimi-k3 is no longer served, so kimi-k2.6 answers.")
    assert (await asked(world, room))["model"] == "kimi-k2.6"
    await world.done(3)
    assert "no longer" not in room.texts[-1]


async def test_thinking_is_steered_as_the_model_wants_it(world: Any, room: Any) -> None:
    """K2.6 is switched by ``thinking``, K3 by ``reasoning_effort``; what a model cannot is said."""
    await room.order("think off")
    await room.shows("without thinking")
    assert (await asked(world, room))["thinking"] == {"type": "disabled"}
    await room.order("think max")
    await room.shows("cannot do")
    await room.order("model kimi-k3")
    await room.shows("thinks in its own way")
    body = await asked(world, room)
    assert ("thinking" in body, "reasoning_effort" in body) == (False, False)
    await room.order("think")
    shown = await room.shows("low, high, max, on, default." if world.name == "telegram" else "`low`, `high`")
    assert [text for text, _ in shown.buttons] == ["low", "high", "max", "on", "✓ default"]
    await room.press("low")
    await room.shows("effort low")
    assert (await asked(world, room))["reasoning_effort"] == "low"
    assert world.kimi.refusals == []


def system_of(body: dict[str, Any]) -> str:
    """The system prompt of a request."""
    return str(body["messages"][0]["content"])


async def test_a_persona_in_a_persons_own_words(world: Any, room: Any) -> None:
    """/system sets who answers, shows it, and takes it back."""
    usual = system_of(await asked(world, room))
    await room.order("system You are a pirate called Jim.")
    await room.shows("I take this on")
    persona = system_of(await asked(world, room))
    assert persona.startswith("You are a pirate called Jim.")
    assert "Write Markdown" in persona
    await room.order("system")
    await room.shows("You are a pirate called Jim.")
    await room.press("reset")
    await room.shows("my usual self")
    assert system_of(await asked(world, room)) == usual


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_persona_from_a_file(world: Any, tmp_path: Path) -> None:
    """Markdown files in the data directory are offered by name; a change of the file counts at once."""
    folder = tmp_path / "data" / "personas"
    folder.mkdir(parents=True)
    (folder / "pirate.md").write_text("You are a pirate.", encoding="utf-8")
    (folder / "老师.md").write_text("你是一位老师。", encoding="utf-8")
    (folder / "not a name.md").write_text("Nobody.", encoding="utf-8")
    await world.start(data_dir=tmp_path / "data")
    room = world.direct()
    await room.order("system")
    shown = await room.shows("Ready-made ones: @pirate, @老师")
    assert [text for text, _ in shown.buttons] == ["@pirate", "@老师", "reset"]
    await room.press("@pirate")
    await room.shows("I am @pirate now.")
    assert system_of(await asked(world, room)).startswith("You are a pirate.")
    (folder / "pirate.md").write_text("You are a retired pirate.", encoding="utf-8")
    assert system_of(await asked(world, room)).startswith("You are a retired pirate.")
    await room.order("system @nobody")
    await room.shows("There is no persona @nobody.")
    await room.order("system @../secret")
    await room.shows("There is no persona @../secret.")


async def test_in_groups_only_admins_change_anything(world: Any) -> None:
    """Others read what is set and get no buttons; a press of theirs changes and shows nothing."""
    room = world.group("Ann", "Bob")
    await world.start(admins=(f"{world.name}:{person_id(room.people[0])}",))
    await room.ask("Hi")
    await world.done(1)
    for command in ("model kimi-k3", "think off", "system You are a pirate."):
        await room.order(command, person=1)
    await world.done(4)
    assert [text.startswith("In groups only admins may change this.") for text in room.texts[1:]] == [
        True
    ] * 3
    assert all(answer.buttons == () for answer in room.answers[1:])
    await room.order("model")
    await world.done(5)
    listed = room.texts[-1]
    await room.press("kimi-k3", person=1)
    await room.press("kimi-k3", person=1)
    assert (await asked(world, room))["model"] == "kimi-k2.6"
    assert listed in room.texts
    await room.order("model kimi-k3", person=0)
    await room.shows("answers from the next question on")
    assert (await asked(world, room))["model"] == "kimi-k3"


async def test_a_chats_own_admins_change_how_it_is_answered(world: Any) -> None:
    """Whoever runs the room by the platform's word need not stand in our list; others may not."""
    if world.name == "telegram":
        room = world.group("Ann", "Bob")  # the first one owns it
    else:
        people = [world.sim.add_person("Ann", admin=True), world.sim.add_person("Bob")]
        room = type(world.direct())(world, world.sim.add_channel("team", people), people, direct=False)
    await world.start()
    await room.ask("Hi")
    await world.done(1)
    await room.order("model kimi-k3", person=1)
    await room.shows("In groups only admins may change this.")
    await room.order("model kimi-k3", person=0)
    await room.shows("answers from the next question on")
    assert (await asked(world, room))["model"] == "kimi-k3"


def person_id(person: Any) -> str:
    """A person's id on either platform."""
    return str(getattr(person, "id", person))
