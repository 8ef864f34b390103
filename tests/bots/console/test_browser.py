"""The console in a real Chromium, with a week of data: layout, contrast, keyboard, live view, upload."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from sqlalchemy import select

from bots.console.app import PAGES, build_console
from bots.console.site import ConsoleSite
from bots.web_server import WebServer
from core.domain.turn_states import TurnState
from core.store import Database, console_access, migrate, schema, turns
from tests import browser
from tests.bots.console import example_week
from tests.bots.console.conftest import build_site

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

OVERVIEWS = [path for path in PAGES if "{" not in path]
PATHS = [*OVERVIEWS, "/conversations/2", "/knowledge/1", "/knowledge?q=link+expired", EDIT := (
    "/chats/edit?platform=telegram&tenant=&chat=-1001"
)]  # fmt: skip
TOO_WIDE = """() => [...document.querySelectorAll("main *, header *")].filter((element) => {
  const box = element.getBoundingClientRect();
  return box.width && !element.closest(".wide, .table, pre, .skip, thead")
    && (box.right > innerWidth + 1 || box.left < -1);
}).map((element) => element.outerHTML.slice(0, 120))"""
"""Elements that stick out of the window; tables that are wider scroll in a frame of their own."""

UNLABELLED = """() => [...document.querySelectorAll("input:not([type=hidden]), select, textarea")]
  .filter((field) => !field.labels.length && !field.ariaLabel).map((field) => field.outerHTML)"""
PALE = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (colour) => {
    const [red, green, blue] = parts(colour).slice(0, 3).map((one) => one / 255)
      .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const paper = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = getComputedStyle(at).backgroundColor;
      if ((parts(found)[3] ?? 1) > 0) return found;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")].filter((element) => {
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!words || !element.getClientRects().length || element.closest("svg, .replaced, .skip")) return false;
    const [one, other] = [getComputedStyle(element).color, paper(element)].map(light).sort((a, b) => b - a);
    return (one + 0.05) / (other + 0.05) < 4.5;
  }).map((element) => element.outerHTML.slice(0, 120));
}"""
"""Elements whose words have less contrast than WCAG's 4.5 : 1."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ConsoleSite]:
    """A console over a week of data."""
    folder = tmp_path_factory.mktemp("console")
    url = f"sqlite:///{folder / 'week.db'}"
    await migrate.upgrade(url)
    database = Database(url)
    await example_week.fill(database)
    made = build_site(database, folder)
    await made.personas.save("support", "You are the support of Lanternboard.")
    yield made
    await database.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def address(site: ConsoleSite) -> AsyncIterator[str]:
    """The address of the running console."""
    server = WebServer(build_console(site))
    await server.start()
    yield server.url
    await server.close()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Any]:
    """A Chromium for all tests here."""
    async with browser.started() as chromium:
        yield chromium


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Any, site: ConsoleSite, address: str) -> AsyncIterator[Page]:
    """A tab of an admin who is signed in; in the end its log must hold no error, such as of the policy."""
    complaints: list[str] = []
    context = await chromium.new_context(base_url=address, locale="en-GB")
    tab = await context.new_page()
    tab.set_default_timeout(20_000)
    tab.on(
        "console", lambda told: complaints.append(told.text) if told.type in ("error", "warning") else None
    )
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    async with site.database.begin() as tx:
        token = await console_access.create_link(tx, "slack:UADMIN")
    await tab.goto(f"/sign-in/{token}")
    await tab.get_by_role("button", name="Sign in").press("Enter")
    await expect(tab.get_by_role("heading", name="Now")).to_be_visible()
    yield tab
    await context.close()
    assert [text for text in complaints if "422" not in text] == []  # a file that is refused


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (768, "dark"), (1280, "light")])
async def test_every_page_fits_its_window(page: Page, width: int, scheme: Any) -> None:
    """On a phone, a tablet and a desk: nothing sticks out, fields have labels and words have contrast."""
    await page.emulate_media(color_scheme=scheme)
    await page.set_viewport_size({"width": width, "height": 900})
    faults = {}
    for path in PATHS:
        await page.goto(path)
        found = [await page.evaluate(check) for check in (TOO_WIDE, UNLABELLED, PALE)]
        if any(found) or await page.locator("h1").count() != 1:
            faults[path] = found

    assert faults == {}


async def test_the_keyboard_is_enough(page: Page) -> None:
    """Skip to the page, walk to an area, filter the list, open a conversation: without a pointer."""
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_text("Skip to the page")).to_be_focused()
    for _ in ("Moonthread", "Now", "Conversations"):
        await page.keyboard.press("Tab")
    focused = page.get_by_role("link", name="Conversations")
    await expect(focused).to_be_focused()
    assert await focused.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
    await page.keyboard.press("Enter")

    await page.get_by_label("Words").press_sequentially("Trello")
    await page.keyboard.press("Enter")
    first = page.locator("tbody tr a").first
    await expect(first).to_have_text("How do I move over from Trello?")
    await first.press("Enter")
    details = page.get_by_text("Forget a person").first
    await details.press("Enter")

    await expect(page.get_by_label("Person")).to_be_visible()
    await expect(page.locator("article.bot ol li").first).to_have_text("connect Trello")  # drawn, not as text


async def test_an_answer_grows_on_an_open_page(page: Page, site: ConsoleSite) -> None:
    """New text appears without a reload, drawn by the demo's code; what did not change stays as it is."""
    async with site.database.read() as tx:
        query = select(schema.turns.c.id).where(schema.turns.c.state == TurnState.RUNNING)
        turn = await turns.get(tx, (await tx.execute(query)).scalar_one())
    assert turn is not None
    await page.goto(f"/turn/{turn.id}")
    await page.locator("article.person").evaluate("element => { element.dataset.kept = 'yes'; }")
    answer = page.locator(f"#turn-{turn.id}")
    await expect(answer.locator("strong")).to_have_text("lanternboard.example/join")

    async with site.database.begin() as tx:
        await turns.save_partial(tx, turn, partial="Open the page.\n\n- one\n- **two**", reasoning="")

    await expect(answer.locator("li strong")).to_have_text("two")
    await expect(page.locator("article.person")).to_have_attribute("data-kept", "yes")


async def test_files_are_uploaded_with_their_progress(page: Page) -> None:
    """Each file has a line: a bar while it is sent, then its passages; one that cannot be read says why."""
    await page.goto("/knowledge")
    await page.get_by_label("Files").set_input_files(
        [
            {"name": "ports.md", "mimeType": "text/markdown", "buffer": b"# Ports\n\nWe use 8081.\n"},
            {"name": "empty.pdf", "mimeType": "application/pdf", "buffer": b"no PDF at all"},
        ]
    )
    await page.get_by_role("button", name="Upload").press("Enter")
    lines = page.locator("[data-uploaded] li")

    await expect(lines.nth(0)).to_have_text("ports.md: 1 Passages, v1")
    await expect(lines.nth(1)).to_contain_text("empty.pdf")
    await expect(page.locator("progress")).to_have_count(0)
