"""Nobody is forgotten: reminders, where the customer stands, idle conversations, shared rooms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.chat_policy import ChatRules, with_changes
from core.store import rules


def closed_now() -> str:
    """Business hours that are over: an hour of the day before yesterday."""
    day = (datetime.now(UTC) - timedelta(days=2)).strftime("%a").lower()
    return f"{day} 09:00-10:00 UTC"


async def waiting(office: Any, desk: str = "slack", **how: Any) -> tuple[Any, Any]:
    """Return a customer who waits, and their thread of the desk."""
    office.open_desk(desk)
    await office.start(**how)
    ann = office.customer("telegram", direct=True)
    await ann.say("I need a human")
    await ann.sees("asked our team")
    return ann, await office.desk("Ann")


@pytest.mark.parametrize("desk", ["slack", "telegram"])
async def test_an_untaken_handover_reminds_the_desk_then_the_named(office: Any, desk: str) -> None:
    """The desk is reminded, then the people by name with a real mention; the customer hears it too."""
    office.open_desk(desk)
    named = office.staff["Bo"]
    ann, team = await waiting(office, desk, desk_remind_minutes=0.5 / 60, desk_people=(f"{desk}:{named}",))
    first = await team.sees("⏰")
    second = await team.sees("⏰", times=2)
    assert str(named) not in str((first.text, first.entities))
    assert str(named) in str((second.text, second.entities))
    await ann.sees("nobody has taken this yet")
    await team.press(office.card(team), "Take")
    await ann.sees("is here now")


async def test_who_waits_behind_others_is_told_how_many(office: Any) -> None:
    """The second customer in line reads that one waits before them."""
    ann, _ = await waiting(office)
    ben = office.customer("telegram", "Ben", direct=True)
    await ben.order("human")
    await ben.sees("1 other waits before you")
    assert ann.count("before you") == 0
    await ben.order("human")
    await ben.sees("asked our team", times=2)
    await office.settled()
    assert len(await office.rows("SELECT id FROM handoffs")) == 2


@pytest.mark.parametrize(("then", "told"), [("return", "answer again"), ("close", "closed this")])
async def test_an_idle_one_warns_its_taker_and_ends_by_setting(office: Any, then: str, told: str) -> None:
    """Where nobody says anything any more, the taker is warned, and then it goes back or is closed."""
    ann, team = await waiting(office, desk_idle_minutes=2 / 60, desk_idle_then=then)
    await team.say("Anything else?")
    await ann.sees("Anything else?")
    warning = await team.sees("⏳")
    assert str(office.staff["Lin"]) in warning.text
    await ann.sees(told)
    await office.settled()
    assert await office.state() == {"return": "bot", "close": "closed"}[then]
    assert ann.count(told) == 1


async def test_a_customer_who_waits_for_the_taker_is_not_idle(office: Any) -> None:
    """Where the customer's is the last word, the taker is reminded and nothing ends."""
    ann, team = await waiting(office, desk_idle_minutes=0.5 / 60, desk_remind_minutes=0.6 / 60)
    await team.press(office.card(team), "Take")
    await ann.sees("is here now")
    await ann.say("Hello?")
    reminder = await team.sees("⏰")
    assert str(office.staff["Lin"]) in reminder.text
    assert await office.state() == "staff"


async def test_reminders_go_on_after_a_restart(office: Any) -> None:
    """A handover that became due while no process ran is reminded of by the next one, once."""
    ann, team = await waiting(office, desk_remind_minutes=2 / 60)
    await office.settled()
    await office.stop()
    await office.start()
    await team.sees("⏰")
    await ann.sees("nobody has taken this yet")


async def test_after_hours_the_customer_hears_when_somebody_will_be_there(office: Any) -> None:
    """Outside of a chat's business hours the customer is told when they begin, and nobody is reminded."""
    office.open_desk("slack")
    await office.start(desk_remind_minutes=0.3 / 60)
    ann = office.customer("telegram")
    async with office.service.database.begin() as tx:
        await rules.save(
            tx,
            with_changes(ChatRules(), {"hours": closed_now(), "trigger": "always"}),
            platform="telegram",
            tenant="",
            channel=ann.channel,
            changed_by="",
        )
    await ann.ask("I want to talk to a human")
    await ann.sees("the team is back on")
    team = await office.desk("Ann")
    await office.clock.sleep(12.0)
    assert team.count("⏰") == 0
    assert ann.count("nobody has taken") == 0


async def test_a_keyword_of_the_rules_brings_a_person(office: Any) -> None:
    """Words that a chat's rules name hand the conversation over without a question to Kimi."""
    office.open_desk("slack")
    await office.start()
    ann = office.customer("telegram")
    async with office.service.database.begin() as tx:
        await rules.save(
            tx,
            with_changes(ChatRules(), {"handover_words": "refund, 退款"}),
            platform="telegram",
            tenant="",
            channel=ann.channel,
            changed_by="",
        )
    await ann.ask("I want a REFUND now")
    await ann.sees("asked our team")
    assert office.asked() == []


@pytest.mark.parametrize(("unasked", "told"), [("offer", "Shall I get a person"), ("ask", "asked our team")])
async def test_a_bad_verdict_offers_or_brings_a_person(office: Any, unasked: str, told: str) -> None:
    """By setting the bot offers a person where an answer was marked as bad, or asks for one."""
    office.open_desk("slack")
    await office.start(desk_unasked=unasked)
    ann = office.customer("telegram", direct=True)
    await ann.say("What does the tea cost?")
    answer = await ann.sees("Hello there.")
    await office.settled()
    await ann.press(answer, "👎")
    await ann.sees(told)
    assert [row.verdict for row in await office.rows("SELECT verdict FROM feedback")] == ["bad"]


async def test_the_same_question_again_offers_a_person(office: Any) -> None:
    """Somebody who asks the same thing twice is offered a person once, with a button that works."""
    office.open_desk("slack")
    await office.start()
    ann = office.customer("telegram", direct=True)
    await ann.say("How do I get my refund?")
    await ann.sees("Hello there.")
    await ann.say("How do I get my refund??")
    offer = await ann.sees("Shall I get a person")
    await ann.press(offer, "Talk to a person")
    await ann.sees("asked our team")
    await office.settled()
    assert ann.count("Shall I get a person") == 1


async def test_staff_in_the_customers_room_silence_the_bot_there(office: Any) -> None:
    """In a shared group an admin's /take ends the bot's answers, and /back brings them again."""
    office.open_desk("slack")
    await office.start()
    ann = office.customer("telegram")
    lin = office.telegram.add_person("Lin Two")
    await office.telegram.join(int(ann.channel), lin)
    office.telegram.promote(int(ann.channel), lin)
    await ann.ask("What does the tea cost?")
    answer = await ann.sees("Hello there.")
    await office.settled()
    reply = {"reply_to": int(answer.message_id)}
    await office.telegram.say(int(ann.channel), lin, "/take@moonthread_bot", **reply)
    await ann.sees("is here now")
    await ann.ask("And the green one?")
    await office.settled()
    assert len(office.asked()) == 1
    await office.telegram.say(int(ann.channel), ann.person, "/back@moonthread_bot", **reply)
    await ann.sees("Only people of the team")
    await office.telegram.say(int(ann.channel), lin, "/back@moonthread_bot", **reply)
    await ann.sees("answer again")
    await ann.ask("And now?")
    await ann.sees("Hello there.", times=2)
