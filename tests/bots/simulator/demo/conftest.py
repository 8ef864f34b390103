"""The demo on a fast clock, and a real Chromium to look at it."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from bots.simulator.demo import opened
from core.domain.clock import ScaledClock

FASTER = 6.0
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest_asyncio.fixture(loop_scope="module")
async def url() -> AsyncIterator[str]:
    """The address of a running demo that answers by script, six times as fast as the real one."""
    async with opened(clock=ScaledClock(FASTER)) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A real Chromium of this machine, started once for a module: its tests share one loop."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"none of {', '.join(CHROMIUM)} is on this machine")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser, url: str) -> AsyncIterator[Page]:
    """The demo's page, live; in the end its console must hold no error or warning."""
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    tab = await chromium.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    tab.set_default_timeout(20_000)
    tab.on("console", hear)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    await tab.goto(f"{url}/?still")  # without the tour that plays on an untouched page
    await tab.locator("#live.on").wait_for()
    yield tab
    await tab.close()
    assert complaints == []
