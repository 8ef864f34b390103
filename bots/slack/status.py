"""The line "is thinking…" under a question, as long as there are no words.

``assistant.threads.setStatus`` needs the ts of a message, takes ``chat:write``, and Slack takes
the line away by itself after two minutes or when the app speaks
(https://docs.slack.dev/reference/methods/assistant.threads.setStatus).
"""

from typing import ClassVar

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import code_of, translated
from bots.slack.writing import UNSUPPORTED
from core.errors import SurfaceError, SurfaceRateLimited
from core.model import Address, Status

log = structlog.get_logger()

NOT_FOR_US = UNSUPPORTED | {"missing_scope", "not_allowed_token_type", "access_denied"}
"""Refusals that no later call would change."""

_LINES = {Status.THINKING: ("is thinking…", "正在思考…"), Status.IDLE: ("", "")}


class StatusLine:
    """Shows the status where Slack offers it to this app, and stops asking where it does not."""

    METHOD: ClassVar[str] = "assistant.threads.setStatus"

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._available = True

    def offered(self, address: Address) -> bool:
        """Tell whether a status can be shown at ``address``."""
        return self._available and bool(address.details.get("status_ts"))

    async def show(self, address: Address, status: Status) -> None:
        """Show ``status``; every refusal but a rate limit is nothing.

        Raises:
            core.errors.SurfaceRateLimited: the budget is spent.
        """
        if not self.offered(address):
            return
        if status is Status.IDLE and address.details.get("thread_ts"):
            return  # the words stand in the status's thread: they took it away
        english, chinese = _LINES[status]
        zh = address.details.get("language", "").lower().startswith("zh")
        try:
            with translated(self.METHOD, repeatable=True):
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
