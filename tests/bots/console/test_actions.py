"""Changes of conversations, as a browser makes them."""

from typing import Any

from bots.console.charts import bar_chart
from bots.console.site import ConsoleSite
from bots.console.thread_links import thread_link
from core.store import handoffs, turns
from tests.bots.console.test_pages import HOSTILE, conversation
from tests.event_builders import ANN


async def act(browser: Any, number: int, verb: str, **fields: str) -> Any:
    """Send the form of an action, as the conversation's page has it."""
    token = await browser.session_token()
    return await browser.post(f"/conversations/{number}/{verb}", csrf=token, **fields)


async def test_an_admin_stops_takes_answers_and_closes(browser: Any, site: ConsoleSite) -> None:
    """Each button of the page has its effect, says so, and is in the audit log."""
    talk = await conversation(site)
    await talk.ask("Where is my order?")
    number = talk.conversation.id
    page = (await browser.get(f"/conversations/{number}")).text
    for verb in ("stop", "retry", "take", "answer", "forget"):
        assert f'action="/conversations/{number}/{verb}"' in page

    stopped = await act(browser, number, "stop")
    assert stopped.headers["location"] == f"/conversations/{number}?result=done"
    assert "Done." in (await browser.get(stopped.headers["location"])).text
    await act(browser, number, "take")
    await act(browser, number, "answer", text=f"On its way. {HOSTILE}")
    page = (await browser.get(f"/conversations/{number}")).text
    assert "On its way." in page
    assert "<script>alert" not in page
    refused = await act(browser, number, "retry")
    assert refused.headers["location"].endswith("result=with_staff")
    desk = (await browser.get("/desk")).text
    assert f'action="/conversations/{number}/close"' in desk
    closed = await act(browser, number, "close", page="desk")
    assert closed.headers["location"] == "/desk?result=done"

    async with site.database.read() as tx:
        turn = await turns.get_latest(tx, number)
        handoff = await handoffs.get_latest(tx, number)
    assert turn is not None
    assert turn.cancel_reason is not None
    assert handoff is not None
    assert handoff.ended_at is not None
    assert [action for _, action, _ in await browser.audit() if action != "conversation.read"] == [
        "conversation.stop",
        "conversation.take",
        "conversation.answer",
        "conversation.close",
    ]


async def test_a_conversation_is_assigned_from_the_desk(browser: Any, site: ConsoleSite) -> None:
    """To somebody who has had conversations before; their name is shown at once."""
    talk = await conversation(site)
    await talk.ask("Where is my order?")
    await act(browser, talk.conversation.id, "take")

    await act(browser, talk.conversation.id, "take", assignee="U7", assignee_name="Lin", page="desk")

    async with site.database.read() as tx:
        handoff = await handoffs.get_active(tx, talk.conversation.id)
    assert handoff is not None
    assert (handoff.assignee.id, handoff.assignee.name) == ("U7", "Lin")
    assert "Lin" in (await browser.get("/desk")).text


async def test_a_person_is_forgotten_once_it_is_confirmed(browser: Any, site: ConsoleSite) -> None:
    """Only an admin, only somebody of the conversation, and only with the box ticked."""
    talk = await conversation(site)
    await talk.exchange("My secret is plum.", "Plum it is.")
    number = talk.conversation.id

    unsure = await act(browser, number, "forget", person=ANN.id)
    assert unsure.headers["location"].endswith("result=unconfirmed")
    assert (await act(browser, number, "forget", person="777", sure="1")).status_code == 404
    done = await act(browser, number, "forget", person=ANN.id, sure="1")

    assert done.headers["location"] == "/conversations?result=forgotten"
    assert await talk.messages() == []
    assert ("shell:ann", "person.forget", str(number)) in await browser.audit()


async def test_a_result_is_one_of_ours(browser: Any) -> None:
    """Words in an address never become words of the page."""
    page = (await browser.get("/conversations", result="Your account is closed")).text

    assert "Your account is closed" not in page
    assert 'role="status"' not in page


def test_thread_links_are_the_platforms() -> None:
    """Slack and a Telegram forum have addresses; a basic group and an unopened thread have none."""
    assert thread_link("slack", "C9", "17.25") == "https://slack.com/archives/C9/p1725"
    assert thread_link("telegram", "-100123", "7") == "https://t.me/c/123/7"
    assert thread_link("telegram", "-55", "7") == ""
    assert thread_link("slack", "C9", "") == ""


def test_bars_hold_no_markup_of_their_names() -> None:
    """A name may be a person's, and a missing value leaves a gap."""
    chart = bar_chart([(HOSTILE, 2.0), ("b", None)], HOSTILE)

    assert "<script>" not in chart
    assert chart.count("<rect") == 1
    assert bar_chart([], "none").startswith("<svg")
