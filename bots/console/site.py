"""Parts that every page of the console uses: data sources, the signed-in request, rendering."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bots.console.charts import bar_chart, sparkline
from bots.console.rule_texts import rule_text
from bots.console.setting_texts import describe
from bots.console.texts import translate
from bots.console.value_texts import words_for
from bots.observability.readiness import ComponentStatus
from core.access import Quotas
from core.commands import PersonForgetter
from core.files.file_worker import FileWorker
from core.handoff.operator_actions import ActionResult, Operator, OperatorActions
from core.inbound.console_rights import ConsoleRights, ConsoleRole
from core.knowledge.file_text import FileTextReader
from core.knowledge.finder import PassageFinder
from core.llm.rate_limiter import LimiterLoad
from core.prompting.personas import Personas
from core.settings.origins import EffectiveSetting
from core.settings.pending import PendingSettings
from core.store import Database, console_access
from core.store.clock import utc_now
from core.store.console_access import ConsoleSession
from core.text.language import Language, language_of_tag

_EVERYBODY: Final = frozenset(ConsoleRole)
_READERS: Final = frozenset({ConsoleRole.ADMIN, ConsoleRole.VIEWER})
_ADMINS: Final = frozenset({ConsoleRole.ADMIN})

RESULTS: Final = frozenset({*ActionResult, "saved", "forgotten", "still_answering", "unconfirmed"})
"""What the page after a change may say."""

NAVIGATION: Final[Mapping[str, frozenset[ConsoleRole]]] = MappingProxyType(
    {
        "now": _EVERYBODY,
        "conversations": _EVERYBODY,
        "desk": _EVERYBODY,
        "knowledge": _EVERYBODY,
        "usage": _READERS,
        "chats": _READERS,
        "personas": _READERS,
        "settings": _ADMINS,
        "audit": _ADMINS,
    }
)
"""The roles that see each area of the console, in the order of the navigation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSite:
    """Data sources and address of one console."""

    database: Database
    components: Callable[[], Awaitable[Sequence[ComponentStatus]]]  #: of this replica
    settings: Callable[[], Sequence[EffectiveSetting]]
    actions: OperatorActions
    forgetter: PersonForgetter
    text_reader: FileTextReader
    file_worker: FileWorker  #: parses files in a process with limits
    providers: Callable[[], Mapping[str, tuple[bool, LimiterLoad]]]  #: of this replica, by name
    mcp_servers: Callable[[], Mapping[str, bool]]  #: whether each can be called by this replica, by name
    quotas: Quotas
    load_rights: Callable[[str], Awaitable[ConsoleRights | None]]  #: of a person, "platform:id"
    finder: PassageFinder
    personas: Personas  #: of this replica
    pending: PendingSettings
    upload_dir: Path | None = None  #: where uploads are kept while they are read; None: the system's
    base_path: str = ""  #: the proxy's path before the console's own, such as "/console"
    secure: bool = False  #: browsers reach it by https only


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request of somebody who is signed in."""

    site: ConsoleSite
    request: Request
    session: ConsoleSession
    rights: ConsoleRights
    form: Mapping[str, str] = field(default_factory=dict)  #: of a change; its CSRF token was checked

    @property
    def language(self) -> Language:
        """The browser's first language, Chinese or English."""
        return browser_language(self.request)

    @property
    def operator(self) -> Operator:
        """The person as somebody who acts in conversations."""
        return Operator(person=self.session.person, scope=self.rights.changeable)

    @property
    def is_admin(self) -> bool:
        """Whether the person may change what concerns the whole deployment."""
        return self.rights.role is ConsoleRole.ADMIN

    def require_admin(self) -> None:
        """Refuse the request of anybody else.

        Raises:
            HTTPException: the person is no admin (403).
        """
        if not self.is_admin:
            raise HTTPException(403)

    @property
    def path_number(self) -> int:
        """The number in the path.

        Raises:
            HTTPException: it is none (404).
        """
        number = parse_number(self.request.path_params["number"])
        if number is None:
            raise HTTPException(404)
        return number

    def argument(self, name: str) -> str:
        """Return a query argument without surrounding blanks and NUL; "" if it is missing."""
        return self.request.query_params.get(name, "").replace("\0", "").strip()

    def number(self, name: str) -> int | None:
        """Return a query argument that is a whole number; None if it is missing or no number."""
        return parse_number(self.argument(name))

    def day(self, name: str) -> datetime | None:
        """Return the begin of a day (UTC) given as YYYY-MM-DD; None if it is missing or no day."""
        try:
            return datetime.strptime(self.argument(name), "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            return None

    def field(self, name: str) -> str:
        """Return a text field of the form without surrounding blanks and NUL, which no database stores."""
        return self.form.get(name, "").replace("\0", "").strip()

    def redirect(self, path: str) -> Response:
        """Return a redirect to a page, after a change."""
        return RedirectResponse(f"{self.site.base_path}{path}", status_code=303)

    async def audit(self, action: str, target: str) -> None:
        """Record in the audit log that the person read something."""
        async with self.site.database.begin() as tx:
            await console_access.record(tx, self.session.person, action, target)

    def render(self, template: str, **values: Any) -> Response:
        """Return a page; ``status_code`` is 200 unless it is given."""
        return render(
            self.site,
            self.language,
            template,
            session=self.session,
            role=self.rights.role,
            path=self.request.url.path,
            result=self.argument("result") if self.argument("result") in RESULTS else "",
            **values,
        )


Page: TypeAlias = Callable[[Visit], Awaitable[Response]]


def parse_number(text: str) -> int | None:
    """Return a whole number that a database can hold; None if the text is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def render(
    site: ConsoleSite, language: Language, template: str, *, status_code: int = 200, **values: Any
) -> Response:
    """Return a template as HTML."""
    html = _TEMPLATES.get_template(template).render(
        base=site.base_path,
        language=language,
        t=lambda key: translate(key, language),
        words=lambda value, kind: words_for(value, kind, language),
        describe=lambda kind, name, english: describe(kind, name, english, language),
        rule=lambda name: rule_text(name, language),
        navigation=NAVIGATION,
        **values,
    )
    return HTMLResponse(html, status_code=status_code)


def browser_language(request: Request) -> Language:
    """Return the first language of a browser, Chinese or English."""
    return language_of_tag(request.headers.get("accept-language", "en"))


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} d"


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("bots.console"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["moment"] = lambda moment: f"{moment:%Y-%m-%d %H:%M}" if moment else "–"
    environment.filters["day"] = lambda moment: f"{moment:%m-%d}"
    environment.filters["age"] = lambda moment: _duration((utc_now() - moment).total_seconds())
    environment.filters["duration"] = _duration
    environment.filters["zip"] = zip
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["minutes"] = lambda seconds: f"{seconds / 60:.1f}" if seconds else ""
    environment.filters["usd"] = lambda value: "–" if value is None else f"{value:.4f}"
    environment.globals["duration"] = _duration
    environment.globals["sparkline"] = sparkline
    environment.globals["bar_chart"] = bar_chart
    return environment


_TEMPLATES: Final = _environment()
