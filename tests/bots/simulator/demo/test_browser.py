"""A visitor's way through the demo, in a real Chromium."""

import re
from collections.abc import Callable
from typing import TypeAlias

import pytest
from playwright.async_api import Locator, Page, expect

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.timeout(300),  # the service works in the machine's time
    pytest.mark.asyncio(loop_scope="module"),
]
expect.set_options(timeout=60_000)


class Chat:
    """One of the three chats, as a visitor handles it."""

    def __init__(self, page: Page, *, field: str, pane: str, tab: str = "") -> None:
        self.page, self.pane, self.tab = page, page.locator(pane), tab
        self.field = page.get_by_label(field, exact=True)

    async def front(self) -> None:
        """Bring the chat to the front."""
        if self.tab:
            await self.page.locator(f".tabs [data-to={self.tab}]").click()

    async def type(self, text: str) -> None:
        """Type behind what stands in the field already, and send."""
        await self.field.press("End")
        await self.field.press_sequentially(text)
        await self.field.press("Enter")

    def answer(self, number: int = 0) -> Locator:
        """Return the bot's message of that number."""
        return self.pane.locator(".message.by-bot").nth(number)

    def button(self, name: str) -> Locator:
        """Return a button under a message; it is there once the answer is complete, Stop before."""
        return self.pane.locator(".message .buttons").get_by_role("button", name=name)


def slack(page: Page) -> Chat:
    """Return the channel; what is typed there begins a thread."""
    return Chat(page, field="Message to the channel", pane=".thread")


def thread(page: Page) -> Chat:
    """Return the open thread."""
    return Chat(page, field="Reply in the thread", pane=".thread")


def dm(page: Page) -> Chat:
    """Return the Telegram chat with the bot."""
    return Chat(page, field="Message to Moonthread", pane=".chat.dm", tab="dm")


def group(page: Page) -> Chat:
    """Return the Telegram group."""
    return Chat(page, field="Message to the group", pane=".chat.group", tab="group")


Handling: TypeAlias = Callable[[Page], Chat]

WATCH = """(pane) => {
  const lengths = [], statuses = new Set();
  new MutationObserver(() => {
    const body = pane.querySelector(".message.by-bot .body");
    if (body && body.innerText.length !== lengths.at(-1)) lengths.push(body.innerText.length);
    for (const status of pane.querySelectorAll(":scope > .status, .subtitle")) statuses.add(status.innerText);
  }).observe(pane, { childList: true, subtree: true, characterData: true });
  window.seen = () => [lengths, [...statuses]];
}"""
"""Notes every length that the first answer in a pane is seen with, and every status of the bot."""


@pytest.mark.parametrize(
    ("first", "next_", "status"),
    [
        (slack, thread, "Moonthread is thinking…"),
        (dm, dm, "typing…"),
        (group, group, ""),  # in a group it is shown if the bucket is full: not so soon after a greeting
    ],
    ids=["slack", "dm", "group"],
)
async def test_an_answer_grows_and_the_next_one_knows_what_was_said(
    page: Page, first: Handling, next_: Handling, status: str
) -> None:
    """In each chat the bot shows that it works, its answer grows, and the next one quotes the question."""
    asking, going_on = first(page), next_(page)
    await asking.front()

    await asking.pane.evaluate(WATCH)

    await asking.type("Hello there, show me code, a table and a list")

    await expect(asking.answer()).to_contain_text("article on tea")
    lengths, statuses = await page.evaluate("window.seen()")
    assert not status or status in statuses
    assert len(lengths) >= 4
    assert lengths[-1] == max(lengths)
    await going_on.pane.get_by_role("button", name="What did I say first?").click()
    await expect(going_on.answer(1).locator("blockquote")).to_contain_text("Hello there, show me code")


@pytest.mark.parametrize(
    ("first", "next_"), [(slack, thread), (dm, dm), (group, group)], ids=["slack", "dm", "group"]
)
async def test_stop_ends_an_answer_in_the_middle_and_new_forgets(
    page: Page, first: Handling, next_: Handling
) -> None:
    """/stop leaves the running answer as it is and says so; after /new nothing is remembered."""
    asking, going_on = first(page), next_(page)
    await asking.front()
    await asking.type("A long answer about the moon, please")
    await expect(asking.answer()).not_to_have_attribute("data-edits", "0")

    await going_on.pane.get_by_role("button", name="/stop").click()

    await expect(asking.answer()).to_contain_text("(stopped)")
    await expect(asking.answer()).not_to_contain_text("Day 30")
    await going_on.pane.get_by_role("button", name="/new").click()
    await expect(going_on.answer(1)).to_contain_text("we start afresh")
    await going_on.type("What did I say first?")
    await expect(going_on.answer(2)).to_contain_text("Nothing yet")


async def test_retry_answers_again_in_the_same_message(page: Page) -> None:
    """The button under an answer gives it again: the message stays, its edits go on."""
    chat = dm(page)
    await chat.type("Just a word")
    await expect(chat.answer()).to_contain_text("You wrote")
    retry = chat.button("Retry")
    await expect(retry).to_be_visible()
    before = await chat.answer().get_attribute("data-edits")

    await retry.click()

    await expect(chat.answer()).not_to_have_attribute("data-edits", before or "")
    await expect(retry).to_be_visible()
    await expect(chat.pane.locator(".message.by-bot")).to_have_count(1)


async def test_two_people_meet_in_the_group_and_not_in_each_others_chat(page: Page) -> None:
    """小明 reads in the group what Alice wrote there, and has a chat with the bot of his own."""
    await dm(page).type("Only for me")
    await expect(dm(page).answer()).to_be_visible()
    await group(page).front()
    await group(page).type("我们聊聊月亮")
    await expect(group(page).answer()).to_contain_text("不是 Kimi")

    await page.locator("#visitor").get_by_text("小明").click()

    await expect(page.locator(".group .message.by-person .by")).to_have_text("Alice")
    await group(page).pane.get_by_role("button", name="Reply to Moonthread").click()
    await group(page).type("我第一句说了什么?")
    await expect(group(page).answer(1)).to_contain_text("我们聊聊月亮")
    await dm(page).front()
    await expect(page.locator(".dm .message")).to_have_count(0)


async def test_words_stand_as_words_whatever_they_look_like(page: Page) -> None:
    """Markup that a visitor types is shown and quoted as text; no element comes of it."""
    text = "<img src=x onerror=alert(1)> <b>bold</b>"
    await dm(page).type(text)
    await slack(page).type(text)

    for chat in (dm(page), slack(page)):
        await expect(chat.pane.locator(".by-person .body").first).to_contain_text(text)
        await expect(chat.answer().locator("blockquote")).to_contain_text("onerror=alert(1)")
    await expect(page.locator(".body img, .body b")).to_have_count(0)


async def test_a_phone_shows_one_chat_at_a_time_without_sideways_scrolling(page: Page) -> None:
    """At 390 pixels every chat fits the width, also with code, a table and a thread open."""
    await slack(page).type("Show me a table and code")
    await dm(page).type("Show me a table and code")
    for chat in (slack(page), dm(page)):
        await expect(chat.answer()).to_contain_text("Lhotse")

    await page.set_viewport_size({"width": 390, "height": 844})

    shown = {"slack": ".thread", "dm": ".chat.dm", "group": ".chat.group"}
    for place, pane in shown.items():
        await page.locator(f"#places [data-to={place}]").click()
        for other in shown.values():
            await expect(page.locator(other)).to_be_visible(visible=other == pane)
        widest = await page.evaluate(
            "Math.max(...[...document.querySelectorAll('html, body, main, .log')]"
            ".map((element) => element.scrollWidth - element.clientWidth))"
        )
        assert widest == 0, place
        assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_enter_sends_and_shift_enter_begins_a_line(page: Page) -> None:
    """A message may have several lines; an empty one is not sent."""
    field = dm(page).field
    await field.press("Enter")
    await field.press_sequentially("one")
    await field.press("Shift+Enter")
    await field.press_sequentially("two")
    await expect(page.locator(".dm .message")).to_have_count(0)

    await field.press("Enter")

    said = page.locator(".dm .message.by-person .body")
    await expect(said).to_have_count(1)
    assert await said.inner_text() == "one\ntwo"
    await expect(field).to_have_value("")


async def test_what_slack_would_not_send_stays_in_the_field_with_the_reason(page: Page) -> None:
    """A command that Slack does not know is not lost: the visitor reads what to write instead."""
    field = slack(page).field
    await field.fill("/stop")
    await field.press("Enter")

    await expect(
        page.get_by_role("alert").filter(has_text=re.compile("write @Moonthread /stop"))
    ).to_be_visible()
    await expect(field).to_have_value("/stop")


async def test_a_reload_brings_everything_back(page: Page) -> None:
    """What stood on the screens stands there again after the page is opened anew."""
    await dm(page).type("Remember me")
    await expect(dm(page).button("Retry")).to_be_visible()
    before = await dm(page).answer().locator(".body").text_content() or ""

    await page.reload()

    await expect(dm(page).answer().locator(".body")).to_have_text(before)


async def test_a_visitor_asks_the_shop_and_then_serves_as_its_team(page: Page) -> None:
    """The group's bot answers from what the shop knows; a person asked for is whoever plays the team."""
    shop, desk = group(page), page.locator(".slack")
    await shop.front()
    await shop.field.fill("怎么样才能打九折?")  # to nobody in particular
    await shop.field.press("Enter")
    await expect(shop.answer()).to_contain_text("来源")
    await shop.pane.get_by_role("button", name="I want to talk to a person").click()
    await expect(page.locator(".sidebar .dot:visible")).to_have_count(1)

    await desk.get_by_role("button", name="# support-desk").click()
    await expect(
        desk.get_by_role("button", name="接手").or_(desk.get_by_role("button", name="Take"))
    ).to_be_visible()
    await desk.locator(".channel .replies").first.click()
    reply = thread(page)
    await reply.type("I may not")
    await expect(page.get_by_role("alert").filter(has_text="choose Lin")).to_be_visible()
    await reply.field.fill("")
    await page.locator("#visitor").get_by_text("Lin").click()
    await reply.type("I am a real person")

    await expect(shop.pane.locator(".message.by-bot").filter(has_text="I am a real person")).to_have_count(1)
