"""What each role sees and may change on the console."""

from typing import Any

import pytest

from bots.console.app import ACTIONS, FRAGMENTS, PAGES
from bots.console.site import ConsoleSite
from core.chat_policy import ChatRules
from core.domain.addresses import Address
from core.domain.handoff_state import HandoffReason, HandoffState
from core.store import console_access, handoffs, rules
from core.store.clock import utc_now
from core.store.handoffs import DeskRoom
from tests.bots.console.conftest import browser_of
from tests.event_builders import ANN, Chat
from tests.stored_conversation import StoredConversation

SECRET_WORDS = "Where is parcel 4711?"
CLOSED_TO = {
    "slack:UADMIN": (),
    "shell:ann": (),
    "telegram:7": ("/settings", "/audit"),
    "slack:UDESK": ("/settings", "/audit", "/usage", "/chats", "/personas"),
}
"""Pages that a person does not see."""


async def talk_in(site: ConsoleSite, channel: str, words: str) -> StoredConversation:
    """Return a conversation in a chat on Telegram with one answered question and one that failed."""
    talk = await StoredConversation(site.database, Chat(channel=channel)).create()
    await talk.exchange(words, "It is on its way.")
    return talk


async def hand_over(site: ConsoleSite, talk: StoredConversation, room: DeskRoom) -> None:
    """Begin a handoff of a conversation to a desk."""
    async with site.database.begin() as tx:
        await handoffs.add(
            tx,
            conversation_id=talk.conversation.id,
            state=HandoffState.WAITING,
            reason=HandoffReason.CUSTOMER,
            customer=ANN,
            language="en",
            address=Address(key=talk.conversation.key),
            desk_room=room,
            now=utc_now(),
            due_at=None,
        )


@pytest.mark.parametrize("person", CLOSED_TO)
async def test_each_role_has_its_pages(visitor: Any, person: str) -> None:
    """We chose: admins see all; viewers all but settings and audit; the desk its conversations only."""
    await visitor.sign_in(person)

    for path in (path for path in PAGES if "{" not in path):
        answer = await visitor.get(path)

        closed = path.startswith(CLOSED_TO[person])
        assert answer.status_code == (403 if closed else 200), path
        assert ("Your role does not include this." in answer.text) is closed, path
        for other in CLOSED_TO[person]:
            assert f'href="{other}"' not in answer.text, path


@pytest.mark.parametrize("person", ["slack:UNOBODY", "telegram:UADMIN", "slack:", "UADMIN", "terminal:x"])
async def test_a_person_without_rights_sees_nothing(visitor: Any, site: ConsoleSite, person: str) -> None:
    """A session outlives the rights that it was given for, and shows no page; the platform counts too."""
    await talk_in(site, "42", SECRET_WORDS)
    await visitor.sign_in(person)

    for path in (*PAGES, *FRAGMENTS):
        answer = await visitor.get(path.replace("{number}", "1"))
        assert answer.status_code == 403
        assert SECRET_WORDS not in answer.text


async def test_the_desk_sees_what_was_handed_to_it_and_no_more(visitor: Any, site: ConsoleSite) -> None:
    """The right to see is part of each query: another team's conversation does not exist for the desk."""
    ours = await talk_in(site, "42", "Ours to answer?")
    theirs = await talk_in(site, "43", SECRET_WORDS)
    await hand_over(site, ours, DeskRoom(platform="slack", channel="C0123"))
    await hand_over(site, theirs, DeskRoom(platform="slack", channel="COTHER"))
    await visitor.sign_in("slack:UDESK")

    for path in (*PAGES, *FRAGMENTS):
        for number in (theirs.conversation.id,):
            answer = await visitor.get(path.replace("{number}", str(number)), text="parcel", q="parcel")
            assert "4711" not in answer.text

    assert (await visitor.get(f"/conversations/{theirs.conversation.id}")).status_code == 404
    assert (await visitor.get(f"/live/conversations/{theirs.conversation.id}")).status_code == 404
    assert (await visitor.get("/turn/2")).status_code == 404
    assert "Ours to answer?" in (await visitor.get(f"/conversations/{ours.conversation.id}")).text
    assert "Ours to answer?" in (await visitor.get("/conversations")).text


async def test_staff_of_a_chat_sees_its_conversations(visitor: Any, site: ConsoleSite) -> None:
    """By the rule "staff" of the chat, on the chat's platform only, and only while the rule names them."""
    talk = await talk_in(site, "42", "Ours to answer?")
    await talk_in(site, "43", SECRET_WORDS)
    key = talk.conversation.key

    async def set_staff(*ids: str) -> None:
        async with site.database.begin() as tx:
            place = {"platform": key.platform, "tenant": key.tenant, "channel": key.channel}
            await rules.save(tx, ChatRules(staff=ids), **place, changed_by="")

    await set_staff("55")
    await visitor.sign_in(f"{key.platform}:55")
    other = browser_of(site)
    await other.sign_in("slack:55" if key.platform == "telegram" else "telegram:55")

    page = (await visitor.get("/conversations")).text
    assert "Ours to answer?" in page
    assert SECRET_WORDS not in page
    assert (await other.get("/conversations")).status_code == 403

    await set_staff()
    assert (await visitor.get("/conversations")).status_code == 403


@pytest.mark.parametrize("person", ["slack:UNOBODY", "telegram:7"])
async def test_a_viewer_changes_nothing(visitor: Any, site: ConsoleSite, person: str) -> None:
    """Every change is refused to people who may only read, also with the right token of the form."""
    talk = await talk_in(site, "42", SECRET_WORDS)
    await visitor.sign_in(person)
    token = await visitor.session_token()

    for path in ACTIONS:
        answer = await visitor.post(path.replace("{number}", str(talk.conversation.id)), csrf=token)
        assert answer.status_code in (403, 404), path
        assert [entry[1] for entry in await visitor.audit()] == [], path


@pytest.mark.parametrize("csrf", ["", "guessed", "猜"])
async def test_a_change_needs_the_token_of_the_session(browser: Any, csrf: str) -> None:
    """Another site that posts the form changes nothing."""
    for path in ACTIONS:
        answer = await browser.post(path.replace("{number}", "1"), csrf=csrf)

        assert answer.status_code == 403, path
        assert await browser.audit() == [], path


async def test_a_change_needs_a_session(visitor: Any) -> None:
    """Without one, the browser is sent to the sign-in page."""
    for path in ACTIONS:
        assert (await visitor.post(path.replace("{number}", "1"))).status_code == 303, path


async def test_an_admin_ends_anothers_sessions(browser: Any, site: ConsoleSite) -> None:
    """The person's browsers are signed out at once, their links die, and the audit log says who did it."""
    other = browser_of(site)
    await other.sign_in("slack:UDESK")
    assert "slack:UDESK" in (await browser.get("/audit")).text
    link = await other.link("slack:UDESK")

    answer = await browser.post("/audit/end-sessions", csrf=await browser.csrf_token(), person="slack:UDESK")

    assert answer.headers["location"] == "/audit"
    assert (await other.get("/")).status_code == 303
    assert (await other.post(f"/sign-in/{link}")).status_code == 403
    assert ("shell:ann", "sessions.end", "slack:UDESK") in await browser.audit()
    assert (await browser.get("/")).status_code == 200


async def test_open_links_of_a_person_are_limited(site: ConsoleSite) -> None:
    """Six links within ten minutes are one too many; a used one makes room."""
    async with site.database.begin() as tx:
        tokens = [await console_access.create_link(tx, "slack:U1", max_open=5) for _ in range(5)]
        with pytest.raises(console_access.TooManyLinks):
            await console_access.create_link(tx, "slack:U1", max_open=5)
        await console_access.create_link(tx, "slack:U2", max_open=5)
        assert await console_access.redeem_link(tx, tokens[0])
        await console_access.create_link(tx, "slack:U1", max_open=5)
