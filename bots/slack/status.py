"""The sign under a question that an answer is coming, as long as there are no words.

Without the agent view that is the line "is thinking…": ``assistant.threads.setStatus`` needs the
ts of a message, takes ``chat:write``, and Slack takes the line away by itself after two minutes or
when the app speaks (https://docs.slack.dev/reference/methods/assistant.threads.setStatus).

An app with the agent view has a session for each thread, and Slack shows its own sign, with a Stop
button, while the session is "processing" (https://docs.slack.dev/ai/agent-sessions). A stream moves
its session by itself when it begins and ends; everything else we do here. After an hour, or where
a call fails, Slack ends the processing itself.
"""

from typing import Literal

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import code_of, translated
from bots.slack.writing import UNSUPPORTED
from core.domain.errors import SurfaceError, SurfaceRateLimited
from core.domain.events import Address, Status

log = structlog.get_logger()

LINE = "assistant.threads.setStatus"
SESSION = "agents.sessions.setStatus"

NOT_FOR_US = UNSUPPORTED | {"missing_scope", "not_allowed_token_type", "access_denied"}
"""Refusals that no later call would change."""

RUNNING_KEPT = 1_000

_LINES = {Status.THINKING: ("is thinking…", "正在思考…"), Status.IDLE: ("", "")}


class StatusLine:
    """Shows the status where Slack offers it to this app, and stops asking where it does not."""

    def __init__(self, client: AsyncWebClient, *, agent: bool = False) -> None:
        self._client = client
        self._available = True
        self._agent = agent  #: False once Slack said that there are no sessions
        self._running: dict[tuple[str, str], None] = {}  #: sessions that we have set to processing

    @property
    def method(self) -> str:
        """The method that :meth:`show` calls."""
        return SESSION if self._agent else LINE

    def offered(self, address: Address) -> bool:
        """Tell whether a status can be shown at ``address``."""
        return (self._available or self._agent) and bool(address.details.get("status_ts"))

    def fades(self, address: Address) -> bool:
        """Tell whether a status must be shown again now and then."""
        return self.offered(address) and not self._agent

    async def show(self, address: Address, status: Status) -> None:
        """Show ``status``; every refusal but a rate limit is nothing.

        Raises:
            core.domain.errors.SurfaceRateLimited: the budget is spent.
        """
        if not self.offered(address):
            return
        if status is Status.IDLE and (self._agent or address.details.get("thread_ts")):
            return  # the last frame ends a session; words in the status's thread took a line away
        if not await self._began(address) and self._available:
            await self._set_line(address, status)

    async def goes_on(self, address: Address) -> None:
        """Note that an answer grows without a stream: its session is processing until :meth:`ended`."""
        if self._agent and _key(address) not in self._running:
            await self._quietly(address, "processing")

    async def ended(self, address: Address, *, surely: bool = False) -> None:
        """Note that an answer stands whole; ``surely`` where an earlier process may have begun it."""
        if self._agent and (surely or _key(address) in self._running):
            await self._quietly(address, "active")

    def streams(self, address: Address) -> None:
        """Note that a stream has taken the session over: its end will set it to active."""
        self._running.pop(_key(address), None)

    async def _began(self, address: Address) -> bool:
        """Let the session be processing; False where there are no sessions."""
        if self._agent:
            await self._set_session(address, "processing")
        return self._agent

    async def _quietly(self, address: Address, status: Literal["processing", "active"]) -> None:
        try:
            await self._set_session(address, status)
        except SurfaceRateLimited as exc:
            log.info("slack.session_left", status=status, error=str(exc))

    async def _set_session(self, address: Address, status: Literal["processing", "active"]) -> None:
        if not address.details.get("status_ts"):
            return
        self._note(address, running=status == "processing")
        try:
            with translated(SESSION, repeatable=True):
                await self._client.agents_sessions_setStatus(
                    channel_id=address.key.channel, thread_ts=address.details["status_ts"], status=status
                )
        except SurfaceRateLimited:
            raise
        except SurfaceError as exc:
            if code_of(exc) in NOT_FOR_US:
                self._agent = False
                log.warning("slack.sessions_off", error=code_of(exc))

    async def _set_line(self, address: Address, status: Status) -> None:
        english, chinese = _LINES[status]
        zh = address.details.get("language", "").lower().startswith("zh")
        try:
            with translated(LINE, repeatable=True):
                await self._client.assistant_threads_setStatus(
                    channel_id=address.key.channel,
                    thread_ts=address.details["status_ts"],
                    status=chinese if zh else english,
                )
        except SurfaceRateLimited:
            raise
        except SurfaceError as exc:
            if code_of(exc) in NOT_FOR_US:
                self._available = False
                log.warning("slack.status_off", error=code_of(exc))

    def _note(self, address: Address, *, running: bool) -> None:
        self._running.pop(_key(address), None)
        if running:
            self._running[_key(address)] = None
            if len(self._running) > RUNNING_KEPT:
                del self._running[next(iter(self._running))]


def _key(address: Address) -> tuple[str, str]:
    return address.key.channel, address.details.get("status_ts", "")
