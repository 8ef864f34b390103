"""Lists and budgets: who is answered, and how often."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with


def person_id(person: Any) -> str:
    """A person's id on either platform."""
    return str(getattr(person, "id", person))


async def test_somebody_on_the_deny_list_gets_no_answer(world: Any) -> None:
    """Nothing of what they say is kept but that it came; others are answered."""
    ann, bob = world.direct("Ann"), world.direct("Bob")
    await world.start(deny=(f"{world.name}:{person_id(bob.people[0])}",))
    await bob.ask("My secret is plum.")
    await ann.ask("Hello?")
    await ann.shows("Hello there.")
    await world.done(1)
    assert bob.answers == []
    skipped = await world.rows("SELECT event FROM inbox WHERE status = 'skipped'")
    assert len(skipped) == 1
    assert "plum" not in str(skipped)
    assert await world.rows("SELECT id FROM messages WHERE text LIKE '%plum%'") == []
    assert len(await world.rows("SELECT id FROM conversations")) == 1


async def test_an_allow_list_lets_in_its_people_and_the_admins(world: Any) -> None:
    """Whoever stands on it is answered, by person or by chat; commands of others do nothing."""
    ann, bob, cid = world.direct("Ann"), world.direct("Bob"), world.direct("Cid")
    await world.start(
        allow=(f"{world.name}:{ann.channel}",), admins=(f"{world.name}:{person_id(bob.people[0])}",)
    )
    await cid.ask("May I?")
    await cid.order("help")
    for room in (ann, bob):
        await room.ask("May I?")
        await room.shows("Hello there.")
    await world.done(2)
    assert cid.answers == []


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_person_over_budget_is_told_once_a_day(world: Any, backend: str) -> None:
    """Two questions are answered, the third gets a short notice, the fourth silence; others go on."""
    ann, bob = world.direct("Ann"), world.direct("Bob")
    await world.start(person_messages_per_day=2)
    for turn in range(3):
        await ann.ask(f"Question {turn}?")
        await world.done(turn + 1)
    assert "used up your questions of today" in ann.texts[-1]
    await ann.ask("And now?")
    await world.queued(0)
    await bob.ask("And I?")
    await bob.shows("Hello there.")
    assert await world.done(4) == ["complete", "complete", "notice", "complete"]
    assert len(ann.answers) == 3
    assert len(world.requests) == 3
    silent = await world.rows("SELECT id FROM inbox WHERE status = 'skipped'")
    assert len(silent) == 1
    assert len(await world.rows("SELECT id FROM messages WHERE text LIKE '%And now?%'")) == 1
    world.assert_calm()


async def test_a_command_is_no_question_and_retry_is_one(world: Any) -> None:
    """/usage works over budget; /retry is refused, and the earlier answer stays as it is."""
    room = world.direct()
    await world.start(person_messages_per_day=1)
    await room.ask("Question?")
    await world.done(1)
    await room.order("usage")
    await room.shows("Today: 1 question,")
    await room.order("retry")
    await room.shows("used up your questions of today")
    await world.done(3)
    assert len(world.requests) == 1
    assert room.texts[0] == "Hello there."


async def test_tokens_of_a_chat_are_counted_and_no_answer_is_cut(world: Any) -> None:
    """The answer that passes the budget is whole; the next question of anybody there waits for tomorrow."""
    world.kimi.script = answer_with("word " * 50 + "end.")
    room = world.group("Ann", "Bob")
    await world.start(chat_tokens_per_day=40)
    await room.ask("Long?")
    await world.done(1)
    assert room.texts[0].endswith("end.")
    await room.ask("@moonthread_bot more?" if world.name == "telegram" else "more?", person=0)
    await room.shows("What may be asked here in a day is used up.")
    await world.done(2)
    elsewhere = world.direct("Cid")
    await elsewhere.ask("And here?")
    await elsewhere.shows("end.")


@pytest.mark.parametrize("platform", ["telegram"])
async def test_strangers_on_telegram_have_a_budget_by_default(world: Any) -> None:
    """Who stands on the allow list, or is an admin, has none."""
    ann, bob = world.direct("Ann"), world.direct("Bob")
    await world.start(unlisted_user_messages_per_day=1, admins=(f"telegram:{person_id(bob.people[0])}",))
    for room in (ann, bob):
        await room.ask("One?")
        await room.shows("Hello there.")
        await room.ask("Two?")
    await ann.shows("used up your questions")
    await world.done(4)
    assert bob.texts == ["Hello there."] * 2
