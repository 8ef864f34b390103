"""The failures of handing over that other services' users report: none of them happens here."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from bots.simulator.kimi import answer_with
from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.buttons import ChangeHandoff, RateHandoff, SendDraft, SuggestReply
from core.domain.events import ButtonPressed
from core.domain.handoff_state import HandoffAction

platforms = pytest.mark.parametrize("customers", ["telegram", "slack"])


async def handed_over(office: Any, customers: str, desk: str = "", **how: Any) -> tuple[Any, Any]:
    """Return a customer and the desk's thread of them, not taken yet."""
    office.open_desk(desk or ("slack" if customers == "telegram" else "telegram"))
    await office.start(**how)
    ann = office.customer(customers, direct=True)
    await ann.say("What does the tea cost?")
    await ann.sees("Hello there.")
    await ann.say("I want to talk to a human")
    await ann.sees("asked our team")
    return ann, await office.desk("Ann")


@platforms
async def test_the_bot_is_silent_while_people_have_the_conversation(office: Any, customers: str) -> None:
    """From asking to handing back Kimi is asked nothing, whatever the customer writes or changes."""
    ann, team = await handed_over(office, customers)
    asked = len(office.asked())
    said = await ann.say("Are you there?")
    await team.sees("Are you there?")
    await team.say("I am here")
    await ann.sees("I am here")
    await ann.edit(said, "Are you really there?")
    await team.sees("Are you really there?")
    await ann.say("Thanks")
    await team.sees("Thanks")
    await office.settled()
    assert len(office.asked()) == asked


@platforms
async def test_an_answer_that_is_being_written_ends_at_the_handover(office: Any, customers: str) -> None:
    """The bot stops in the middle of its answer, and no later question of the queue is answered."""
    office.kimi.script = answer_with("Well, " + "and so on " * 400, chunks_per_s=20)
    office.open_desk("slack")
    await office.start()
    ann = office.customer(customers, direct=True)
    await ann.say("Tell me everything")
    await ann.sees("and so on")
    await ann.say("And more")
    await ann.order("human")
    await ann.sees("asked our team")
    await office.settled()
    length = sum(len(text) for text in ann.texts)
    await asyncio.sleep(0.3)
    assert sum(len(text) for text in ann.texts) == length < 3000
    assert len(office.asked()) == 1
    team = await office.desk("Ann")
    assert "And more" in office.card(team).text


@platforms
async def test_the_bot_answers_again_after_it_was_handed_back(office: Any, customers: str) -> None:
    """The next words after "Back to bot" are Kimi's, which knows what the person said."""
    ann, team = await handed_over(office, customers)
    await team.say("It costs 9 euros")
    await ann.sees("9 euros")
    await team.press(office.card(team), "Back to bot")
    await ann.sees("answer again")
    await ann.say("And the green one?")
    await ann.sees("Hello there.", times=2)
    assert office.asked()[-1] == "And the green one?"
    assert any("9 euros" in str(one["content"]) for one in office.kimi.requests[-1].messages)


@platforms
async def test_two_who_close_at_once_close_once(office: Any, customers: str) -> None:
    """The customer reads one closing text, whoever closes however often."""
    ann, team = await handed_over(office, customers)
    await team.press(office.card(team), "Take")
    await ann.sees("is here now")
    card = office.card(team)
    await asyncio.gather(*(team.press(card, "Close", person) for person in office.staff.values()))
    await ann.sees("closed this")
    await office.settled()
    assert ann.count("closed this") == 1
    assert len(await office.rows("SELECT id FROM handoff_transitions WHERE action = 'close'")) == 1


@platforms
async def test_every_step_is_told_to_the_customer(office: Any, customers: str) -> None:
    """Asked, taken, handed back, asked again, closed: the customer reads one text for each."""
    ann, team = await handed_over(office, customers)
    await team.press(office.card(team), "Take")
    await ann.sees("Lin", "is here now")
    await team.press(office.card(team), "Back to bot")
    await ann.sees("answer again")
    await ann.say("talk to a person please")
    await ann.sees("asked our team", times=2)
    again = await office.desk("Ann", number=2)
    assert again.thread != team.thread
    await again.press(office.card(again), "Close")
    await ann.sees("closed this")
    await office.settled()
    assert [
        ann.count(words) for words in ("asked our team", "is here now", "answer again", "closed this")
    ] == [
        2,
        1,
        1,
        1,
    ]


@platforms
async def test_thanks_after_closing_opens_nothing(office: Any, customers: str) -> None:
    """What the customer writes after the end goes to the bot, and the ended handover stays ended."""
    ann, team = await handed_over(office, customers)
    await team.press(office.card(team), "Take")
    await ann.sees("is here now")
    await team.press(office.card(team), "Close")
    await ann.sees("closed this")
    await ann.say("Thanks, that was all")
    await ann.sees("Hello there.", times=2)
    await office.settled()
    assert await office.state() == "closed"
    assert len(await office.rows("SELECT id FROM handoffs")) == 1
    await team.say("You are welcome")
    await office.room().sees("has ended")
    await office.settled()
    assert ann.count("You are welcome") == 0


@platforms
async def test_customers_see_no_note_and_no_control_text(office: Any, customers: str) -> None:
    """Notes, drafts, cards and the desk's own words stay on the desk, also where an edit makes a note."""
    ann, team = await handed_over(office, customers)
    office.kimi.script = answer_with("Draft: please send it back.")
    await team.say("// this one is difficult")
    await team.say("  //and so is that")
    said = await team.say("One moment")
    await ann.sees("One moment")
    await team.edit(said, "// forget what I said")
    await office.until(lambda: ann.count("One moment") == 0, "the copy goes")
    await team.press(office.card(team), "Suggest a reply")
    await team.sees("Draft: please send it back.")
    await office.settled()
    everything = "\n".join(ann.texts)
    for word in ("//", "difficult", "forget what", "Draft", "desk:", "#1", "Take", "suggests", "waiting"):
        assert word not in everything, word
    buttons = [label for one in ann.shown for label, _ in one.buttons]
    assert not {"Take", "Close", "Send"} & set(buttons)


@platforms
async def test_the_customer_may_choose_a_person_with_a_button(office: Any, customers: str) -> None:
    """Under each answer stands a button that asks for a person."""
    office.open_desk("slack")
    await office.start()
    ann = office.customer(customers, direct=True)
    await ann.say("What does the tea cost?")
    answer = await ann.sees("Hello there.")
    await office.settled()
    await ann.press(answer, "Talk to a person")
    await ann.sees("asked our team")
    await office.desk("Ann")


async def test_another_customers_thread_is_never_shown(office: Any) -> None:
    """With two customers handed over, each one's words and answers stay in their own thread."""
    office.open_desk("slack")
    await office.start()
    ann, ben = (
        office.customer("telegram", "Ann", direct=True),
        office.customer("telegram", "Ben", direct=True),
    )
    await asyncio.gather(ann.order("human"), ben.order("human"))
    to_ann, to_ben = await office.desk("Ann"), await office.desk("Ben", "Bo")
    await asyncio.gather(ann.say("I am Ann"), ben.say("I am Ben"))
    await to_ann.sees("I am Ann")
    await to_ben.sees("I am Ben")
    await asyncio.gather(to_ann.say("Hello Ann"), to_ben.say("Hello Ben"))
    await ann.sees("Hello Ann")
    await ben.sees("Hello Ben")
    await office.settled()
    assert ann.count("Ben") == ben.count("Ann") == 0
    assert to_ann.count("I am Ben") == to_ben.count("I am Ann") == 0


async def test_a_press_from_elsewhere_does_nothing(office: Any) -> None:
    """A customer whose client forges the data of the desk's buttons changes no handover."""
    ann, _ = await handed_over(office, "telegram")
    answer = next(one for one in ann.shown if one.buttons)
    key = ThreadKey(platform="telegram", tenant="1", channel=ann.channel, thread="")
    actions = (
        ChangeHandoff(handoff_id=1, action=HandoffAction.ASSIGN),
        ChangeHandoff(handoff_id=1, action=HandoffAction.CLOSE),
        SuggestReply(handoff_id=1),
        SendDraft(item_id=1),
        RateHandoff(handoff_id=1, stars=5),
    )
    for number, action in enumerate(actions):
        forged = ButtonPressed(
            delivery_id=f"press:{number}",
            message_id=answer.message_id,
            address=Address(key=key),
            author=Person(id=str(ann.person), name="Ann"),
            action=action,
            sent_at=datetime.now(UTC),
            chat_type=ChatType.DIRECT,
        )
        assert await office.service.components.ingestor(forged)
    await office.settled()
    assert await office.state() == "waiting"
    assert await office.rows("SELECT stars FROM handoff_ratings") == []
    assert not [post for post in await office.rows("SELECT kind FROM handoff_outbox") if post.kind == "draft"]
