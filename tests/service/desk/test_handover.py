"""A conversation's way to people and back, across platforms."""

import re
from typing import Any

import pytest

from bots.simulator.kimi import SeenRequest

pairs = pytest.mark.parametrize(
    ("customers", "desk"),
    [("telegram", "slack"), ("slack", "telegram"), ("slack", "slack"), ("telegram", "telegram")],
)


@pairs
async def test_a_customer_is_handed_over_answered_and_handed_back(
    office: Any, customers: str, desk: str
) -> None:
    """Words go both ways while a person has the conversation, and to Kimi again after it."""
    office.open_desk(desk)
    await office.start()
    ann = office.customer(customers)
    await ann.ask("What does the tea cost?")
    await ann.sees("Hello there.")

    await ann.order("human")
    await ann.sees("asked our team")
    team = await office.desk("Ann")
    await team.sees("What does the tea cost?")
    await ann.say("It is about order 7")
    await team.sees("Ann:", "order 7")
    await team.say("I look into it")
    await ann.sees("Lin:", "I look into it")
    assert await office.state() == "staff"

    await team.press(office.card(team), "Back to bot")
    await ann.sees("answer again")
    await ann.ask("And now?")
    await ann.sees("Hello there.", times=2)
    await office.settled()

    assert len(office.asked()) == 2, office.asked()
    prompt = [str(one["content"]) for one in office.kimi.requests[-1].messages]
    assert any("I look into it" in words for words in prompt)
    assert ann.count("I look into it") == 1
    assert team.count("order 7") == 1
    for sim in (office.telegram, office.slack):
        assert sim.refused == []


async def test_kimi_calls_a_person_for_words_that_no_list_knows(office: Any) -> None:
    """In any language: the mark that only the service sees starts a handover, and shows on no screen."""
    office.open_desk("slack")

    def call_person(request: SeenRequest) -> str:
        rules = [str(one["content"]) for one in request.messages if one["role"] == "system"]
        return next(iter(re.findall(r"\[\[call-person:\w+\]\]", "\n".join(rules))), "Hello there.")

    office.kimi.script = call_person
    await office.start()
    ann = office.customer("telegram", direct=True)
    await ann.say("Laat me met iemand van vlees en bloed praten")
    await ann.sees("calling somebody of the team")
    team = await office.desk("Ann")
    await team.say("Hello Ann")
    await ann.sees("Hello Ann")
    await office.settled()
    assert not any("call-person" in text for text in (*ann.texts, *team.texts))
    assert await office.state() == "staff"
