"""What Kimi is never shown, through the whole service: masked on the way out, whole on the screen."""

from typing import Any

import pytest
from pydantic import SecretStr

from bots.simulator.kimi import Faults, ScriptedCall, ScriptedReply, SeenRequest, in_turn

CARD, MAIL, PHONE = "4111 1111 1111 1111", "ann.lee@mail.example.com", "+86 138 0013 8000"
SECRETS = (CARD, MAIL, PHONE, "Bluebird", "bluebird", "蓝鸟计划")


def masking(**further: Any) -> dict[str, Any]:
    """Settings that hide everything."""
    words = SecretStr("codename=Bluebird, 蓝鸟计划")
    return {"pii_masking": ("cards", "emails", "phones"), "secret_words": words, **further}


def echo(seen: SeenRequest) -> ScriptedReply:
    """Repeat the question, in pieces of two characters."""
    return ScriptedReply(f"You said: {seen.question}", chunk_chars=2)


@pytest.fixture(params=["direct", "group"])
async def room(world: Any, request: pytest.FixtureRequest) -> Any:
    """A conversation of each kind."""
    return getattr(world, request.param)()


def assert_unseen(world: Any) -> None:
    """Assert that no request holds a secret, in whatever field."""
    told = [str(seen.body) for seen in world.requests]
    told += [str(arguments) for _, arguments in world.kimi.formulas.fibers]
    for secret in SECRETS:
        assert not any(secret in text for text in told), secret


async def test_secrets_come_back_in_the_answer(world: Any, room: Any) -> None:
    """Cards, addresses, numbers and words of the list are whole on the screen, and nowhere at Kimi."""
    world.kimi.script = echo
    await world.start(**masking(kimi_system_prompt=f"You serve Bluebird. Write to {MAIL}."))
    said = f"My card is {CARD}, call {PHONE} on 蓝鸟计划 or bluebird."
    await room.ask(said)
    shown = await room.shows(f"{said}")
    assert "[" not in shown.text
    await room.ask("And now?")
    assert await world.done(2) == ["complete", "complete"]
    assert "[CARD-1]" in str(world.requests[1].messages)
    assert "You serve [CODENAME-1]. Write to [EMAIL-1]." in world.requests[0].messages[0]["content"]
    assert_unseen(world)
    world.assert_calm()


async def test_a_placeholder_of_another_text_shows_nothing(world: Any) -> None:
    """Who writes a placeholder gets back what they wrote, not the secret that it stands for."""
    world.kimi.script = echo
    await world.start(**masking(kimi_system_prompt=f"The owner is {MAIL}."))
    room = world.direct()
    await room.ask("Who is [EMAIL-1]?")
    await room.shows("You said: Who is [EMAIL-1]?", exactly=True)
    assert_unseen(world)


async def test_an_answer_that_breaks_in_a_placeholder_goes_on(world: Any) -> None:
    """The cut placeholder is neither shown nor lost."""
    cut = ScriptedReply("Write to [EMAIL-1] soon.", chunk_chars=1, faults=Faults(cut_after_chars=14))
    world.kimi.script = in_turn(cut, ScriptedReply("[EMAIL-1] soon."))
    await world.start(**masking())
    room = world.direct()
    await room.ask(f"My address is {MAIL}.")
    await room.shows(f"Write to {MAIL} soon.", exactly=True)
    assert not any("[EM" in frame.message.text for frame in world.screen.frames)
    assert_unseen(world)


async def test_files_are_masked_too(world: Any) -> None:
    """A text that is read here is shown to Kimi without its addresses."""
    world.kimi.script = in_turn(ScriptedReply("It is from [EMAIL-1]."))
    await world.start(**masking())
    room = world.direct()
    letter = f"From: {MAIL}\nOn Bluebird and {CARD}.\n".encode()
    await room.send(("letter.txt", letter, "text/plain"), text="Who wrote this?")
    await room.shows(f"It is from {MAIL}.")
    assert_unseen(world)


async def test_tools_search_without_secrets(world: Any) -> None:
    """What Kimi's own search is called with is masked, and the person sees what is searched for."""
    call = ScriptedCall(name="web_search", arguments='{"query": "[CODENAME-1] tea"}')
    world.kimi.script = in_turn(ScriptedReply("", tool_calls=(call,)), ScriptedReply("[CODENAME-1] is tea."))
    await world.start(web_search="on", **masking())
    room = world.direct()
    await room.ask("What is Bluebird?")
    await room.shows("Bluebird is tea.")
    assert any("Searching: Bluebird tea" in frame.message.text for frame in world.screen.frames)
    assert [arguments["query"] for _, arguments in world.kimi.formulas.fibers] == ["[CODENAME-1] tea"]
    told = [str(seen.body) for seen in world.requests]
    assert not any(CARD in text or "Bluebird" in text for text in told)
