"""What the pages show, in both languages and with hostile words."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bots.console.app import FRAGMENTS, PAGES
from bots.console.site import ConsoleSite
from bots.console.texts import TEXTS
from core.domain.addresses import Address, Person
from core.domain.answer_steps import ToolCallOutcome, ToolCallReport, UsedPassage
from core.domain.bot_messages import FeedbackVerdict
from core.domain.handoff_state import HandoffReason, HandoffState
from core.domain.turn_states import KimiFailure, Outcome
from core.settings.spec import GROUPS
from core.store import (
    answer_steps,
    blocked_people,
    feedback,
    handoffs,
    history,
    knowledge_evaluations,
    turns,
    usage,
)
from core.store.clock import utc_now
from core.store.conversation_filters import ConversationState
from core.store.handoffs import DeskRoom
from core.store.knowledge_evaluations import EvaluationRun
from core.store.turns import Turn
from core.store.usage import CallUsage
from tests.bots.console.conftest import SECRET, browser_of
from tests.event_builders import Chat
from tests.stored_conversation import StoredConversation

HOSTILE = """<script>alert(1)</script>"'><img src=x onerror=alert(2)> {{ 987654*321 }} javascript:alert(3)"""
EVE = Person(id="13", name=f"Eve {HOSTILE}"[:200], language="en")


async def conversation(site: ConsoleSite) -> StoredConversation:
    """Return an empty conversation."""
    return await StoredConversation(site.database, Chat(channel="42")).create()


async def rate_bad(site: ConsoleSite, turn: Turn) -> None:
    """Rate an answer bad."""
    async with site.database.begin() as tx:
        await feedback.save(tx, turn_id=turn.id, person_id="9", verdict=FeedbackVerdict.BAD)


async def fail(site: ConsoleSite, turn: Turn) -> None:
    """End a turn with an error of Kimi's."""
    async with site.database.begin() as tx:
        await turns.finish(tx, turn, outcome=KimiFailure("overloaded"))


async def test_now_shows_health_growing_answers_and_failures(browser: Any, site: ConsoleSite) -> None:
    """An operator sees at one glance that Slack is away, what is being answered, and what was not."""
    talk = await conversation(site)
    await fail(site, await talk.ask("Where is my order?"))
    growing = await talk.ask("How do I reset?")
    async with site.database.begin() as tx:
        await turns.save_partial(tx, growing, partial="By the link be", reasoning="")

    page, fragment = await browser.get("/"), await browser.get("/live/now")

    for text in ("slack: unreachable", "By the link be", "Where is my order?", "failed:overloaded"):
        assert text in page.text
        assert text in fragment.text
    assert "<html" not in fragment.text
    assert 'data-live="/live/now"' in page.text


async def test_a_bad_answer_is_found_and_read(browser: Any, site: ConsoleSite) -> None:
    """From the list of badly rated conversations to the answer with its figures; both are audited."""
    talk = await conversation(site)
    turn = await talk.exchange("How do I reset?", "You cannot.")
    await rate_bad(site, turn)
    other = await StoredConversation(site.database, Chat(channel="7")).create()
    await other.exchange("Unrelated?", "Yes.")

    listed = await browser.get("/conversations", bad="1")
    searched = await browser.get("/conversations", text="RESET")
    link = re.search(r'href="(/conversations/\d+)"', listed.text)
    assert link is not None
    page = await browser.get(link[1])
    short = await browser.get(f"/turn/{turn.id}")

    for answer in (listed, searched):
        assert "How do I reset?" in answer.text
        assert "Unrelated?" not in answer.text
    assert "You cannot." in page.text
    assert "complete" in page.text
    assert re.search(r'aria-label="👎".*</svg> 1', page.text)
    assert short.headers["location"] == f"{link[1]}#turn-{turn.id}"
    assert await browser.audit() == [
        ("shell:ann", "conversations.search", "RESET"),
        ("shell:ann", "conversation.read", str(talk.conversation.id)),
    ]
    assert "conversation.read" in (await browser.get("/audit")).text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"knowledge": "1"}, {"Known?"}),
        ({"outcome": "failed"}, {"Broken?"}),
        ({"outcome": "complete"}, {"Known?", "Handed?"}),
        ({"state": "answering"}, {"Growing?"}),
        ({"state": "waiting"}, {"Handed?"}),
        ({"state": "staff"}, set()),
        ({"state": "bot"}, {"Known?", "Broken?"}),
        ({"state": "nonsense"}, {"Known?", "Broken?", "Growing?", "Handed?"}),
        ({"until": "2020-01-01"}, set()),
        ({"since": "2020-01-01", "until": "2999-01-01", "state": "bot"}, {"Known?", "Broken?"}),
    ],
    ids=lambda given: "-".join(sorted(given)),
)
async def test_conversations_are_filtered(
    browser: Any, site: ConsoleSite, query: dict[str, str], expected: set[str]
) -> None:
    """By who has them, how a turn ended, whether knowledge was used, and the last day."""
    talks = [
        await StoredConversation(site.database, Chat(channel=str(number))).create() for number in range(4)
    ]
    known = await talks[0].exchange("Known?", "Yes [1].")
    await fail(site, await talks[1].ask("Broken?"))
    await talks[2].ask("Growing?")
    await talks[3].exchange("Handed?", "Wait.")
    passage = UsedPassage(number=1, document="shop.md", label="Returns", relevance=0.7, is_cited=True)
    async with site.database.begin() as tx:
        await answer_steps.save(tx, known.id, [passage], [])
        await handoffs.add(
            tx,
            conversation_id=talks[3].conversation.id,
            state=HandoffState.WAITING,
            reason=HandoffReason.CUSTOMER,
            customer=EVE,
            language="en",
            address=Address(key=talks[3].conversation.key),
            desk_room=DeskRoom(platform="slack", channel="C0123"),
            now=utc_now(),
            due_at=None,
        )

    page = (await browser.get("/conversations", **query)).text

    asked = {"Known?", "Broken?", "Growing?", "Handed?"}
    shown = {text for text in asked if f">{text}<" in page}
    assert shown == expected


async def test_a_conversation_shows_what_each_answer_rests_on(browser: Any, site: ConsoleSite) -> None:
    """Passages with their relevance, tools with how they ended, and notes that only the person saw."""
    talk = await conversation(site)
    turn = await talk.ask("What is in stock?")
    passage = UsedPassage(number=1, document="shop.md", label="Returns", relevance=0.71, is_cited=True)
    call = ToolCallReport(name="stock", outcome=ToolCallOutcome.TIMED_OUT, duration_s=30.0)
    async with site.database.begin() as tx:
        await history.save_answer(tx, talk.conversation.id, turn.seq, turn.id, "Tea [1].")
        await turns.save_answer(tx, turn, text="Tea [1].\n\n*Cut off.*", outcome=Outcome.LENGTH_LIMIT)
        await answer_steps.save(tx, turn.id, [passage], [call])
        await turns.finish(tx, turn, outcome=Outcome.LENGTH_LIMIT)
    failed = await talk.ask("And coffee?")
    async with site.database.begin() as tx:
        await turns.save_answer(tx, failed, text="*Kimi is busy.*", outcome=KimiFailure("overloaded"))
        await turns.finish(tx, failed, outcome=KimiFailure("overloaded"))

    page = (await browser.get(f"/conversations/{talk.conversation.id}")).text

    for text in (
        "[1] shop.md · Returns",
        "relevance 0.71 · cited",
        "stock · timed out",
        "Tea [1].\n\n*Cut off.*",
        "*Kimi is busy.*",
        "failed:overloaded",
    ):
        assert text in page
    assert page.count("What the person saw") == 2

    await talk.exchange("Still there?", "Yes.")
    page = (await browser.get(f"/conversations/{talk.conversation.id}")).text
    order = [page.index(text) for text in ("And coffee?", "*Kimi is busy.*", "Still there?", "Yes.")]
    assert order == sorted(order)


async def test_a_long_conversation_is_read_in_pages(browser: Any, site: ConsoleSite) -> None:
    """The latest messages come first; a link leads to the earlier ones."""
    talk = await conversation(site)
    for number in range(60):
        await talk.exchange(f"Question number {number}.", f"Answer {number}.")

    page = (await browser.get(f"/conversations/{talk.conversation.id}")).text
    earlier = re.search(r"\?before=(\d+)", page)
    assert earlier is not None
    before = (await browser.get(f"/conversations/{talk.conversation.id}", before=earlier[1])).text

    assert "Question number 59." in page
    assert "Question number 9." not in page
    assert "Question number 9." in before
    assert "data-live" not in before


async def test_usage_comes_as_a_table_and_as_csv(browser: Any) -> None:
    """An unknown grouping and a date that is none fall back to the default."""
    page = await browser.get("/usage", by="model", since="2026-11-01")
    table = await browser.get("/usage", by="chat", format="csv")
    fallback = await browser.get("/usage", by="nonsense", since="yesterday")

    assert 'value="2026-11-01"' in page.text
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.startswith("chat,messages,")
    assert fallback.status_code == 200


async def test_now_shows_the_line_at_kimi(browser: Any) -> None:
    """What runs and waits, the limits of the account, and that a 429 holds everything."""
    page = (await browser.get("/live/now")).text

    for text in ("kimi: 2 at Kimi · 3 in line", "paused by a rate limit", "down", "rpm 100", "0 open events"):
        assert text in page
    assert "tools of shop<" in page
    assert "tools of files · down" in page


async def test_usage_shows_who_is_near_a_budget(browser: Any, site: ConsoleSite) -> None:
    """A chat that has used four fifths of its tokens of the day is marked."""
    talk = await conversation(site)
    async with site.database.begin() as tx:
        call = CallUsage(
            model="kimi-k2.6",
            prompt_tokens=30,
            cached_tokens=5,
            completion_tokens=12,
            reasoning_tokens=0,
            time_to_first_token_s=None,
            duration_s=1.0,
        )
        await usage.add(tx, call, conversation_id=talk.conversation.id, turn_id=None, person_id="1")

    for by in ("day", "chat", "person", "model"):
        page = (await browser.get("/usage", by=by)).text
        assert page.count('<svg class="bars"') == 4
        row = page.split(f"{talk.conversation.key.platform}:42</td>")[-1]
        assert "84 %" in row
        assert page.count('class="look"') == 1


async def test_settings_show_no_secret(browser: Any) -> None:
    """A secret is "set"; other values and their origins are shown, what a newcomer sets first at the top."""
    page = (await browser.get("/settings")).text

    assert SECRET not in page
    assert "KIMI_API_KEY" in page
    assert "slack:C0123" in page
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    assert headings == ["What a restart would change", *GROUPS]


async def test_settings_show_what_a_restart_would_change(browser: Any, tmp_path: Path) -> None:
    """A line that was added to .env since the start is shown; of a secret only that it changed."""
    env_file = tmp_path / ".env"
    assert "Nothing: .env" in (await browser.get("/settings")).text

    env_file.write_text("MOONTHREAD_DESK=slack:C777\nSLACK_BOT_TOKEN=xoxb-9-9-abc\n", encoding="utf-8")
    page = (await browser.get("/settings")).text
    env_file.write_text("MOONTHREAD_DESSK=slack:C777\n", encoding="utf-8")
    broken = (await browser.get("/settings")).text

    assert ">MOONTHREAD_DESK</td>" in page
    assert "slack:C777" in page
    assert "xoxb-9" not in page
    assert "would not start again" in broken
    assert "did you mean MOONTHREAD_DESK?" in broken


async def test_evaluations_are_shown_over_time(browser: Any, site: ConsoleSite) -> None:
    """Each run of ``moonthread knowledge eval`` is a bar and a row."""
    run = EvaluationRun(
        at=utc_now(), sets=HOSTILE, model="", answerable=8, first=5, in_three=6, found_nothing=1,
        unanswerable=4, refused=3,
    )  # fmt: skip
    async with site.database.begin() as tx:
        for at in (utc_now() - timedelta(days=1), utc_now()):
            await knowledge_evaluations.save(tx, replace(run, at=at))

    page = (await browser.get("/knowledge")).text

    assert page.count(": 75 %</title>") == 4
    assert page.count(">6/8</td>") == 2
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    "path", ["/conversations/999", "/turn/999", "/turn/x", "/conversations/1e9", "/nothing"]
)
async def test_what_is_not_there_is_404(browser: Any, path: str) -> None:
    """A page of the console says so; no stack trace, no framework's page."""
    answer = await browser.get(path)

    assert answer.status_code == 404
    assert "There is nothing here." in answer.text


@pytest.mark.parametrize("path", [*PAGES, *FRAGMENTS])
async def test_hostile_words_stay_words(browser: Any, site: ConsoleSite, path: str) -> None:
    """Names and messages of people never become markup, script or template code on any page."""
    talk = await conversation(site)
    await talk.say(HOSTILE, EVE)
    turn = await talk.exchange(HOSTILE, HOSTILE)
    await rate_bad(site, turn)
    await fail(site, await talk.ask(HOSTILE, EVE))
    passage = UsedPassage(number=1, document=HOSTILE, label=HOSTILE, relevance=0.7, is_cited=True)
    call = ToolCallReport(name=HOSTILE[:60], outcome=ToolCallOutcome.DONE, duration_s=1.0)
    async with site.database.begin() as tx:
        await answer_steps.save(tx, turn.id, [passage], [call])
        await blocked_people.block(tx, platform="slack", person_id="U1", channel="", name=EVE.name)

    answer = await browser.get(path.replace("{number}", "1"), q=HOSTILE, text=HOSTILE[:20], since=HOSTILE)

    assert answer.status_code in (200, 303, 404)  # files have a test of their own in test_knowledge
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert "317036934" not in answer.text  # the product; a shorter one may stand in a token by chance


@pytest.mark.parametrize("path", [path for path in PAGES if "{" not in path])
async def test_every_page_speaks_chinese(site: ConsoleSite, path: str) -> None:
    """A browser that prefers Chinese gets every page in it."""
    browser = browser_of(site, **{"accept-language": "zh-CN,zh;q=0.9"})
    await browser.sign_in()

    page = (await browser.get(path)).text

    assert '<html lang="zh">' in page
    assert "对话" in page


def test_no_text_is_missing() -> None:
    """Every key has words in both languages."""
    assert all(english.strip() and chinese.strip() for english, chinese in TEXTS.values())


def test_every_state_and_reason_has_its_words() -> None:
    """A state, reason or outcome that is added without a text would break a page."""
    named = [
        *(f"handoff_{one}" for one in HandoffState),
        *(f"reason_{one}" for one in HandoffReason),
        *(f"state_{one}" for one in ConversationState),
        *(f"tool_{one}" for one in ToolCallOutcome),
    ]
    assert [key for key in named if key not in TEXTS] == []
