"""The tour of the demo's page, and where a newcomer begins, in a real Chromium."""

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
STEPS = 8
SIZES = [(1920, 1080), (1280, 800), (390, 844)]

CLIPPED = """() => [...document.querySelectorAll(".chip, .starts button, .play, .what")]
  .filter((one) => one.offsetParent)
  .filter((one) => {
    const box = one.getBoundingClientRect(), room = one.parentElement.getBoundingClientRect();
    return one.scrollWidth > one.clientWidth + 1 || box.right > room.right + 1 || box.right > innerWidth;
  })
  .map((one) => one.textContent)"""


@pytest.mark.timeout(300)
async def test_the_tour_shows_everything_by_itself(page: Page, url: str) -> None:
    """Untouched, the page asks on both platforms, calls a person, closes, and survives a kill -9."""
    await page.goto(url)
    caption = page.locator("#caption")

    for step in range(1, STEPS + 1):
        await expect(caption).to_contain_text(f"{step}/{STEPS}", timeout=60_000)
    await expect(caption).to_contain_text("Now it is your turn", timeout=150_000)

    await expect(page.locator(".chat.group")).to_contain_text("Lin")
    await expect(page.locator(".chat.dm .message.by-bot").last).to_contain_text("Day 30")
    await expect(page.locator(".slack .thread .message.by-bot").last).to_contain_text("Day 30")
    for chat in (".chat.dm", ".slack .thread"):
        texts = await page.locator(f"{chat} .message.by-bot").all_inner_texts()
        assert sum("Day 1:" in text for text in texts) == 1, "the message that was interrupted went on"
    await page.get_by_role("button", name="# support-desk").click()
    await expect(page.locator(".slack")).to_contain_text("closed")


async def test_a_click_ends_the_tour(page: Page, url: str) -> None:
    """Whoever touches the page has it to themselves; the button plays the tour again."""
    await page.goto(url)
    await expect(page.locator("#caption")).to_contain_text(f"1/{STEPS}")

    await page.locator(".channel .bar").click()

    await expect(page.locator("#tour")).to_be_hidden()
    await page.get_by_role("button", name="Play the tour").click()
    await expect(page.locator("#caption")).to_contain_text(f"1/{STEPS}")
    await page.get_by_role("button", name="Stop the tour").click()
    await expect(page.locator("#tour")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), SIZES)
async def test_nothing_that_can_be_pressed_is_clipped(page: Page, width: int, height: int) -> None:
    """Chips and starts are whole at each size, also those of a chat that has begun."""
    await page.set_viewport_size({"width": width, "height": height})

    assert await page.evaluate(CLIPPED) == []
    await page.get_by_role("button", name="Ask in Telegram").click()
    await page.locator(".chat.dm .chip").first.click()
    await expect(page.locator(".chat.dm .chip.command").first).to_be_visible()
    assert await page.evaluate(CLIPPED) == []


async def test_the_third_start_puts_the_desk_beside_the_group(page: Page) -> None:
    """A newcomer sees the customer's chat and the team's room without hunting for them."""
    await page.get_by_role("button", name="Be a customer").click()

    await expect(page.locator(".channel .bar")).to_contain_text("# support-desk")
    await expect(page.get_by_label("Message to the group", exact=True)).to_be_focused()
    await expect(page.get_by_role("link", name="Console")).to_be_visible()
