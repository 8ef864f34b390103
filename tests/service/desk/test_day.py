"""A day at the desk: forty customers on two platforms, two desks, and a restart in the middle."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bots.simulator.kimi import answer_with
from core.chat_policy import ChatRules, with_changes
from core.store import rules

ON_TELEGRAM, ON_SLACK = 30, 10
HANDED_OVER = 4  #: every so manieth customer asks for a person
LONG_S = 600.0  #: for forty people at once
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


async def customers_of(office: Any) -> list[Any]:
    """One Telegram group and one Slack Connect channel, full of customers."""
    telegram, slack = office.telegram, office.slack
    made = [office.customer("telegram", "Tia0")]
    for number in range(1, ON_TELEGRAM):
        person = telegram.add_person(f"Tia{number}")
        await telegram.join(int(made[0].channel), person)
        made.append(replace(made[0], person=person, name=f"Tia{number}"))
    people = [slack.add_person(f"Sam{number}", external_team="T2") for number in range(ON_SLACK)]
    channel = slack.add_channel("shared-customers", people)
    at = {"platform": "slack", "channel": channel}
    return made + [replace(made[0], person=person, name=f"Sam{n}", **at) for n, person in enumerate(people)]


async def first_question(one: Any, number: int) -> None:
    """Ask by mention; on Telegram each first message begins a conversation of its own."""
    if one.platform == "telegram":
        one.question = await one.say(f"@moonthread_bot Where is order {number}?")
    else:
        one.question = await one.ask(f"Where is order {number}?")


async def reply(one: Any, text: str) -> None:
    """Go on in the customer's own conversation."""
    if one.platform == "telegram":
        await one.say(text, reply_to=int(one.question))
    else:
        await one.say(text)


def told(one: Any, words: str) -> int:
    """How often the bot said these words in a customer's room, or thread."""
    return sum(words in text for text in one.texts)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
async def test_forty_customers_two_desks_and_a_restart(office: Any, backend: str) -> None:
    """Questions are answered, some handed over, relayed both ways, closed and rated; nothing is lost."""
    office.open_desk("slack", "Lin", "Bo")
    on_slack = (office.desk_platform, office.desk_channel, dict(office.staff))
    office.open_desk("telegram", "Mei")
    on_telegram = (office.desk_platform, office.desk_channel, dict(office.staff))
    office.kimi.script = answer_with("It is on its way.", chunks_per_s=200)
    everybody = await customers_of(office)
    # Telegram's customers are served by the desk in Slack, Slack's by the one in Telegram.
    await office.start(desk="telegram:" + on_telegram[1], flood_messages_per_minute=0)
    async with office.service.database.begin() as tx:
        await rules.save(
            tx,
            with_changes(ChatRules(), {"desk": f"slack:{on_slack[1]}", "gather_s": "0"}),
            platform="telegram",
            tenant="",
            channel=everybody[0].channel,
            changed_by="",
        )
    await asyncio.gather(*(first_question(one, number) for number, one in enumerate(everybody)))
    await office.until(
        lambda: (
            told(everybody[0], "on its way") == ON_TELEGRAM
            and all(told(one, "on its way") == 1 for one in everybody[ON_TELEGRAM:])
        ),
        "everybody is answered",
        within_s=LONG_S,
    )
    await office.settled(LONG_S)

    handed = everybody[::HANDED_OVER]
    for one in handed:
        await reply(one, "I want to talk to a human")
    threads = {}
    for one in handed:
        here = on_slack if one.platform == "telegram" else on_telegram
        office.desk_platform, office.desk_channel, office.staff = here
        name = one.name
        threads[name] = await office.desk(f"{name}**" if here is on_slack else f"{name} ", within_s=LONG_S)
    await asyncio.gather(*(thread.say(f"Hello {name}.") for name, thread in threads.items()))
    await office.stop()  # in the middle of it
    if backend == "sqlite":
        await office.clock.sleep(60.0)  # a process alone cannot know what the one before it has spent
    for one in handed:
        await reply(one, f"It is {one.name} here")
    await office.start()
    for one in handed:
        name = one.name
        await threads[name].sees(f"It is {name} here")
        await one.sees(f"Hello {name}.")
    await threads[handed[0].name].picture(PNG, "This is it.")
    await threads[handed[-1].name].picture(PNG, "Here it is.")
    await handed[0].sees("This is it.")
    await handed[-1].sees("Here it is.")
    for one in handed:
        thread = threads[one.name]
        await thread.press(next(shown for shown in thread.shown if "#" in shown.text), "Close")
    await office.settled(LONG_S)

    closings = await office.rows("SELECT count(*) AS n FROM handoffs WHERE state = 'closed'")
    assert closings[0].n == len(handed)
    for one in handed:
        name, thread = one.name, threads[one.name]
        assert told(one, f"Hello {name}.") == 1
        assert thread.count(f"It is {name} here") == 1
        others = [words for words in threads if words != name]
        assert not [other for other in others if thread.count(f"It is {other} here")]
    assert {row.state for row in await office.rows("SELECT state FROM handoff_outbox")} == {"done"}
    assert office.telegram.refused == office.slack.refused == []
