"""A console over a real store, and a browser that is signed in to it."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bots.console.app import build_console
from bots.console.site import ConsoleSite
from bots.observability.readiness import ComponentStatus
from core.access import Quotas
from core.commands import PersonForgetter
from core.domain.clock import FakeClock
from core.files.file_worker import FileWorker
from core.handoff.handoff_service import HandoffService
from core.handoff.operator_actions import OperatorActions
from core.handoff.policy import HandoffPolicies, HandoffPolicy
from core.inbound.console_rights import ConsolePeople, ConsoleRightsReader
from core.inbound.staff import StaffDirectory
from core.knowledge.file_text import FileTextReader
from core.knowledge.finder import PassageFinder
from core.llm.account_limits import AccountLimits
from core.llm.rate_limiter import LimiterLoad
from core.prompting.personas import Personas
from core.settings import Settings
from core.settings.origins import effective_settings
from core.settings.pending import PendingSettings
from core.store import Database, console_access
from core.testing.inline_workers import InlineWorkers
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.embedded import EmbeddedWorkQueue

SECRET = "sk-very-secret"
LOAD = LimiterLoad(
    waiting=3, running=2, paused=True, exhausted="", limits=AccountLimits(concurrency=15, rpm=100)
)
PEOPLE = ConsolePeople(
    admins=frozenset({"slack:UADMIN"}),
    desk_people=frozenset({"slack:UDESK"}),
    viewers=frozenset({"telegram:7"}),
    desk="slack:C0123",
)


@dataclass
class Browser:
    """A visitor of the console."""

    site: ConsoleSite
    http: httpx.AsyncClient

    async def get(self, path: str, **query: str) -> httpx.Response:
        """Return a page, without following redirects."""
        return await self.http.get(f"{self.site.base_path}{path}", params=query or None)

    async def post(self, path: str, **form: str) -> httpx.Response:
        """Send a form."""
        return await self.http.post(f"{self.site.base_path}{path}", data=form)

    async def sign_in(self, person: str = "shell:ann") -> httpx.Response:
        """Use a new link."""
        return await self.post(f"/sign-in/{await self.link(person)}")

    async def link(self, person: str = "shell:ann") -> str:
        """Return the token of a new link."""
        async with self.site.database.begin() as tx:
            return await console_access.create_link(tx, person)

    async def csrf_token(self) -> str:
        """Return the token that the page's form carries."""
        found = re.search(r'name="csrf" value="([^"]+)"', (await self.get("/settings")).text)
        assert found is not None
        return found[1]

    async def session_token(self) -> str:
        """Return the token that a form of this session must carry, as the database holds it."""
        async with self.site.database.read() as tx:
            token = self.http.cookies["moonthread_console"].partition(".")[0]
            session = await console_access.load_session(tx, token)
        assert session is not None
        return session.csrf_token

    async def audit(self) -> list[tuple[str, str, str]]:
        """Return the audit log, oldest entry first."""
        async with self.site.database.read() as tx:
            entries = await console_access.list_audit(tx, limit=100)
        return [(one.person, one.action, one.target) for one in reversed(entries)]


def browser_of(site: ConsoleSite, **headers: str) -> Browser:
    """Return a browser that is not signed in."""
    transport = httpx.ASGITransport(build_console(site))
    scheme = "https" if site.secure else "http"
    client = httpx.AsyncClient(transport=transport, base_url=f"{scheme}://console", headers=headers)
    return Browser(site, client)


async def components() -> list[ComponentStatus]:
    """Return the state of a replica whose Slack is away."""
    return [
        ComponentStatus(name="database", ready=True, state="ok"),
        ComponentStatus(name="slack", ready=False, state="unreachable"),
    ]


def build_site(database: Database, folder: Path) -> ConsoleSite:
    """Return the console of a deployment with a secret, which keeps its files in ``folder``."""
    work_queue = EmbeddedWorkQueue(database, ActiveAnswers(), FakeClock(), exclusive=False)
    settings = Settings(kimi_api_key=SECRET, desk="slack:C0123")
    return ConsoleSite(
        finder=PassageFinder(database),
        personas=Personas(folder / "personas"),
        pending=PendingSettings({"KIMI_API_KEY": SECRET}, folder / ".env"),
        database=database,
        components=components,
        actions=OperatorActions(database, work_queue, HandoffService(HandoffPolicies(HandoffPolicy()))),
        forgetter=PersonForgetter(database, FakeClock(), cancel=work_queue.cancel),
        text_reader=FileTextReader(None, FileWorker(InlineWorkers())),
        file_worker=FileWorker(InlineWorkers()),
        upload_dir=folder / "made by the first upload",
        providers=lambda: {"kimi": (False, LOAD)},
        mcp_servers=lambda: {"shop": True, "files": False},
        quotas=Quotas(tenant_tokens=1_000, chat_tokens=50),
        load_rights=ConsoleRightsReader(database, PEOPLE, StaffDirectory(database, FakeClock())).load,
        settings=lambda: effective_settings(settings, {"KIMI_API_KEY": SECRET}, None),
    )


@pytest.fixture
async def site(migrated_sqlite_url: str, inline_sqlite: None, tmp_path: Path) -> AsyncIterator[ConsoleSite]:
    """The console of an empty deployment; its queries are tested on both databases in core.store."""
    database = Database(migrated_sqlite_url)
    yield build_site(database, tmp_path)
    await database.close()


@pytest.fixture
async def visitor(site: ConsoleSite) -> AsyncIterator[Browser]:
    """A browser without a session."""
    browser = browser_of(site)
    yield browser
    await browser.http.aclose()


@pytest.fixture
async def browser(visitor: Browser) -> Any:
    """A browser that is signed in."""
    assert (await visitor.sign_in()).status_code == 303
    return visitor
