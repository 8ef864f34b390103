"""What the desk keeps of people goes when they ask for it."""

from typing import Any

from core.access import Actor
from core.store import privacy


async def test_a_forgotten_customer_leaves_no_words_on_our_side(office: Any) -> None:
    """Names, words, summary and comment go; that somebody was helped, and how well, stays."""
    office.open_desk("slack")
    await office.start()
    ann = office.customer("telegram", direct=True)
    await ann.say("I need a human")
    await ann.sees("asked our team")
    team = await office.desk("Ann")
    await ann.say("My secret is 4711")
    await team.sees("4711")
    await team.press(office.card(team), "Take")
    await ann.sees("is here now")
    await team.press(office.card(team), "Close")
    closing = await ann.sees("closed this")
    await ann.press(closing, "★★★")
    await ann.sees("Thank you for rating")
    await office.settled()
    async with office.service.database.begin() as tx:
        who = Actor(platform="telegram", tenant="1", channel="", person_id=str(ann.person))
        await privacy.forget_person(tx, who, alias="anon:1")
    for table in ("handoffs", "handoff_outbox", "handoff_ratings", "messages", "inbox"):
        rows = str([tuple(row) for row in await office.rows(f"SELECT * FROM {table}")])  # noqa: S608
        assert "4711" not in rows, table
        assert "Ann" not in rows, table
    (row,) = await office.rows("SELECT stars FROM handoff_ratings")
    assert row.stars == 3
