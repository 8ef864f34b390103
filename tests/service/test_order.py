"""Messages that come while an answer is being written, in each of the three ways."""

from typing import Any

import pytest

from bots.simulator.kimi import per_question

FIRST = "First " + "one two three four five six seven eight nine ten " * 3 + "done."
SECOND = "Second answer, quite short."


@pytest.fixture(params=["direct", "group"])
async def room(world: Any, request: pytest.FixtureRequest) -> Any:
    """A conversation of each kind, with answers that take about a second."""
    world.kimi.script = per_question({"alpha": FIRST, "beta": SECOND, "gamma": "Third."}, chunks_per_s=20)
    return getattr(world, request.param)()


async def test_questions_are_answered_in_order_and_never_two_at_once(world: Any, room: Any) -> None:
    """A second question waits for the first one's answer, and Kimi sees that answer."""
    await world.start()
    await room.ask("alpha?")
    await world.until(lambda: room.answers, "the first answer begins")
    await room.ask("beta?")
    await room.ask("gamma?")
    assert await world.done(3) == ["complete"] * 3
    assert [text.rstrip() for text in room.texts] == [FIRST, SECOND, "Third."]
    assert [request.question.split(": ")[-1] for request in world.requests] == ["alpha?", "beta?", "gamma?"]
    assert world.requests[0].chunk_times[-1] <= world.requests[1].at
    assert world.requests[1].chunk_times[-1] <= world.requests[2].at
    assert [content for _, content in world.question_of(2)][1::2] == [FIRST, SECOND]
    world.assert_calm()


async def test_waiting_questions_become_one_where_merged(world: Any, room: Any) -> None:
    """With merge, what waits is answered together once the running answer is complete."""
    await world.start(while_answering="merge")
    await room.ask("alpha?")
    await world.until(lambda: room.answers, "the first answer begins")
    await room.ask("beta?")
    await room.ask("gamma?")
    assert await world.done(2) == ["complete"] * 2
    assert len(world.requests) == 2
    asked = [content.split(": ")[-1] for role, content in world.question_of(1) if role == "user"]
    assert asked == ["alpha?", "beta?", "gamma?"]
    assert world.question_of(1)[1] == ("assistant", FIRST)
    assert [text.rstrip() for text in room.texts] == [FIRST, "Third."]
    world.assert_calm()


async def test_a_new_question_ends_the_running_answer_where_it_interrupts(world: Any, room: Any) -> None:
    """With interrupt, the partial text stays, Kimi is cut off, and both questions are answered."""
    await world.start(while_answering="interrupt")
    await room.ask("alpha?")
    await world.until(lambda: room.answers, "the first answer begins")
    await room.ask("beta?")
    assert await world.done(2) == ["interrupted", "complete"]
    assert world.requests[0].disconnected
    first, second = room.texts
    assert first.startswith("First one")
    assert "done." not in first
    assert second == SECOND
    (_, alpha), (_, partial), (_, beta) = world.question_of(1)
    assert (alpha.split(": ")[-1], beta.split(": ")[-1]) == ("alpha?", "beta?")
    assert FIRST.startswith(partial)
    world.assert_calm()


async def test_conversations_do_not_wait_for_each_other(world: Any) -> None:
    """Two people's answers are written at the same time."""
    world.kimi.script = per_question({"alpha": FIRST, "beta": FIRST}, chunks_per_s=20)
    await world.start()
    ann, bob = world.direct("Ann"), world.direct("Bob")
    await ann.ask("alpha?")
    await bob.ask("beta?")
    assert await world.done(2) == ["complete"] * 2
    assert world.requests[1].at < world.requests[0].chunk_times[-1]
    world.assert_calm()
