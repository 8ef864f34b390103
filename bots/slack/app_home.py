"""The app's home tab: what the bot can do, usage and model, written anew whenever a person opens it.

Source: https://docs.slack.dev/reference/methods/views.publish; a home tab has at most 100 blocks, and a
section 3,000 characters.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from bots.slack.payload import to_mrkdwn
from core.concurrency.task_set import TaskSet
from core.domain.addresses import ThreadKey
from core.domain.errors import PlatformError, StoreUnavailable
from core.ports.home_page import HomePage, HomeSection

log = structlog.get_logger(__name__)

MAX_TITLE_CHARS: Final = 150
MAX_SECTION_CHARS: Final = 3_000


class AppHome:
    """Publishes home tabs in the background: nobody's event waits for them."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client
        self._running = TaskSet()
        self.page: HomePage | None = None  #: writes them; None publishes none

    def open(self, person_id: str, tenant: str, language: str) -> None:
        """Publish a person's home tab, which they have opened."""
        if self.page is not None:
            key = ThreadKey(platform="slack", tenant=tenant, channel="", thread="")
            self._running.spawn(self._publish(self.page, key, person_id, language), name="slack-home")

    async def close(self) -> None:
        """Cancel running publications."""
        await self._running.close()

    async def _publish(self, page: HomePage, key: ThreadKey, person_id: str, language: str) -> None:
        try:
            sections = await page(key, person_id, language=language)
            if not sections:
                return
            with translate_errors("views.publish", idempotent=True):
                await self._client.views_publish(user_id=person_id, view=build_view(sections))
        except (PlatformError, StoreUnavailable) as exc:
            log.info("slack.home_not_published", error=str(exc))


def is_home_opened(body: Mapping[str, Any]) -> bool:
    """Return whether a delivery says that somebody opened the home tab."""
    match body:
        case {"event": {"type": "app_home_opened", "tab": "home"}}:
            return True
        case _:
            return False


def build_view(sections: Sequence[HomeSection]) -> dict[str, Any]:
    """Return a home tab with a header and a text for each section."""
    blocks: list[dict[str, Any]] = []
    for one in sections:
        title = {"type": "plain_text", "text": one.title[:MAX_TITLE_CHARS]}
        words = {"type": "mrkdwn", "text": to_mrkdwn(one.text)[:MAX_SECTION_CHARS]}
        blocks += [{"type": "header", "text": title}, {"type": "section", "text": words}]
    return {"type": "home", "blocks": blocks}
