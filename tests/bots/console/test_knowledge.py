"""Knowledge on the console: files come and go, a ranking says why, gaps are closed."""

import re
from dataclasses import replace
from typing import Any

import pytest

from bots.console.site import ConsoleSite
from core.chat_policy import ChatRules
from core.concurrency.worker_process import WorkerTimeout
from core.domain.addresses import Person
from core.domain.turn_states import Outcome
from core.files.file_worker import FileWorker
from core.knowledge.finder import PassageFinder
from core.store import canned, knowledge, rules, turns
from core.testing.inline_workers import InlineWorkers
from tests.bots.console.conftest import browser_of
from tests.bots.console.test_pages import HOSTILE, conversation

SHOP = b"# Returns\n\nA broken cup is replaced within 30 days.\n\n# Opening\n\nWe are open on Sundays.\n"
QUESTION = "Do you ship to Norway?"


async def upload(browser: Any, body: bytes, **query: str) -> Any:
    """Send a file as the page's script does."""
    headers = {"x-csrf-token": await browser.session_token()}
    return await browser.http.post("/knowledge/upload", params=query, content=body, headers=headers)


async def post(browser: Any, path: str, **fields: str) -> Any:
    """Send a form of the page."""
    return await browser.post(path, csrf=await browser.session_token(), **fields)


async def found(site: ConsoleSite, question: str) -> list[str]:
    """Return the texts that a question finds in all sets."""
    async with site.database.read() as tx:
        sets = await knowledge.load_all_sets(tx)
    passages = await PassageFinder(site.database).find([one.id for one in sets], question)
    return [one.entry.text for one in passages]


async def gap(site: ConsoleSite) -> int:
    """Return the turn of a question for which nothing was known."""
    talk = await conversation(site)
    turn = await talk.ask(QUESTION)
    async with site.database.begin() as tx:
        await turns.finish(tx, turn, outcome=Outcome.NO_KNOWLEDGE)
    return turn.id


async def test_a_file_is_added_replaced_looked_at_and_removed(browser: Any, site: ConsoleSite) -> None:
    """The line about it names its passages and version; each change is audited."""
    first = await upload(browser, SHOP, new_set="shop", name="shop.md")
    second = await upload(browser, SHOP + b"\n# Post\n\nWe ship to Japan.\n", set="1", name="C:\\x\\shop.md")

    assert (first.status_code, first.text) == (200, "shop.md: 2 Passages, v1")
    assert second.text == "shop.md: 3 Passages, v2"
    assert "A broken cup is replaced" in (await browser.get("/knowledge/1")).text
    assert (await post(browser, "/knowledge/1/remove")).headers["location"] == "/knowledge?result=saved"
    assert await found(site, "broken cup") == []
    assert (await post(browser, "/knowledge/1/remove")).status_code == 404
    assert [entry[1:] for entry in await browser.audit()] == [
        ("knowledge.add", "shop/shop.md"),
        ("knowledge.add", "shop/shop.md"),
        ("knowledge.remove", "shop.md"),
    ]


@pytest.mark.parametrize(
    ("body", "query"),
    [
        (b"", {"new_set": "shop", "name": "empty.md"}),
        (SHOP, {"new_set": "a:b", "name": "shop.md"}),
        (SHOP, {"new_set": "x" * 65, "name": "shop.md"}),
        (SHOP, {"set": "77", "name": "shop.md"}),
        (SHOP, {"new_set": "shop", "name": "../"}),
        (b"\x7fELF\x02\x01\x01" + bytes(40), {"new_set": "shop", "name": "program.exe"}),
    ],
)
async def test_a_file_that_cannot_be_kept_is_refused_with_a_reason(
    browser: Any, site: ConsoleSite, body: bytes, query: dict[str, str]
) -> None:
    """Nothing is stored, and the line says why."""
    answer = await upload(browser, body, **query)

    assert answer.status_code == 422
    assert answer.text.strip()
    assert await found(site, "broken cup") == []


@pytest.mark.parametrize("ways", ["file", "text"])
async def test_words_are_cut_into_passages_in_a_process_with_limits(site: ConsoleSite, ways: str) -> None:
    """Never in a thread of the service, which nobody can stop: one that takes too long is refused."""
    workers = InlineWorkers()
    browser = browser_of(replace(site, file_worker=FileWorker(workers)))
    await browser.sign_in()
    workers.fail_next = WorkerTimeout("20 s")
    if ways == "file":
        answer = await upload(browser, SHOP, new_set="shop", name="shop.md")
    else:
        answer = await post(browser, "/knowledge/text", new_set="shop", name="shop", text=SHOP.decode())
    await browser.http.aclose()

    assert answer.status_code == 422
    assert "takes too long" in answer.text
    assert await found(site, "broken cup") == []


async def test_an_upload_without_the_token_is_refused(browser: Any) -> None:
    """Another site can send bytes, but not this header."""
    answer = await browser.http.post("/knowledge/upload?new_set=x&name=a.md", content=SHOP)

    assert answer.status_code == 403


async def test_a_tried_question_says_why_a_passage_ranks(browser: Any) -> None:
    """Its words that the passage has and lacks, its relevance, and the floor of the set."""
    await upload(browser, SHOP, new_set="shop", name="shop.md")

    page = (await browser.get("/knowledge", q="Is a broken cup replaced on Mars?")).text

    assert "shop.md · Returns" in page
    assert "broken" in page.split("Has:")[1].split("</p>")[0]
    assert "mar" in page.split("Lacks:")[1].split("</p>")[0]


async def test_a_gap_becomes_a_passage(browser: Any, site: ConsoleSite) -> None:
    """The next person who asks finds it."""
    number = await gap(site)
    await upload(browser, SHOP, new_set="shop", name="shop.md")
    assert f'action="/knowledge/gaps/{number}"' in (await browser.get("/knowledge")).text

    fields = {"as": "passage", "question": QUESTION, "text": "To Norway we ship on Mondays.", "set": "1"}
    answer = await post(browser, f"/knowledge/gaps/{number}", **fields)

    assert answer.headers["location"] == "/knowledge?result=saved"
    assert "To Norway we ship on Mondays." in (await found(site, QUESTION))[0]


async def test_a_gap_becomes_a_ready_answer(browser: Any, site: ConsoleSite) -> None:
    """In the chat where it was asked."""
    number = await gap(site)

    await post(browser, f"/knowledge/gaps/{number}", **{"as": "canned", "question": QUESTION, "text": "Yes."})

    talk = await conversation(site)
    async with site.database.read() as tx:
        kept = await canned.load(tx, talk.conversation.key)
    assert [(one.question, one.answer) for one in kept] == [(QUESTION, "Yes.")]


async def test_a_gap_becomes_another_wording_of_a_passage(browser: Any, site: ConsoleSite) -> None:
    """Words that the passage does not have find it from then on."""
    number = await gap(site)
    await upload(browser, SHOP, new_set="shop", name="shop.md")
    (passage, *_) = await PassageFinder(site.database).find([1], "broken cup")

    await post(
        browser,
        f"/knowledge/gaps/{number}",
        **{
            "as": "also",
            "question": "my mug is shattered --> oh",
            "document": "1",
            "passage": passage.entry.uid,
        },
    )

    assert "A broken cup is replaced" in (await found(site, "mug shattered"))[0]
    await upload(browser, SHOP.replace(b"30 days", b"40 days"), new_set="shop", name="shop.md")
    assert await found(site, "mug shattered") == ["A broken cup is replaced within 40 days."]


async def test_the_teams_answer_to_a_gap_is_proposed(browser: Any, site: ConsoleSite) -> None:
    """Filled in as the answer; with the passage that says the same, until somebody takes it (we chose)."""
    await upload(browser, SHOP, new_set="shop", name="shop.md")
    talk = await conversation(site)
    key = talk.conversation.key
    place = {"platform": key.platform, "tenant": key.tenant, "channel": key.channel}
    async with site.database.begin() as tx:
        await rules.save(tx, ChatRules(knowledge=("shop",)), **place, changed_by="")
    turn = await talk.ask(QUESTION)
    async with site.database.begin() as tx:
        await turns.finish(tx, turn, outcome=Outcome.NO_KNOWLEDGE)
    await talk.answer_as_staff("A broken cup is replaced within 30 days.", Person(id="U9", name="Mary"))

    page = (await browser.get("/knowledge")).text
    assert "A broken cup is replaced within 30 days.</textarea>" in page
    (passage,) = re.findall(r'name="passage" value="(\w+)"', page)
    fields = {"as": "also", "question": QUESTION, "document": "1", "passage": passage}
    await post(browser, f"/knowledge/gaps/{turn.id}", **fields)

    assert (await found(site, QUESTION))[0] == "A broken cup is replaced within 30 days."
    assert 'name="passage"' not in (await browser.get("/knowledge")).text


@pytest.mark.parametrize(
    "fields", [{}, {"as": "canned", "question": "Q"}, {"as": "also", "question": "Q", "passage": "nope"}]
)
async def test_an_incomplete_gap_form_is_refused(browser: Any, site: ConsoleSite, fields: Any) -> None:
    """With a sentence, and nothing is stored."""
    number = await gap(site)

    answer = await post(browser, f"/knowledge/gaps/{number}", **fields)

    assert answer.status_code == 422
    assert (await post(browser, "/knowledge/gaps/999", **fields)).status_code == 404


async def test_hostile_files_stay_words(browser: Any) -> None:
    """Names, headings and texts of files never become markup."""
    await upload(browser, f"# {HOSTILE}\n\nbroken cup {HOSTILE}".encode(), new_set="shop", name="x<b>.md")

    for page in (await browser.get("/knowledge", q="broken cup"), await browser.get("/knowledge/1")):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img" not in page.text
        assert "x<b>" not in page.text


async def test_staff_of_a_desk_changes_no_knowledge(visitor: Any, site: ConsoleSite) -> None:
    """We chose: files hold for all chats, so only admins change them here."""
    await visitor.sign_in("slack:UDESK")

    assert (await upload(visitor, SHOP, new_set="shop", name="shop.md")).status_code == 403
    assert (await post(visitor, "/knowledge/text", new_set="x", name="a", text="b")).status_code == 403
    assert "data-upload" not in (await visitor.get("/knowledge")).text
