"""Shows below a question that an answer is being prepared, until its first text appears.

Without the agent view this is the line "is thinking…": ``assistant.threads.setStatus`` needs the ts of
a message and the scope ``chat:write``, and Slack clears the line after two minutes or when the app posts
(https://docs.slack.dev/reference/methods/assistant.threads.setStatus).

An app with the agent view has a session for each thread, and Slack shows an indicator of its own with a
Stop button while the session is "processing" (https://docs.slack.dev/ai/agent-sessions). A stream
updates its session when it starts and ends; every other change is made here. After an hour, or if a call
fails, Slack ends the processing itself.
"""

from typing import Literal

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.recent_set import RecentSet
from bots.slack.errors import error_code, translate_errors
from bots.slack.message_api import UNSUPPORTED_CODES
from core.domain.addresses import Address
from core.domain.bot_messages import TypingStatus
from core.domain.errors import PlatformError, PlatformRateLimited
from core.text.language import language_of_tag, pick

log = structlog.get_logger()

ASSISTANT_STATUS_METHOD = "assistant.threads.setStatus"
AGENT_SESSION_METHOD = "agents.sessions.setStatus"

PERMANENT_ERROR_CODES = UNSUPPORTED_CODES | {"missing_scope", "not_allowed_token_type", "access_denied"}
"""Errors that every later call would return as well."""

MAX_RUNNING_SESSIONS = 1_000

_STATUS_TEXTS = {TypingStatus.THINKING: ("is thinking…", "正在思考…"), TypingStatus.IDLE: ("", "")}


class TypingIndicator:
    """Shows the status if Slack offers it to this app; stops calling once Slack does not."""

    def __init__(self, client: AsyncWebClient, *, agent_view: bool = False) -> None:
        self._client = client
        self._available = True
        self._agent_view = agent_view  # False once Slack has refused sessions
        self._running_sessions: RecentSet[tuple[str, str]] = RecentSet(MAX_RUNNING_SESSIONS)

    @property
    def method(self) -> str:
        """The method that :meth:`show` calls."""
        return AGENT_SESSION_METHOD if self._agent_view else ASSISTANT_STATUS_METHOD

    def is_available(self, address: Address) -> bool:
        """Return whether a status can be shown at ``address``."""
        return (self._available or self._agent_view) and bool(address.details.get("status_ts"))

    def expires(self, address: Address) -> bool:
        """Return whether a status must be shown again from time to time."""
        return self.is_available(address) and not self._agent_view

    async def show(self, address: Address, status: TypingStatus) -> None:
        """Show ``status``; every error but a rate limit is ignored.

        Raises:
            core.domain.errors.PlatformRateLimited: nothing was shown.
        """
        if not self.is_available(address):
            return
        if status is TypingStatus.IDLE and (self._agent_view or address.key.thread):
            return  # the last update ends a session, and a message in the thread has cleared the line
        if not await self._start_session(address) and self._available:
            await self._set_status_text(address, status)

    async def mark_running(self, address: Address) -> None:
        """Set the session of an answer without a stream to processing, until :meth:`mark_finished`."""
        if self._agent_view and _session_key(address) not in self._running_sessions:
            await self._try_set_session(address, "processing")

    async def mark_finished(self, address: Address, *, force: bool = False) -> None:
        """Set the session of a finished answer to active.

        ``force`` does so even if this process did not start it, because an earlier one may have.
        """
        if self._agent_view and (force or _session_key(address) in self._running_sessions):
            await self._try_set_session(address, "active")

    def mark_streaming(self, address: Address) -> None:
        """Record that a stream controls the session; the end of the stream sets it to active."""
        self._running_sessions.discard(_session_key(address))

    async def _start_session(self, address: Address) -> bool:
        """Set the session to processing; returns False if there are no sessions."""
        if self._agent_view:
            await self._set_session(address, "processing")
        return self._agent_view

    async def _try_set_session(self, address: Address, status: Literal["processing", "active"]) -> None:
        try:
            await self._set_session(address, status)
        except PlatformRateLimited as exc:
            log.info("slack.session_update_skipped", status=status, error=str(exc))

    async def _set_session(self, address: Address, status: Literal["processing", "active"]) -> None:
        if not address.details.get("status_ts"):
            return
        self._track_session(address, running=status == "processing")
        try:
            with translate_errors(AGENT_SESSION_METHOD, idempotent=True):
                await self._client.agents_sessions_setStatus(
                    channel_id=address.key.channel, thread_ts=address.details["status_ts"], status=status
                )
        except PlatformRateLimited:
            raise
        except PlatformError as exc:
            if error_code(exc) in PERMANENT_ERROR_CODES:
                self._agent_view = False
                log.warning("slack.sessions_disabled", error=error_code(exc))

    async def _set_status_text(self, address: Address, status: TypingStatus) -> None:
        english, chinese = _STATUS_TEXTS[status]
        language = language_of_tag(address.details.get("language", ""))
        try:
            with translate_errors(ASSISTANT_STATUS_METHOD, idempotent=True):
                await self._client.assistant_threads_setStatus(
                    channel_id=address.key.channel,
                    thread_ts=address.details["status_ts"],
                    status=pick(language, zh=chinese, en=english),
                )
        except PlatformRateLimited:
            raise
        except PlatformError as exc:
            if error_code(exc) in PERMANENT_ERROR_CODES:
                self._available = False
                log.warning("slack.status_disabled", error=error_code(exc))

    def _track_session(self, address: Address, *, running: bool) -> None:
        if running:
            self._running_sessions.add(_session_key(address))
        else:
            self._running_sessions.discard(_session_key(address))


def _session_key(address: Address) -> tuple[str, str]:
    return address.key.channel, address.details.get("status_ts", "")
