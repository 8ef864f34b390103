"""Who is thanked for 👍 and 👎, and in which language."""

from dataclasses import replace

import pytest

from core.access import Actor
from core.domain.addresses import Person
from core.domain.buttons import ActionButton
from core.inbound.feedback_notice import FeedbackNotice
from core.store import person_settings
from tests.core.inbound.conftest import Inbound
from tests.core.inbound.test_button_offers import answered
from tests.event_builders import BOB, direct_chat, group_chat

pytestmark = pytest.mark.virtual_time

EN, ZH = "Thank you, your feedback is noted.", "谢谢，已记下你的反馈。"


@pytest.mark.parametrize("action", [ActionButton.GOOD, ActionButton.BAD])
async def test_a_stored_verdict_is_thanked_for(inbound: Inbound, action: ActionButton) -> None:
    """Everybody who reads an answer may judge it, each in the language they write, else the client's."""
    press = replace(await answered(inbound, group_chat()), action=action)
    others = replace(press, author=replace(BOB, language="zh-hans"), delivery_id="bob")
    thanks = FeedbackNotice(inbound.database)
    for one in (press, others):
        await inbound.ingest(one)
    assert [await thanks(press), await thanks(others)] == [EN, ZH]


@pytest.mark.parametrize("chosen", ["zh", "en"])
async def test_the_chosen_language_comes_first(inbound: Inbound, chosen: str) -> None:
    """/language decides before what the person writes and their client."""
    press = replace(await answered(inbound, direct_chat()), action=ActionButton.GOOD)
    press = replace(press, author=Person(id=press.author.id, language="zh" if chosen == "en" else "en"))
    async with inbound.database.begin() as tx:
        await person_settings.save(tx, Actor.of(press), person_settings.LANGUAGE, chosen)
    await inbound.ingest(press)
    assert await FeedbackNotice(inbound.database)(press) == (ZH if chosen == "zh" else EN)


async def test_a_press_that_counts_for_nothing_is_not_thanked_for(inbound: Inbound) -> None:
    """The platform lets a changed client send any data: a question, an unknown message, another button."""
    press = replace(await answered(inbound, group_chat()), action=ActionButton.GOOD)
    forged = [
        replace(press, message_id="Q1", delivery_id="1"),
        replace(press, message_id="A999", delivery_id="2"),
        replace(press, action=ActionButton.RETRY, delivery_id="3"),
    ]
    thanks = FeedbackNotice(inbound.database)
    for one in forged:
        await inbound.ingest(one)
        assert await thanks(one) == ""
    assert await thanks(press) == ""  # before it is stored
