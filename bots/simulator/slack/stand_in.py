"""The stand-in as one object: serve it, act as its people, look at its screen."""

from dataclasses import replace
from types import TracebackType

from bots.simulator.screen import Screen
from bots.simulator.slack.app import Account, SeenCall, SlackApp
from bots.simulator.slack.delivery import Delivered, Dispatcher
from bots.simulator.slack.faults import Faults
from bots.simulator.slack.http_events import HttpEvents
from bots.simulator.slack.limits import Limits, Meter
from bots.simulator.slack.menus import Menus
from bots.simulator.slack.records import Json
from bots.simulator.slack.response_urls import ResponseUrls
from bots.simulator.slack.socket_mode import SocketMode
from bots.simulator.slack.workspace import Ping, Workspace
from bots.web_server import WebServer
from core.domain.clock import Clock, SystemClock


class SlackSimulator(Menus):
    """A strict local Slack with one workspace, one bot and Socket Mode.

    Use it as an asynchronous context manager; its address exists inside. People are added and
    moved by the methods of :class:`~bots.simulator.slack.people.People`.
    """

    def __init__(self, *, clock: Clock | None = None, limits: Limits | None = None, team: str = "T1") -> None:
        self.clock: Clock = clock or SystemClock()
        self.workspace = Workspace(self.clock, limits or Limits(), team=team)
        self.faults = Faults()
        self.account = Account()
        self.sockets = SocketMode(self.workspace)
        self.replies = ResponseUrls(self.workspace)
        self.dispatcher = Dispatcher(self.workspace, self.sockets)
        self.workspace.emit = self.dispatcher.event
        self._app = SlackApp(
            workspace=self.workspace,
            account=self.account,
            meter=Meter(self.workspace.limits),
            faults=self.faults,
            sockets=self.sockets,
            replies=self.replies,
        )
        self._server: WebServer | None = None
        self._http: HttpEvents | None = None
        self.base_url = ""

    async def __aenter__(self) -> "SlackSimulator":
        self._server = WebServer(self._app.asgi())
        await self._server.start()
        self.base_url = self._app.base_url = self.workspace.base_url = self._server.url
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.workspace.close()
        await self.sockets.close()
        if self._http is not None:
            await self._http.close()
        if self._server is not None:
            await self._server.close()

    # who is who

    @property
    def api_url(self) -> str:
        """The address for SLACK_API_URL, with its trailing slash."""
        return f"{self.base_url}/api/"

    @property
    def team(self) -> str:
        """The team's id."""
        return self.workspace.team

    @property
    def bot_user(self) -> str:
        """The bot's user id."""
        return self.workspace.bot.id

    @property
    def bot_token(self) -> str:
        """The token for SLACK_BOT_TOKEN."""
        return self.account.bot_token

    @property
    def app_token(self) -> str:
        """The token for SLACK_APP_TOKEN."""
        return self.account.app_token

    @property
    def signing_secret(self) -> str:
        """The secret for SLACK_SIGNING_SECRET."""
        return self.account.signing_secret

    # what happened

    @property
    def screen(self) -> Screen:
        """What people see."""
        return self.workspace.screen

    @property
    def calls(self) -> list[SeenCall]:
        """Every Web API call so far."""
        return self._app.calls

    @property
    def refused(self) -> list[SeenCall]:
        """The calls that got a 429."""
        return self._app.refused

    @property
    def pings(self) -> list[Ping]:
        """What messages of the bot held that would notify people."""
        return self.workspace.pings

    @property
    def deliveries(self) -> list[Delivered]:
        """Every finished attempt to bring a payload to the app."""
        return self.dispatcher.deliveries

    @property
    def lost(self) -> list[Json]:
        """Events that no attempt could deliver."""
        return self.dispatcher.lost

    # switches

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes of the bot token."""
        return self.account.scopes

    @scopes.setter
    def scopes(self, scopes: frozenset[str]) -> None:
        self.account.scopes = frozenset(scopes)

    @property
    def subscriptions(self) -> frozenset[str]:
        """The bot events of the app's manifest."""
        return self.dispatcher.subscriptions

    @subscriptions.setter
    def subscriptions(self, names: frozenset[str]) -> None:
        self.dispatcher.subscriptions = frozenset(names)

    @property
    def latency_s(self) -> float:
        """Seconds of the clock that every call takes."""
        return self._app.latency_s

    @latency_s.setter
    def latency_s(self, seconds: float) -> None:
        self._app.latency_s = seconds

    @property
    def streaming_available(self) -> bool:
        """Whether the stream methods exist; where not they are unknown_method."""
        return self.workspace.streaming_available

    @streaming_available.setter
    def streaming_available(self, available: bool) -> None:
        self.workspace.streaming_available = available

    @property
    def assistant_threads_available(self) -> bool:
        """Whether assistant.threads.* exist; Slack removes them in February 2027 (method_deprecated)."""
        return self.workspace.assistant_threads_available

    @assistant_threads_available.setter
    def assistant_threads_available(self, available: bool) -> None:
        self.workspace.assistant_threads_available = available

    @property
    def edit_window_closed(self) -> bool:
        """Whether the team's settings forbid chat.update by now."""
        return self.workspace.edit_window_closed

    @edit_window_closed.setter
    def edit_window_closed(self, closed: bool) -> None:
        self.workspace.edit_window_closed = closed

    def restrict_reads(self) -> None:
        """Make the app a commercial one outside of the Marketplace: one read a minute, of 15 messages."""
        self.workspace.limits = self._app.meter.limits = replace(self.workspace.limits, restricted_reads=True)

    def flood(self, method: str, seconds: float) -> None:
        """Refuse ``method`` with 429 for so many seconds of the clock."""
        self._app.meter.flood(method, self.clock.time() + seconds)

    # the way to the app

    async def deliver_to(self, url: str) -> None:
        """Switch to HTTP mode: verify ``url``, then send everything there.

        Raises:
            ValueError: the app did not pass the url_verification challenge.
        """
        http = HttpEvents(self.workspace, url=url, signing_secret=self.signing_secret)
        try:
            await http.verify()
        except ValueError:
            await http.close()
            raise
        self._http, old = http, self._http
        self.dispatcher.route = http
        if old is not None:
            await old.close()

    async def connected(self, count: int = 1, *, fresh: bool = False) -> None:
        """Wait until ``count`` Socket Mode connections are open; with ``fresh``, that need no refresh."""
        await self.sockets.connected(count, fresh=fresh)

    async def settled(self) -> None:
        """Wait until every event so far is acknowledged or given up."""
        await self.dispatcher.settled()

    async def refresh_sockets(self) -> None:
        """Ask the app to replace its connections, as Slack does every hour or so."""
        await self.sockets.refresh()

    def freeze_sockets(self, *, frozen: bool = True) -> None:
        """Keep every Socket Mode connection open and answer nothing on it, not even a ping; or go on."""
        self.sockets.freeze(frozen=frozen)

    async def drop_sockets(self) -> None:
        """Break all connections without a word, as a failing network does."""
        await self.sockets.drop()
