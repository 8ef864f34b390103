"""Shows at a question that an answer is being prepared, until its first text appears.

There are three ways. The first that Slack does not refuse is used, and a refusal that every later call
would meet as well is remembered:

1. The session of an app with the agent view, see :mod:`bots.slack.agent_sessions`.
2. The line "is thinking…" below the question: ``assistant.threads.setStatus`` needs the ts of a message and
   the scope ``chat:write``, and Slack clears the line after two minutes or when the app posts
   (https://docs.slack.dev/reference/methods/assistant.threads.setStatus). Slack removes the method in
   February 2027 (https://docs.slack.dev/changelog/2026/08/20/agent-updates).
3. A reaction to the question, which is removed when the answer appears; it needs ``reactions:write``
   (https://docs.slack.dev/reference/methods/reactions.add).
"""

from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.agent_sessions import AGENT_SESSION_METHOD, AgentSessions
from bots.slack.errors import PERMANENT_ERROR_CODES, error_code, translate_errors
from bots.slack.people import BotAccount
from core.concurrency.recent_set import RecentSet
from core.domain.addresses import Address
from core.domain.bot_messages import TypingStatus
from core.domain.errors import PlatformError, PlatformRateLimited
from core.text.language import language_of_tag, pick

log = structlog.get_logger()

ASSISTANT_STATUS_METHOD: Final = "assistant.threads.setStatus"
REACTION_METHOD: Final = "reactions.add"
REACTION_REMOVAL_METHOD: Final = "reactions.remove"
REACTION: Final = "eyes"  #: 👀, by its name in Slack

MAX_REACTIONS: Final = 1_000

_REACTION_GONE_CODES: Final = frozenset({"no_reaction", "message_not_found"})

_STATUS_TEXTS = {TypingStatus.THINKING: ("is thinking…", "正在思考…"), TypingStatus.IDLE: ("", "")}


class TypingIndicator:
    """Shows the best status that Slack offers to this app; stops calling once Slack offers none."""

    def __init__(self, client: AsyncWebClient, account: BotAccount) -> None:
        self._client = client
        self.sessions: Final = AgentSessions(client, account)
        self._refused: set[str] = set()  # methods that Slack refuses for good
        self._reactions: RecentSet[tuple[str, str]] = RecentSet(MAX_REACTIONS)

    @property
    def method(self) -> str:
        """The method that :meth:`show` calls first; "" if Slack offers none."""
        if self.sessions.available:
            return AGENT_SESSION_METHOD
        methods = (ASSISTANT_STATUS_METHOD, REACTION_METHOD)
        return next((method for method in methods if method not in self._refused), "")

    def is_available(self, address: Address) -> bool:
        """Return whether a status can be shown at ``address``."""
        return bool(self.method and address.details.get("status_ts"))

    def expires(self, address: Address) -> bool:
        """Return whether a status must be shown again from time to time."""
        return self.is_available(address) and self.method == ASSISTANT_STATUS_METHOD

    async def show(self, address: Address, status: TypingStatus) -> None:
        """Show ``status``; every error but a rate limit is ignored.

        Raises:
            core.domain.errors.PlatformRateLimited: nothing was shown.
        """
        if status is TypingStatus.IDLE:
            await self._clear(address)
        elif self.is_available(address) and not await self.sessions.start(address):
            if self.method == ASSISTANT_STATUS_METHOD:
                await self._set_status_text(address, status)
            if self.method == REACTION_METHOD:
                await self._react(address)

    async def mark_finished(self, address: Address, *, force: bool = False) -> None:
        """Clear what shows that a message grows; ``force`` if an earlier process may have shown it."""
        await self.sessions.mark_finished(address, force=force)
        if force and self.method == REACTION_METHOD:
            try:
                await self._remove_reaction(address)
            except PlatformRateLimited as exc:
                log.info("slack.reaction_left", error=str(exc))

    async def _clear(self, address: Address) -> None:
        """Remove what :meth:`show` has shown, unless the answer's message has done so."""
        if _reaction_key(address) in self._reactions:
            await self._remove_reaction(address)
        elif self.method == ASSISTANT_STATUS_METHOD and not address.key.thread:
            await self._set_status_text(address, TypingStatus.IDLE)

    async def _set_status_text(self, address: Address, status: TypingStatus) -> None:
        if not address.details.get("status_ts"):
            return
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
            self._note_refusal(ASSISTANT_STATUS_METHOD, exc)

    async def _react(self, address: Address) -> None:
        channel, ts = _reaction_key(address)
        self._reactions.add((channel, ts))  # before the call: its reply may be lost
        try:
            with translate_errors(REACTION_METHOD, idempotent=True):
                await self._client.reactions_add(channel=channel, timestamp=ts, name=REACTION)
        except PlatformRateLimited:
            self._reactions.discard((channel, ts))
            raise
        except PlatformError as exc:
            self._note_refusal(REACTION_METHOD, exc)
            if REACTION_METHOD in self._refused:
                self._reactions.discard((channel, ts))

    async def _remove_reaction(self, address: Address) -> None:
        channel, ts = _reaction_key(address)
        self._reactions.discard((channel, ts))
        try:
            with translate_errors(REACTION_REMOVAL_METHOD, idempotent=True):
                await self._client.reactions_remove(channel=channel, timestamp=ts, name=REACTION)
        except PlatformRateLimited:
            raise
        except PlatformError as exc:
            if error_code(exc) not in _REACTION_GONE_CODES:
                log.info("slack.reaction_left", error=error_code(exc))

    def _note_refusal(self, method: str, error: PlatformError) -> None:
        """Remember a refusal that every later call of ``method`` would meet as well."""
        if error_code(error) in PERMANENT_ERROR_CODES:
            self._refused.add(method)
            log.warning("slack.status_disabled", method=method, error=error_code(error))


def _reaction_key(address: Address) -> tuple[str, str]:
    """Return the channel and ts of the question; in addresses without it, of the thread's root."""
    details = address.details
    return address.key.channel, details.get("question_ts") or details.get("status_ts", "")
