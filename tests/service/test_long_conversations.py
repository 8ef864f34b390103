"""A conversation that outgrows its model's context goes on, and its beginning is not lost."""

import re
from typing import Any

import pytest

from bots.simulator.kimi import Account, Refusal, Script, ScriptedReply, SeenRequest
from bots.simulator.kimi.models import SMALL, WITH_SMALL
from core.prompting.compaction import SUMMARY_INSTRUCTION
from core.prompting.prompt import MISSING_MESSAGES_NOTE, SUMMARY_HEADER
from core.store import usage

TURNS = 300
FILLER = "and some more words about nothing in particular, so that every message has a usual length. " * 4
LONG = "A long answer goes on and on, with many words that say very little about it. " * 36
FACT = re.compile(r"My name is \w+\.|The launch is on \w+\.|Fact \d+: \w+\.")
REFUSED = Refusal(status=400, type="invalid_request_error", message="Invalid request: not today")
AT_ONCE = float("inf")


def everything(request: SeenRequest) -> str:
    """All words that Kimi is shown."""
    return "\n".join(str(message["content"]) for message in request.messages)


def is_for_notes(request: SeenRequest) -> bool:
    """Whether a request asks for notes, not for an answer."""
    return request.question.startswith(SUMMARY_INSTRUCTION[:60])


def remembering(answer: str = FILLER, *, notes_after_s: float = 0.0) -> Script:
    """Return a Kimi that knows what it is shown: its notes keep facts, and its answers can quote them."""

    def script(request: SeenRequest) -> ScriptedReply:
        facts = list(dict.fromkeys(FACT.findall(everything(request))))
        if is_for_notes(request):
            return ScriptedReply("\n".join(facts) or "-", chunks_per_s=AT_ONCE, first_after_s=notes_after_s)
        known = "What do you know?" in request.question
        return ScriptedReply(" ".join(facts) or "Nothing." if known else answer, chunks_per_s=AT_ONCE)

    return script


def without_notes(request: SeenRequest) -> ScriptedReply | Refusal:
    """A Kimi that answers as ever, but makes no notes."""
    return REFUSED if is_for_notes(request) else remembering(LONG)(request)  # type: ignore[return-value]


async def small(world: Any, script: Script) -> None:
    """Start with the 8k model for everybody."""
    world.kimi.account = Account(concurrency=10**6, rpm=10**6, tpm=10**12, models=WITH_SMALL)
    world.kimi.script = script
    await world.start(kimi_model=SMALL.id, reply_tokens=1_024, buttons="off")


async def talk(world: Any, room: Any, turns: range, text: str = FILLER) -> None:
    """Ask one question after the other, each after the last one's answer."""
    for turn in turns:
        await room.ask(f"Question {turn}: {text}" + (f"Fact {turn}: yes." if turn % 60 == 0 else ""))
        await world.done(turn)


def asked(world: Any) -> list[SeenRequest]:
    """The requests for answers."""
    return [request for request in world.requests if not is_for_notes(request)]


def asked_for_notes(world: Any) -> list[SeenRequest]:
    """The requests for notes."""
    return [request for request in world.requests if is_for_notes(request)]


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["telegram"])
async def test_three_hundred_turns_on_an_8k_model(world: Any) -> None:
    """Every question is answered, the first facts are still known, and the prefix cache holds most."""
    await small(world, remembering())
    room = world.direct()
    await room.ask("My name is Ann. The launch is on Friday.")
    await world.done(1)
    await talk(world, room, range(2, TURNS))
    await room.ask("What do you know?")
    shown = await room.shows("My name is Ann. The launch is on Friday. Fact 60: yes. Fact 120: yes.")
    assert "Question 2:" not in everything(asked(world)[-1])
    assert await world.done(TURNS) == ["complete"] * TURNS
    assert shown.text.endswith("Fact 240: yes.")

    assert len(asked(world)) == TURNS
    assert world.kimi.refusals == []
    assert 5 < len(asked_for_notes(world)) < TURNS / 6
    assert not any(MISSING_MESSAGES_NOTE in everything(request) for request in asked(world))
    (used,) = await world.rows(
        "SELECT sum(cached_tokens) AS cached, sum(prompt_tokens) AS prompt FROM usage WHERE person_id != ''"
    )
    assert used.cached / used.prompt > 0.7
    await room.order("context")
    told = await room.shows("Summary: version")
    assert "kimi-small-8k" in told.text
    assert re.search(r"Prefix cache: [78]\d% of", told.text)
    assert told.text.index("The launch is on Friday.") > told.text.index("The summary:")


@pytest.mark.parametrize("platform", ["slack"])
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_group_s_notes_know_who_said_what(world: Any) -> None:
    """In a group the notes are made of words with their speakers' names."""
    await small(world, remembering())
    room = world.group("Ann", "Bob")
    await room.ask("My name is Ann.", person=0)
    await world.done(1)
    await talk(world, room, range(2, 30))
    await world.until(lambda: asked_for_notes(world), "notes are asked for")
    assert "Ann: My name is Ann." in everything(asked_for_notes(world)[0])
    await room.ask(f"<@{world.sim.bot_user}> What do you know?", person=1)
    await room.shows("My name is Ann.")
    assert SUMMARY_HEADER in everything(asked(world)[-1])


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_question_that_does_not_fit_waits_for_the_notes(world: Any) -> None:
    """Where the next questions are faster than the notes, nothing is dropped: they wait."""
    await small(world, remembering(LONG, notes_after_s=60.0))
    room = world.direct()
    await room.ask("My name is Ann.")
    await world.done(1)
    await talk(world, room, range(2, 13), "")
    facts = [FACT.search(everything(request)) for request in asked(world)]
    assert all(found is not None and found[0] == "My name is Ann." for found in facts)
    assert not any(MISSING_MESSAGES_NOTE in everything(request) for request in asked(world))
    assert SUMMARY_HEADER in everything(asked(world)[-1])
    assert world.kimi.refusals == []


@pytest.mark.parametrize("platform", ["telegram"])
async def test_lost_notes_are_made_anew(world: Any) -> None:
    """Without notes the prompt says what is missing; when Kimi makes notes again, all is known again."""
    await small(world, without_notes)
    room = world.direct()
    await room.ask("My name is Ann.")
    await world.done(1)
    await talk(world, room, range(2, 11), "")
    assert await world.done(10) == ["complete"] * 10
    last = everything(asked(world)[-1])
    assert MISSING_MESSAGES_NOTE in last
    assert "My name is Ann." not in last
    await world.stop()
    world.kimi.script = remembering(LONG)
    await world.start()
    await room.ask("What do you know?")
    await room.shows("My name is Ann.")
    assert MISSING_MESSAGES_NOTE not in everything(asked(world)[-1])


@pytest.mark.parametrize("platform", ["telegram"])
async def test_new_forgets_the_notes_too(world: Any) -> None:
    """After /new neither prompts nor /context hold anything of the notes."""
    await small(world, remembering(LONG))
    room = world.direct()
    await room.ask("My name is Ann.")
    await world.done(1)
    await talk(world, room, range(2, 9), "")
    assert any(SUMMARY_HEADER in everything(request) for request in asked(world))
    await room.order("new")
    await room.shows("start afresh")
    await room.ask("What do you know?")
    await room.shows("Nothing.", exactly=True)
    assert SUMMARY_HEADER not in everything(asked(world)[-1])
    await room.order("context")
    await room.shows("Summary: none needed yet")


@pytest.mark.parametrize("platform", ["slack"])
@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ("长" * 10_300, "complete"),  # we think that it does not fit; it does
        ("x" * 24_300, "question_too_long"),  # we think that it fits; it does not
    ],
)
async def test_near_the_edge_the_provider_counts(world: Any, question: str, outcome: str) -> None:
    """A question is admitted or refused by Kimi's own count, and far from the edge nobody counts."""
    await small(world, remembering())
    room = world.direct()
    await room.ask("short")
    await world.done(1)
    assert world.kimi.counted == 0
    await room.ask(question)
    assert await world.done(2) == ["complete", outcome]
    assert world.kimi.counted == 1
    assert world.kimi.refusals == []


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_wrong_estimate_costs_one_refusal(world: Any) -> None:
    """Where Kimi finds a prompt too long that we thought short, it is folded and asked again."""
    await small(world, remembering(LONG))
    room = world.direct()
    await room.ask("My name is Ann.")
    await world.done(1)
    await talk(world, room, range(2, 5), "")
    assert world.service is not None
    async with world.service.database.begin() as tx:
        await usage.save_calibration(tx, f"token-ratio:{SMALL.id}", 0.5)
    await world.stop()
    await world.start()
    await room.ask(f"What do you know? {'x' * 10_000}")
    await room.shows("My name is Ann.")
    assert await world.done(5) == ["complete"] * 5
    assert len(world.kimi.refusals) == 1
