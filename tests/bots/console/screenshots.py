"""Takes the pictures of ``bots/console/README.md``: ``python -m tests.bots.console.screenshots``.

Every page with the week of :mod:`tests.bots.console.example_week`, as an admin sees it.
"""

import asyncio
import tempfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.async_api import ViewportSize

from bots.console.app import build_console
from bots.observability.readiness import ComponentStatus
from bots.web_server import WebServer
from core.access import Quotas
from core.llm.account_limits import AccountLimits
from core.llm.rate_limiter import LimiterLoad
from core.store import Database, console_access, migrate
from tests import browser
from tests.bots.console import example_week
from tests.bots.console.conftest import build_site

FOLDER: Final = Path("bots/console/screenshots")
SIZE: Final = ViewportSize(width=1280, height=860)
PHONE: Final = ViewportSize(width=390, height=860)
COLOURS: Final = 64  #: enough for flat pages; keeps a picture below 100 kB
PAGES: Final = {
    "now": "/",
    "conversations": "/conversations",
    "conversation": "/conversations/32",
    "desk": "/desk",
    "knowledge": "/knowledge?q=the+link+is+no+longer+valid",
    "gaps": "/knowledge",
    "usage": "/usage",
    "chats": "/chats",
    "rules": "/chats/edit?platform=telegram&tenant=&chat=-1001",
    "personas": "/personas",
    "settings": "/settings",
    "audit": "/audit",
}
PERSONA: Final = "You are the support of Lanternboard.\n\n- Short, friendly, exact."
LOAD: Final = LimiterLoad(
    waiting=0, running=1, paused=False, exhausted="", limits=AccountLimits(concurrency=50, rpm=500)
)


async def components() -> list[ComponentStatus]:
    """Return the state of a replica that is well."""
    return [ComponentStatus(name=name, ready=True, state="ok") for name in ("database", "slack", "telegram")]


async def take() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/week.db"
        await migrate.upgrade(url)
        database = Database(url)
        await example_week.fill(database)
        site = replace(
            build_site(database, Path(folder)),
            components=components,
            providers=lambda: {"kimi": (True, LOAD)},
            quotas=Quotas(tenant_tokens=50_000, chat_tokens=2_000, person_messages=20),
        )
        await site.personas.save(
            "support", "You are the support of Lanternboard.\n\n- Short, friendly, exact."
        )
        async with database.begin() as tx:
            token = await console_access.create_link(tx, "slack:UADMIN")
        server = WebServer(build_console(site))
        await server.start()
        async with browser.started() as chromium:
            page = await chromium.new_page(viewport=SIZE, locale="en-GB")
            await page.goto(f"{server.url}/sign-in/{token}")
            await page.get_by_role("button", name="Sign in").click()
            for name, path in PAGES.items():
                await page.goto(f"{server.url}{path}")
                if name == "gaps":
                    await page.locator("details", has_text="Haiku OS").first.evaluate(
                        "one => { one.open = true; }"
                    )
                    await page.get_by_role("heading", name="Evaluations").evaluate(
                        "one => one.scrollIntoView()"
                    )
                _save(await page.screenshot(), name)
            signed_in = await page.context.storage_state()
            chinese = await chromium.new_context(viewport=SIZE, locale="zh-CN", storage_state=signed_in)
            page = await chinese.new_page()
            await page.goto(f"{server.url}/desk")
            _save(await page.screenshot(), "chinese")
            await page.set_viewport_size(PHONE)
            await page.emulate_media(color_scheme="dark")
            await page.goto(f"{server.url}/conversations")
            _save(await page.screenshot(), "phone-dark")
        await server.close()
        await database.close()


def _save(picture: bytes, name: str) -> None:
    flat = Image.open(BytesIO(picture)).convert("RGB").quantize(COLOURS)
    flat.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    asyncio.run(take())
