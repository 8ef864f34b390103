"""A conversation that outgrows its model's context goes on, and its beginning is not lost."""

import re
from typing import Any

import pytest

from bots.simulator.kimi import Account, ScriptedReply, SeenRequest
from bots.simulator.kimi.models import SMALL, WITH_SMALL
from core.chat.folding import INSTRUCTION
from core.chat.prompt import MISSING, NOTES
from core.clock import ScaledClock

TURNS = 300
FILLER = "and some more words about nothing in particular, so that every message has a usual length. " * 4
FACT = re.compile(r"My name is \w+\.|The launch is on \w+\.|Fact \d+: \w+\.")
ASKED_FOR_NOTES = INSTRUCTION[:60]


@pytest.fixture
def clock() -> ScaledClock:
    """A clock on which three hundred turns take seconds."""
    return ScaledClock(120.0)


def everything(request: SeenRequest) -> str:
    """All words that Kimi is shown."""
    return "\n".join(str(message["content"]) for message in request.messages)


def is_for_notes(request: SeenRequest) -> bool:
    """Whether a request asks for notes, not for an answer."""
    return request.question.startswith(ASKED_FOR_NOTES)


def remembering(request: SeenRequest) -> ScriptedReply:
    """A Kimi that knows exactly what it is shown: its notes keep facts, and its answers quote them."""
    facts = list(dict.fromkeys(FACT.findall(everything(request))))
    if is_for_notes(request):
        return ScriptedReply("\n".join(facts), chunks_per_s=float("inf"))
    if "What do you know?" in request.question:
        return ScriptedReply(" ".join(facts) or "Nothing.", chunks_per_s=float("inf"))
    return ScriptedReply(f"I see, {FILLER}", chunks_per_s=float("inf"))


async def small(world: Any, **settings: Any) -> Any:
    """Start with the 8k model for everybody."""
    world.kimi.account = Account(concurrency=10**6, rpm=10**6, tpm=10**12, models=WITH_SMALL)
    world.kimi.script = remembering
    return await world.start(kimi_model=SMALL.id, reply_tokens=1_024, buttons="off", **settings)


@pytest.mark.parametrize("platform", ["telegram"])
async def test_three_hundred_turns_on_an_8k_model(world: Any) -> None:
    """Every question is answered, the first facts are still known, and the prefix cache holds most."""
    await small(world)
    room = world.direct()
    await room.ask("My name is Ann. The launch is on Friday.")
    for turn in range(2, TURNS):
        await world.done(turn - 1)
        await room.ask(f"Question {turn}: {FILLER}" + (f"Fact {turn}: yes." if turn % 60 == 0 else ""))
    await world.done(TURNS - 1)
    await room.ask("What do you know?")
    shown = await room.shows("My name is Ann.")
    assert "The launch is on Friday." in shown.text
    assert "Fact 60: yes." in shown.text
    assert await world.done(TURNS) == ["complete"] * TURNS

    asked = [request for request in world.requests if not is_for_notes(request)]
    for_notes = [request for request in world.requests if is_for_notes(request)]
    assert len(asked) == TURNS
    assert world.kimi.refusals == []
    assert 5 < len(for_notes) < TURNS / 8
    assert not any(MISSING in everything(request) for request in asked)
    (used,) = await world.rows(
        "SELECT sum(cached_tokens) AS cached, sum(prompt_tokens) AS prompt FROM usage WHERE outcome = 'complete'"
    )
    assert used.cached / used.prompt > 0.7
    await room.order("context")
    told = await room.shows("stands for" if False else "Summary: version")
    print(told.text, len(for_notes), used.cached / used.prompt, world.kimi.counted)
