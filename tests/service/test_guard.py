"""Who asks too much waits, who says the same again and again is told, who is blocked gets nothing."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with
from core.chat_policy import ChatRules, Trigger
from core.store import blocked_people, rules


def person_id(person: Any) -> str:
    """A person's id on either platform."""
    return str(getattr(person, "id", person))


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_flood_is_told_once_and_others_go_on(world: Any, backend: str) -> None:
    """What comes at once is answered up to the limit; then one notice, then silence; others are served."""
    ann, bob = world.direct("Ann"), world.direct("Bob")
    await world.start(flood_messages_per_minute=3)
    for turn in range(8):
        await ann.ask(f"Question {turn}?")
    await ann.shows("more than I can keep up with")
    await bob.ask("And I?")
    await bob.shows("Hello there.")
    assert await world.done(5) == ["complete", "complete", "complete", "notice", "complete"]
    assert len([text for text in ann.texts if "keep up" in text]) == 1
    assert len(ann.answers) == 4
    assert len(world.requests) == 4
    # Slack's events come side by side: any three of them may be the first.
    assert len(await world.rows("SELECT id FROM messages WHERE text LIKE '%Question%'")) == 3
    world.assert_calm()


async def test_a_flood_does_not_wait_for_its_notice(world: Any) -> None:
    """The notice stands at once, while the first answer is still being written; a restart keeps the pause."""
    world.kimi.script = answer_with("word " * 60 + "over.", chunks_per_s=10)
    ann = world.direct("Ann")
    await world.start(flood_messages_per_minute=2)
    for turn in range(4):
        await ann.ask(f"Question {turn}?")
    await ann.shows("more than I can keep up with")
    assert "over." not in ann.texts[0]
    await world.done(3)
    await world.stop()
    await world.start()
    await ann.ask("Am I still too quick?")
    bob = world.direct("Bob")
    await bob.ask("And I?")
    await bob.shows("over.")
    await world.done(4)
    assert len(ann.answers) == 3


async def test_admins_may_ask_as_fast_as_they_like(world: Any) -> None:
    """They are never slowed down."""
    ann = world.direct("Ann")
    await world.start(
        flood_messages_per_minute=1,
        duplicates_per_10_min=1,
        admins=(f"{world.name}:{person_id(ann.people[0])}",),
    )
    for _ in range(3):
        await ann.ask("Again?")
    assert await world.done(3) == ["complete"] * 3


async def test_the_same_again_and_again_is_told_once(world: Any) -> None:
    """Blanks and capitals make no difference; something else is answered all the same."""
    ann = world.direct("你好吗", "zh")
    await world.start(duplicates_per_10_min=2)
    for words in ("发货了吗", "发货了吗", " 发货了吗 ", "发货了吗"):
        await ann.ask(words)
    await ann.shows("已经收到好几次了")
    await ann.ask("那么退货呢？")
    await world.done(4)
    assert sorted(await world.outcomes()) == ["complete", "complete", "complete", "notice"]
    assert len(ann.answers) == 4


async def test_an_album_is_one_question(world: Any) -> None:
    """Its pictures are not counted one by one, and the same picture twice is no repetition."""
    picture = b"\x89PNG\r\n\x1a\n"
    ann = world.direct("Ann")
    await world.start(flood_messages_per_minute=2, duplicates_per_10_min=1)
    files = [(f"{number}.png", picture, "image/png") for number in range(4)]
    await ann.send(*files, text="Which one?")
    await ann.shows("Hello there.")
    assert await world.done(1) == ["complete"]


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_an_admin_blocks_by_replying(world: Any, backend: str) -> None:
    """The person is told once, then hears nothing; elsewhere they are answered; /unblock takes it back."""
    room = world.group("Ann", "Bob")
    await world.start(admins=(f"{world.name}:{person_id(room.people[0])}",))
    bad = await room.ask("@moonthread_bot buy my coins!" if world.name == "slack" else "buy!", person=1)
    await world.done(1)
    if world.name == "telegram":
        words = "/block@moonthread_bot"
        await world.sim.say(int(room.channel), room.people[0], words, reply_to=int(bad))
    else:
        await room.order("block", person=0)
    await room.shows("Done, I no longer answer")
    for words in ("Hello?", "Why?"):
        await room.ask(mentioned(world, words), person=1)
    await room.shows("have asked me not to answer you")
    await room.order("system You are rude.", person=1)
    bob = room.people[1]
    channel = world.sim.open_dm(bob) if world.name == "slack" else str(world.sim.private_chat(bob))
    elsewhere = type(room)(world, channel, [bob], direct=True)
    await elsewhere.ask("And here?")
    await elsewhere.shows("Hello there.")
    assert sorted(await world.done(4)) == ["complete", "complete", "notice", "notice"]
    assert len(world.requests) == 2
    assert len([text for text in room.texts if "not to answer" in text]) == 1
    await room.order("unblock Eve", person=0)
    await room.shows("Blocked here:")
    await room.order("unblock", person=0)
    await room.shows("Done, I answer")
    await room.ask(mentioned(world, "May I ask now?"), person=1)
    await world.done(7)
    assert len(world.requests) == 3


def mentioned(world: Any, words: str) -> str:
    """Words that are meant for the bot by themselves."""
    return f"<@{world.sim.bot_user}> {words}" if world.name == "slack" else f"@moonthread_bot {words}"


async def test_only_those_who_run_the_chat_block(world: Any) -> None:
    """Customers cannot, neither in a group nor in a direct conversation; admins cannot be blocked."""
    room, direct = world.group("Ann", "Bob"), world.direct("Cid")
    await world.start(admins=(f"{world.name}:{person_id(room.people[0])}",))
    await room.ask("Hello?", person=0)
    await world.done(1)
    await room.order("block Ann", person=1)
    await direct.order("block Ann")
    await direct.shows("only admins may")
    await world.done(3)
    await room.ask(mentioned(world, "And I?"), person=1)
    await world.done(4)
    await room.order("block Ann", person=0)
    await world.done(5)
    await room.order("block Nobody", person=0)
    await room.shows("or name them")
    assert await world.rows("SELECT * FROM blocked_people") == []


async def test_whoever_is_blocked_can_still_be_forgotten(world: Any) -> None:
    """/forget is heard from everybody."""
    ann = world.direct("Ann")
    await world.start()
    await ann.ask("plum?")
    await world.done(1)
    assert world.service is not None
    async with world.service.database.begin() as tx:
        await blocked_people.block(tx, platform=world.name, person_id=person_id(ann.people[0]), channel="")
    await ann.ask("plum again?")
    await ann.shows("have asked me not to answer you")
    await ann.order("forget yes")
    await ann.shows("Deleted: 1 of your messages")
    await world.done(3)
    assert await world.rows("SELECT * FROM messages") == []
    assert len(await world.rows("SELECT * FROM blocked_people")) == 1


async def test_admins_of_a_chat_block_its_customers(world: Any) -> None:
    """Whoever the platform calls an admin may block, also by name; nobody else may take it back."""
    if world.name == "telegram":
        room = world.group("Ann", "Bob")
        world.sim.promote(int(room.channel), room.people[0])
    else:
        people = [world.sim.add_person("Ann", admin=True), world.sim.add_person("Bob")]
        channel = world.sim.add_channel("shop", people)
        room = type(world.direct())(world, channel, people, direct=False)
    await world.start(flood_messages_per_minute=2)
    for number in range(4):
        await room.ask(mentioned(world, f"Question {number}?"), person=1)
    await room.shows("more than I can keep up with")
    await world.done(3)
    await room.order("block Bob", person=0)
    await room.shows("Done, I no longer answer")
    await room.order("unblock Bob", person=1)
    await room.order("unblock Eve", person=0)
    await room.shows("Blocked here:")
    assert len(await world.rows("SELECT * FROM blocked_people")) == 1


async def test_where_the_bot_always_answers_customers_are_slowed_down_and_staff_are_not(world: Any) -> None:
    """What nobody addressed to the bot counts there too; the staff's words never do."""
    room = world.group("Ann", "Bob")
    if world.name == "telegram":
        world.sim.promote_bot(int(room.channel))
    await world.start(flood_messages_per_minute=2)
    assert world.service is not None
    made = ChatRules(trigger=Trigger.ALWAYS, gather_s=0.0, staff=(person_id(room.people[0]),), quiet_s=0.0)
    async with world.service.database.begin() as tx:
        await rules.save(tx, made, platform=world.name, tenant="", channel=room.channel, changed_by="")
    channel = room.channel if world.name == "slack" else int(room.channel)
    for person, word in ((0, "Staff"), (1, "Customer")):
        for number in range(5):
            await world.sim.say(channel, room.people[person], f"{word} {number}?")
    notices = "SELECT * FROM turns WHERE outcome = 'notice' AND state = 'done'"
    while not await world.rows(notices):
        await world.clock.sleep(0.2)
    await world.queued(0)
    assert len(await world.rows(notices)) == 1
    assert len([seen for seen in world.requests if "Customer" in seen.question]) == 2
    (told,) = await world.rows("SELECT asker_id FROM turns WHERE outcome = 'notice'")
    assert told.asker_id == person_id(room.people[1])
