"""Budgets and penalties: the arithmetic, and how it is felt through the Bot API."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import telegram
from telegram.error import BadRequest, RetryAfter

from bots.simulator.telegram import Limits, TelegramSimulator
from bots.simulator.telegram.limits import Budgets


def test_a_private_chat_takes_three_at_once_and_one_per_second() -> None:
    """The bucket holds three calls and fills up by one a second."""
    gate = Budgets(Limits()).chat(7)
    assert [gate.admit(0.0) for _ in range(3)] == [0, 0, 0]
    assert gate.admit(1.0) == 0
    assert gate.admit(1.5) == 3


def test_a_group_takes_twenty_in_a_minute() -> None:
    """Calls every three seconds pass forever after the burst, faster ones do not."""
    paced = Budgets(Limits()).chat(-7)
    assert [paced.admit(3.0 * step) for step in range(100)] == [0] * 100
    hurried = Budgets(Limits()).chat(-7)
    answers = [hurried.admit(2.0 * step) for step in range(40)]
    assert any(answers)
    assert answers[:5] == [0] * 5


def test_calls_during_a_penalty_make_it_longer() -> None:
    """Each probe during a penalty multiplies what is left of it, and waiting it out ends it."""
    gate = Budgets(Limits(penalty_growth=1.5)).chat(7)
    assert gate.punish(10, 0.0) == 10
    assert gate.admit(0.0) == 15
    assert gate.admit(5.0) == 15
    assert gate.admit(20.1) == 0


def test_a_penalty_never_outgrows_its_maximum() -> None:
    """However often it is probed, a penalty stays under the maximum."""
    gate = Budgets(Limits(penalty_max_s=60)).chat(7)
    gate.punish(10, 0.0)
    assert max(gate.admit(0.0) for _ in range(50)) == 60


def test_disabled_limits_grant_everything_but_an_ordered_penalty() -> None:
    """With ``enabled=False`` only a penalty asked for by the test refuses."""
    gate = Budgets(Limits(enabled=False)).chat(7)
    assert not any(gate.admit(0.0) for _ in range(1000))
    gate.punish(5, 0.0)
    assert gate.admit(1.0) == 6


def test_drafts_have_two_windows_of_their_own() -> None:
    """Twenty frames fit five seconds and forty fit thirty."""
    gate = Budgets(Limits()).drafts(7)
    assert [gate.admit(0.0) for _ in range(20)] == [0] * 20
    assert [gate.admit(5.1) for _ in range(20)] == [0] * 20
    assert gate.admit(10.3) == 20


async def test_sends_and_edits_share_a_budget_and_an_idle_edit_counts(
    sim: TelegramSimulator, bot: telegram.Bot, still_clock: Any
) -> None:
    """One send, an edit that changes nothing and a typing status use up a private burst of three."""
    chat = sim.private_chat(sim.add_person("Ann"))
    message = await bot.send_message(chat, "one")
    with pytest.raises(BadRequest):
        await bot.edit_message_text("one", chat, message.message_id)
    await bot.send_chat_action(chat, "typing")

    with pytest.raises(RetryAfter) as refused:
        await bot.edit_message_text("two", chat, message.message_id)

    assert refused.value.retry_after == timedelta(seconds=3)
    assert [call.description for call in sim.refused] == ["Too Many Requests: retry after 3"]
    assert sim.screen.messages[str(chat), str(message.message_id)].text == "one"
    await still_clock.move(3.1)
    await bot.edit_message_text("two", chat, message.message_id)


async def test_a_flood_wait_holds_one_chat_only(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """``flood`` refuses one chat for as long as asked and leaves others alone."""
    ann, ben = sim.private_chat(sim.add_person("Ann")), sim.private_chat(sim.add_person("Ben"))
    sim.flood(ann, 100)
    with pytest.raises(RetryAfter):
        await bot.send_message(ann, "hello")
    assert (await bot.send_message(ben, "hello")).text == "hello"


async def test_thirty_a_second_over_all_chats(
    sim: TelegramSimulator, bot: telegram.Bot, still_clock: Any
) -> None:
    """The thirty-first call of a moment is refused though each chat has room."""
    chats = [sim.private_chat(sim.add_person(f"P{number}")) for number in range(31)]
    results = await asyncio.gather(
        *[bot.send_message(chat, "hello") for chat in chats], return_exceptions=True
    )
    assert [type(result) for result in results if isinstance(result, Exception)] == [RetryAfter]
    await still_clock.move(3)
    assert await bot.send_message(chats[0], "again")
