"""Agent sessions: Slack's own indicator with a Stop button, for apps that have the agent view.

Each thread is a session (https://docs.slack.dev/ai/agent-sessions). Slack shows the indicator while the
session is "processing". A stream updates its session when it starts and ends; every other change is made
here. After an hour, or if a call fails, Slack ends the processing itself.
"""

from typing import Final, Literal

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import PERMANENT_ERROR_CODES, error_code, translate_errors
from bots.slack.people import BotAccount
from core.concurrency.recent_set import RecentSet
from core.domain.addresses import Address
from core.domain.errors import PlatformError, PlatformRateLimited

log = structlog.get_logger()

AGENT_SESSION_METHOD: Final = "agents.sessions.setStatus"
MAX_RUNNING_SESSIONS: Final = 1_000


class AgentSessions:
    """Sets the status of sessions; stops calling once Slack has refused them for good."""

    def __init__(self, client: AsyncWebClient, account: BotAccount) -> None:
        self._client, self._account = client, account
        self._refused = False
        self._running: RecentSet[tuple[str, str]] = RecentSet(MAX_RUNNING_SESSIONS)

    @property
    def available(self) -> bool:
        """Whether the app has the agent view, as far as known."""
        return self._account.identity.agent_view and not self._refused

    async def start(self, address: Address) -> bool:
        """Set the session to processing; returns False if there are no sessions.

        Raises:
            core.domain.errors.PlatformRateLimited: nothing was shown.
        """
        if self.available:
            await self._set_status(address, "processing")
        return self.available

    async def mark_running(self, address: Address) -> None:
        """Set the session of an answer without a stream to processing, until :meth:`mark_finished`."""
        if self.available and _key(address) not in self._running:
            await self._try_set_status(address, "processing")

    async def mark_finished(self, address: Address, *, force: bool = False) -> None:
        """Set the session of a finished answer to active.

        ``force`` does so even if this process did not start it, because an earlier one may have.
        """
        if self.available and (force or _key(address) in self._running):
            await self._try_set_status(address, "active")

    def mark_streaming(self, address: Address) -> None:
        """Record that a stream controls the session; the end of the stream sets it to active."""
        self._running.discard(_key(address))

    async def _try_set_status(self, address: Address, status: Literal["processing", "active"]) -> None:
        try:
            await self._set_status(address, status)
        except PlatformRateLimited as exc:
            log.info("slack.session_update_skipped", status=status, error=str(exc))

    async def _set_status(self, address: Address, status: Literal["processing", "active"]) -> None:
        if not address.details.get("status_ts"):
            return
        if status == "processing":
            self._running.add(_key(address))
        else:
            self._running.discard(_key(address))
        try:
            with translate_errors(AGENT_SESSION_METHOD, idempotent=True):
                await self._client.agents_sessions_setStatus(
                    channel_id=address.key.channel, thread_ts=address.details["status_ts"], status=status
                )
        except PlatformRateLimited:
            raise
        except PlatformError as exc:
            if error_code(exc) in PERMANENT_ERROR_CODES:
                self._refused = True
                log.warning("slack.sessions_disabled", error=error_code(exc))


def _key(address: Address) -> tuple[str, str]:
    return address.key.channel, address.details.get("status_ts", "")
