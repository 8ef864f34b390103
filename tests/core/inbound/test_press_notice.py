"""Who is thanked for 👍 and 👎, who hears that they may not decide, and in which language."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from core.access import AccessLists, Actor
from core.domain.addresses import Person
from core.domain.buttons import ActionButton, DecideTools
from core.domain.tool_approval import ToolApproval, ToolDecision
from core.domain.turn_states import Outcome
from core.inbound.press_notice import PressNotice
from core.store import person_settings, schema
from core.store.clock import utc_now
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
    thanks = PressNotice(inbound.database, AccessLists())
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
    assert await PressNotice(inbound.database, AccessLists())(press) == (ZH if chosen == "zh" else EN)


async def test_a_press_that_counts_for_nothing_is_not_thanked_for(inbound: Inbound) -> None:
    """The platform lets a changed client send any data: a question, an unknown message, another button."""
    press = replace(await answered(inbound, group_chat()), action=ActionButton.GOOD)
    forged = [
        replace(press, message_id="Q1", delivery_id="1"),
        replace(press, message_id="A999", delivery_id="2"),
        replace(press, action=ActionButton.RETRY, delivery_id="3"),
    ]
    thanks = PressNotice(inbound.database, AccessLists())
    for one in forged:
        await inbound.ingest(one)
        assert await thanks(one) == ""
    assert await thanks(press) == ""  # before it is stored


async def test_who_may_not_decide_about_tools_hears_who_may(inbound: Inbound) -> None:
    """Another member of the group; not the person who asked, an admin, or anybody once it is decided."""
    press = await answered(inbound, group_chat(), Outcome.APPROVAL)
    turn_id = int(press.message_id.removeprefix("A"))
    press = replace(press, action=DecideTools(turn_id=turn_id, decision=ToolDecision.APPROVE))
    bobs = replace(press, author=replace(BOB, language="zh-hans"))
    notice = PressNotice(inbound.database, AccessLists())
    assert await notice(bobs) == ""  # nothing is asked there
    approval = ToolApproval(text="", transcript="[]", calls=(), expires_at=utc_now())
    await save_approval(inbound, approval)
    assert await notice(bobs) == "只有提问者或管理员可以决定。"
    assert await notice(press) == ""
    admins = AccessLists(admins=frozenset({f"{bobs.address.key.platform}:{BOB.id}"}))
    assert await PressNotice(inbound.database, admins)(bobs) == ""
    await save_approval(inbound, replace(approval, decision=ToolDecision.DENY))
    assert await notice(bobs) == ""


async def save_approval(inbound: Inbound, approval: ToolApproval) -> None:
    """Let every turn ask this."""
    async with inbound.database.begin() as tx:
        await tx.execute(update(schema.turns).values(approval=approval))
