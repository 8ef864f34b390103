"""The demo, and a real Chromium to look at it."""

from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page

from bots.simulator.demo import opened
from tests import browser


@pytest_asyncio.fixture(loop_scope="module")
async def url() -> AsyncIterator[str]:
    """The address of a running demo that answers by script."""
    async with opened() as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A real Chromium of this machine, started once for a module: its tests share one loop."""
    async with browser.started() as chromium:
        yield chromium


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser, url: str) -> AsyncIterator[Page]:
    """The demo's page, live; in the end its console must hold no error or warning."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    tab = await chromium.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    tab.set_default_timeout(60_000)
    tab.on("console", hear)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    await tab.goto(f"{url}/?still")  # without the tour that plays on an untouched page
    await tab.locator("#live.on").wait_for()
    yield tab
    await tab.close()
    assert complaints == []
