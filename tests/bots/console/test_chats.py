"""Rules of chats as a form with the commands' checks, and blocks."""

from typing import Any

import pytest

from bots.console.site import ConsoleSite
from core.chat_policy import RULE_NAMES, ChatRules, Trigger
from core.store import blocked_people, rules
from tests.bots.console.test_pages import HOSTILE

PLACE = {"platform": "telegram", "tenant": "", "chat": "-100123"}


async def post(browser: Any, path: str, **fields: str) -> Any:
    """Send a form of the page."""
    return await browser.post(path, csrf=await browser.session_token(), **fields)


async def stored(site: ConsoleSite) -> ChatRules | None:
    """Return the chat's rules."""
    async with site.database.read() as tx:
        found = await rules.load_all(tx, platform="telegram", channel="-100123")
    return found[0].rules if found else None


async def test_rules_are_set_and_removed(browser: Any, site: ConsoleSite) -> None:
    """The form holds every rule; an empty field is the usual value."""
    page = (await browser.get("/chats/edit", **PLACE)).text
    assert all(f'name="{name}"' in page for name in RULE_NAMES)

    fields = {"trigger": "question", "quiet_s": "30", "staff": "7, 8", "hours": "mo-fr 9:00-18:00 UTC"}
    answer = await post(browser, "/chats/save", **PLACE, **fields)

    assert answer.headers["location"] == "/chats?result=saved"
    kept = await stored(site)
    assert kept is not None
    assert (kept.trigger, kept.quiet_s, kept.staff) == (Trigger.QUESTION, 30.0, ("7", "8"))
    assert "question" in (await browser.get("/chats")).text
    await post(browser, "/chats/drop", **PLACE)
    assert await stored(site) is None
    assert [action for _, action, _ in await browser.audit()] == ["rules.save", "rules.drop"]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"trigger": "sometimes"}, "is none of"),
        ({"quiet_s": "soon"}, "is not a number"),
        ({"closed_text": "Gone."}, "there are no business hours"),
        ({"desk": "somewhere"}, "is no room"),
        ({"knowledge": "nowhere"}, "there is no knowledge set"),
        ({"persona": "x" * 9_000}, "characters are more than"),
    ],
)
async def test_a_rule_that_a_command_would_refuse_is_refused(
    browser: Any, site: ConsoleSite, fields: dict[str, str], fault: str
) -> None:
    """With the command's sentence; what was typed stays in the form, and nothing is stored."""
    answer = await post(browser, "/chats/save", **PLACE, **fields)

    assert answer.status_code == 422
    assert fault in answer.text
    assert await stored(site) is None


@pytest.mark.parametrize("place", [{}, {"platform": "irc", "chat": "1"}, {"platform": "slack", "chat": ""}])
async def test_a_form_about_no_chat_is_404(browser: Any, place: dict[str, str]) -> None:
    """Nothing is stored under a name that no platform has."""
    if place.get("chat"):
        assert (await browser.get("/chats/edit", **place)).status_code == 404
    assert (await post(browser, "/chats/save", **place)).status_code == 404


async def test_hostile_rules_stay_words(browser: Any) -> None:
    """In the form, in its faults and in the list."""
    await post(browser, "/chats/save", **PLACE, welcome=HOSTILE, persona=HOSTILE)
    refused = await post(browser, "/chats/save", **PLACE, trigger=HOSTILE, welcome=HOSTILE)

    for page in (refused, await browser.get("/chats/edit", **PLACE), await browser.get("/chats")):
        assert "<script>alert" not in page.text
        assert "<img" not in page.text


async def test_a_person_is_blocked_and_let_in_again(browser: Any, site: ConsoleSite) -> None:
    """Everywhere on the platform if no chat is named."""
    await post(browser, "/chats/block", platform="slack", person="U9", chat="")
    async with site.database.read() as tx:
        (blocked,) = await blocked_people.load_blocked(tx)
    assert (blocked.platform, blocked.person_id, blocked.channel) == ("slack", "U9", "")
    assert "slack:U9" in (await browser.get("/chats")).text

    await post(browser, "/chats/unblock", platform="slack", person="U9", chat="")
    async with site.database.read() as tx:
        assert await blocked_people.load_blocked(tx) == []
    assert (await post(browser, "/chats/block", platform="irc", person="x")).status_code == 404


async def test_nul_reaches_no_database(browser: Any, site: ConsoleSite) -> None:
    """PostgreSQL refuses it, and the page would say that the database is away."""
    await post(browser, "/chats/block", platform="slack", person="U\x009", chat="")
    async with site.database.read() as tx:
        assert [one.person_id for one in await blocked_people.load_blocked(tx)] == ["U9"]
    assert (await browser.get("/chats/edit", platform="slack", chat="C\x001")).status_code == 200


async def test_viewers_read_rules_and_the_desk_does_not(visitor: Any) -> None:
    """The form of a viewer is disabled."""
    await visitor.sign_in("telegram:7")
    page = await visitor.get("/chats/edit", **PLACE)
    assert page.status_code == 200
    assert "<fieldset disabled" in page.text
    assert (await post(visitor, "/chats/save", **PLACE, trigger="always")).status_code == 403
