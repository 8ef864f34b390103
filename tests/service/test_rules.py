"""When the bot speaks in a chat that has rules, on both platforms and both databases."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from bots.simulator.kimi import SeenRequest
from core.chat_policy import ChatRules, Trigger, WeeklyHours, WeeklyRange
from core.store import rules
from core.store.clock import utc_now
from core.turns.intent_classifier import INSTRUCTION


def script(request: SeenRequest) -> str:
    """Judge what has "need" in it to ask something; answer everything else by repeating it."""
    if request.messages[0]["content"] == INSTRUCTION:
        return "Yes" if "need" in request.question else "No."
    return f"Answer to: {request.question}"


@dataclass
class Shop:
    """A group in which customers and a team talk."""

    world: Any
    room: Any
    customers: list[Any]
    staff: list[Any]
    said: list[str] = field(default_factory=list)

    async def say(self, person: Any, text: str, **how: Any) -> str:
        """Say something to nobody in particular; ``to`` is the message that it replies to."""
        to = how.pop("to", None)
        if self.world.name == "slack":
            return str(await self.world.sim.say(self.room.channel, person, text, to, **how))
        reply = {} if to is None else {"reply_to": int(to)}
        return str(await self.world.sim.say(int(self.room.channel), person, text, **reply, **how))

    async def call(self, person: Any, text: str, **how: Any) -> str:
        """Mention the bot."""
        name = f"<@{self.world.sim.bot_user}>" if self.world.name == "slack" else "@moonthread_bot"
        return await self.say(person, f"{name} {text}", **how)

    @property
    def texts(self) -> list[str]:
        """All that the bot has said here."""
        return [one.text for one in self.world.screen.in_channel(self.room.channel, by_bot=True)]

    async def shows(self, text: str) -> Any:
        """Wait until the bot has said something that holds ``text``."""

        def found() -> Any:
            shown = self.world.screen.in_channel(self.room.channel, by_bot=True)
            return next((one for one in shown if text in one.text), None)

        return await self.world.until(found, f"the bot says {text!r}")

    async def settled(self) -> None:
        """Wait until nothing is open."""
        await self.world.queued(0)

    async def left_alone(self) -> None:
        """Assert that nothing more is said, asked or shown than so far."""
        await self.settled()
        before, statuses = len(self.texts), self.statuses()
        await self.world.clock.sleep(2.0)
        await self.settled()
        assert (len(self.texts), self.statuses()) == (before, statuses)

    def statuses(self) -> int:
        """How many frames the bot has shown in the room, statuses among them."""
        own = [one for one in self.world.screen.frames if one.kind == "status" or one.message.by_bot]
        return sum(1 for frame in own if frame.message.channel == self.room.channel)


async def open_shop(world: Any, **own: Any) -> Shop:
    """Start, and open a group with rules: two customers and two people of the staff."""
    world.kimi.script = script
    await world.start()
    room = world.group("Sue", "Tom", "Ann", "Bob")  # on Telegram the first one owns it
    if world.name == "telegram":
        world.sim.promote_bot(int(room.channel))
    staff, customers = room.people[:2], room.people[2:]
    made = ChatRules(**{"gather_s": 0.0, "staff": tuple(str(one) for one in staff), **own})
    await keep(world, room.channel, made)
    return Shop(world, room, customers, staff)


async def keep(world: Any, channel: str, made: ChatRules) -> None:
    """Set a chat's rules."""
    async with world.service.database.begin() as tx:
        await rules.save(tx, made, platform=world.name, tenant="", channel=channel, changed_by="")


both = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])


@both
async def test_only_questions_are_answered(world: Any) -> None:
    """With the trigger "question" Kimi judges what nobody said to the bot; for the rest nothing is shown."""
    shop = await open_shop(world, trigger=Trigger.QUESTION)
    ann = shop.customers[0]
    await shop.say(ann, "Thank you!")
    await shop.say(ann, "The weather is lovely today")
    await shop.left_alone()
    assert (shop.texts, shop.statuses()) == ([], 0)
    await shop.say(ann, "I need a red kettle")
    await shop.shows("Answer to")
    await shop.settled()
    assert len(shop.texts) == 1
    asked = [one.question for one in world.requests if one.messages[0]["content"] == INSTRUCTION]
    assert asked == ["The weather is lovely today", "I need a red kettle"]
    world.assert_calm()


async def test_a_judge_that_fails_leaves_people_alone(world: Any) -> None:
    """Where Kimi cannot judge, the bot is silent until it is mentioned."""
    shop = await open_shop(world, trigger=Trigger.QUESTION)
    world.kimi.script = lambda request: (
        "" if request.messages[0]["content"] == INSTRUCTION else script(request)
    )
    await shop.say(shop.customers[0], "The thing from last week, I need it")
    await shop.left_alone()
    assert shop.texts == []
    await shop.call(shop.customers[0], "the thing from last week")
    await shop.shows("Answer to")


async def test_a_keyword_brings_the_bot(world: Any) -> None:
    """With the trigger "keyword" it answers what holds one, as a whole word."""
    shop = await open_shop(world, trigger=Trigger.KEYWORD, keywords=("refund", "退款"))
    await shop.say(shop.customers[0], "refunding is hard")
    await shop.left_alone()
    assert shop.texts == []
    await shop.say(shop.customers[0], "My Refund, please")
    await shop.shows("My Refund")
    await shop.say(shop.customers[1], "我要退款")
    await shop.shows("我要退款")


async def test_with_mention_nothing_else_counts(world: Any) -> None:
    """With the trigger "mention" not even a reply to the bot is answered."""
    shop = await open_shop(world, trigger=Trigger.MENTION)
    root = await shop.call(shop.customers[0], "first")
    first = await shop.shows("first")
    to = root if world.name == "slack" else first.message_id
    await shop.say(shop.customers[0], "second", to=to)
    await shop.left_alone()
    assert len(shop.texts) == 1


@both
async def test_staff_are_not_interrupted(world: Any) -> None:
    """After a word of the staff the bot stays silent in that conversation until it is mentioned."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS)
    ann, bob = shop.customers
    sue, tom = shop.staff
    root = await shop.say(ann, "Where is my parcel?")
    shown = await shop.shows("Where is my parcel")
    to = root if world.name == "slack" else shown.message_id
    await shop.settled()
    await shop.say(sue, "I am looking into it, Ann.", to=to)
    await shop.say(ann, "Thanks! How long does that take?", to=to)
    await shop.say(tom, "Sue, it is in Leipzig, is it not?", to=to)
    await shop.left_alone()
    assert len(shop.texts) == 1
    await shop.say(bob, "Do you sell tea?")
    await shop.shows("Do you sell tea")
    await shop.call(ann, "what about Sunday?", to=to)
    await shop.shows("what about Sunday")
    await shop.settled()
    await shop.say(ann, "and Monday?", to=to)
    await shop.shows("and Monday")
    assert len(shop.texts) == 4
    question = next(one for one in world.requests if "and Monday" in one.question)
    assert any("looking into it" in str(one["content"]) for one in question.messages)


async def test_the_quiet_time_passes(world: Any) -> None:
    """Once the quiet time is over, the bot answers again without being mentioned."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS, quiet_s=6.0)
    root = await shop.say(shop.customers[0], "one")
    shown = await shop.shows("one")
    to = root if world.name == "slack" else shown.message_id
    await shop.say(shop.staff[0], "hello", to=to)
    await shop.say(shop.customers[0], "two", to=to)
    await shop.left_alone()
    await asyncio.sleep(8.0)
    await shop.say(shop.customers[0], "three", to=to)
    await shop.shows("three")
    assert len(shop.texts) == 2


async def test_the_chats_admins_are_staff(world: Any) -> None:
    """Whoever runs the chat by the platform's word counts as staff without being listed."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS, staff=())
    if world.name == "slack":
        boss = world.sim.add_person("Boss", admin=True)
        await world.sim.join(shop.room.channel, boss)
    else:
        boss = shop.staff[1]
        world.sim.promote(int(shop.room.channel), boss)
    await shop.say(boss, "Good morning all, any news?")
    await shop.left_alone()
    assert shop.texts == []


@both
async def test_a_burst_is_one_question(world: Any) -> None:
    """Short messages that one person sends one right after the other are answered once, together."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS, gather_s=1.5)
    for text in ("hi", "my kettle", "is broken"):
        await shop.say(shop.customers[0], text)
        await world.clock.sleep(0.3)
    await shop.shows("is broken")
    await shop.settled()
    assert len(shop.texts) == 1
    said = [content for _, content in world.question_of(-1)]
    assert [one.split(": ")[-1] for one in said] == ["hi", "my kettle", "is broken"]


async def test_two_customers_have_conversations_of_their_own(world: Any) -> None:
    """In a group without topics what one customer says is not shown to Kimi for another."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS)
    ann, bob = shop.customers
    await asyncio.gather(shop.say(ann, "apples"), shop.say(bob, "bananas"))
    await asyncio.gather(shop.shows("apples"), shop.shows("bananas"))
    if world.name == "telegram":
        await shop.say(ann, "more of them")
        await shop.shows("more of them")
        words = str(world.question_of(-1))
        assert "apples" in words
        assert "bananas" not in words
    for request in world.requests[:2]:
        assert ("apples" in str(request.messages)) != ("bananas" in str(request.messages))


def closed_now() -> WeeklyHours:
    """Hours that ended some hours ago and begin some hours from now."""
    begins = (utc_now() + timedelta(hours=6)).hour * 60
    span = WeeklyRange(first_day=0, last_day=6, start_min=begins, end_min=(begins + 60) % 1440)
    return WeeklyHours(ranges=(span,), time_zone="UTC")


@both
async def test_after_hours_people_are_told_once(world: Any) -> None:
    """Outside of the business hours each customer is told once, and then only mentions are answered."""
    shop = await open_shop(
        world, trigger=Trigger.ALWAYS, hours=closed_now(), closed_text="We are back at {opens}."
    )
    ann, bob = shop.customers
    await shop.say(ann, "Where is it?")
    await shop.shows("We are back at 20")
    await shop.say(ann, "Hello?")
    await shop.left_alone()
    assert len(shop.texts) == 1
    await shop.say(bob, "Anybody?")
    await world.until(lambda: len(shop.texts) == 2, "Bob is told as well")
    await shop.call(ann, "urgent")
    await shop.shows("urgent")
    await shop.settled()
    assert len(world.requests) == 1


@both
async def test_new_members_are_welcomed_once(world: Any) -> None:
    """Somebody who comes is welcomed, and not again when they leave and come back."""
    shop = await open_shop(world, welcome="Welcome, {name}!")
    if world.name == "telegram":
        new = world.sim.add_person("Zoe")
        await world.sim.join(int(shop.room.channel), new)
        await shop.shows("Welcome, Zoe!")
        await world.sim.join(int(shop.room.channel), new)
    else:
        new = world.sim.add_person("Zoe")
        await world.sim.join(shop.room.channel, new)
        await shop.shows("Welcome, Zoe!")
        await world.sim.join(shop.room.channel, new)
    await shop.left_alone()
    assert len(shop.texts) == 1
    assert world.requests == []


async def test_rules_narrow_the_budget(world: Any) -> None:
    """A chat's rules may let each person ask less than the deployment does."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS, person_messages=1)
    await shop.say(shop.customers[0], "one")
    await shop.shows("one")
    await shop.say(shop.customers[0], "two")
    await shop.shows("used up")
    await shop.say(shop.customers[1], "three")
    await shop.shows("three")


async def test_rules_are_a_conversations_defaults(world: Any) -> None:
    """Model, persona and language of the rules are used where a conversation chose none."""
    shop = await open_shop(
        world, trigger=Trigger.ALWAYS, model="kimi-k2.6", persona="You are Pip.", language="fr"
    )
    await shop.say(shop.customers[0], "one")
    await shop.shows("one")
    request = world.requests[-1]
    assert request.model == "kimi-k2.6"
    assert "You are Pip." in request.messages[0]["content"]
    assert "tag is fr" in request.messages[0]["content"]


async def test_a_change_counts_at_once(world: Any) -> None:
    """The message after a change is treated by it."""
    shop = await open_shop(world, trigger=Trigger.MENTION)
    await shop.say(shop.customers[0], "one")
    await shop.left_alone()
    await keep(world, shop.room.channel, ChatRules(trigger=Trigger.ALWAYS, gather_s=0.0))
    await shop.say(shop.customers[0], "two")
    await shop.shows("two")
    assert len(shop.texts) == 1


async def test_what_is_told_survives_a_restart(world: Any) -> None:
    """A question that was waiting for more when the process ended is judged and answered by the next."""
    shop = await open_shop(world, trigger=Trigger.QUESTION, gather_s=3.0)
    await shop.say(shop.customers[0], "I need")
    await shop.say(shop.customers[0], "a lamp")
    await world.queued(2)
    await world.stop()
    await world.start()
    await shop.shows("Answer to")
    await shop.settled()
    assert len(shop.texts) == 1


async def test_staff_who_answer_first_are_not_talked_over(world: Any) -> None:
    """Where somebody of the staff answers while more of a question is waited for, the bot stays silent."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS, gather_s=6.0)
    root = await shop.say(shop.customers[0], "Is the shop open?")
    await world.queued(1)
    await shop.say(shop.staff[0], "Yes, until six.", to=root)
    await world.queued(0)
    await shop.left_alone()
    assert shop.texts == []
    assert world.requests == []


async def test_a_change_after_the_staffs_word_is_not_answered_anew(world: Any) -> None:
    """A customer who corrects their question while the staff talk to them does not bring the bot back."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS)
    ann = shop.customers[0]
    root = await shop.say(ann, "Wheer is it?")
    await shop.shows("Wheer")
    await shop.settled()
    await shop.say(shop.staff[0], "On its way.", to=root)
    if world.name == "slack":
        await world.sim.edit(shop.room.channel, root, "Where is it?")
    else:
        await world.sim.edit(int(shop.room.channel), int(root), "Where is it?")
    await shop.left_alone()
    assert len(shop.texts) == 1


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_word_to_nobody_silences_those_who_just_spoke(world: Any) -> None:
    """In a group without threads a staff's plain word is for whoever spoke lately, not for newcomers."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS)
    ann, bob = shop.customers
    await shop.say(ann, "Hello, where are you?")
    await shop.shows("where are you")
    await shop.settled()
    await shop.say(shop.staff[0], "Right here, Ann!")
    await shop.say(ann, "Great, do you have tea?")
    await shop.say(ann, "Green tea?")
    await shop.left_alone()
    assert len(shop.texts) == 1
    await shop.say(bob, "Do you have cups?")
    await shop.shows("cups")
    await shop.say(bob, "And spoons?")
    await shop.shows("spoons")


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_forum_topic_is_one_conversation(world: Any) -> None:
    """All who speak in a topic share its conversation, and another topic is another one."""
    world.kimi.script = script
    await world.start()
    room = world.group("Sue", "Ann", "Bob", forum=True)
    world.sim.promote_bot(int(room.channel))
    await keep(world, room.channel, ChatRules(trigger=Trigger.ALWAYS, gather_s=0.0))
    sue, ann, bob = room.people
    shop = Shop(world, room, [ann, bob], [sue])
    topics = [world.sim.add_topic(int(room.channel), title) for title in ("tea", "cups")]
    for person, topic, text in ((ann, 0, "apples"), (bob, 0, "bananas"), (bob, 1, "cherries")):
        await shop.say(person, text, topic=topics[topic])
        await shop.shows(text)
        await shop.settled()
    first, second, third = (str(request.messages) for request in world.requests)
    assert "apples" in first
    assert "apples" in second
    assert "apples" not in third
    assert "bananas" not in third


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_user_group_is_staff(world: Any) -> None:
    """Whoever belongs to a user group that the rules name counts as staff."""
    shop = await open_shop(world, trigger=Trigger.ALWAYS, staff=())
    sue, tom = shop.staff
    world.sim.add_group("support", [sue])
    await keep(
        world,
        shop.room.channel,
        ChatRules(trigger=Trigger.ALWAYS, gather_s=0.0, staff_groups=("@support",)),
    )
    await world.clock.sleep(1.5)  # who is staff is told by rules that may be a second old
    await shop.say(sue, "Morning all")
    await shop.left_alone()
    assert shop.texts == []
    await shop.say(tom, "Any news?")
    await shop.shows("Any news")
