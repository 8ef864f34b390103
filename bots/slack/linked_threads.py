"""Reads the threads of our workspace that a question links to by permalinks.

A thread is read if both the person and the bot are members of its channel, and one of a private channel only
where nobody else reads the answer: the bot's own rights must show nobody what they may not see. Sources:
https://docs.slack.dev/reference/methods/conversations.members and
https://docs.slack.dev/reference/methods/chat.getPermalink
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.channel_history import SlackChannelHistory
from bots.slack.errors import translate_errors
from bots.slack.people import BotAccount
from core.domain.addresses import ThreadKey
from core.domain.errors import PlatformError
from core.ports.linked_threads import LinkedThread, LinkRefusal

log = structlog.get_logger(__name__)

MAX_LINKS: Final = 3  #: of one question
MAX_MESSAGES: Final = 200  #: of one thread
MEMBER_PAGES: Final = 5  #: of a channel's members
MEMBERS_PER_PAGE: Final = 1_000


class SlackLinkedThreads:
    """Implements :class:`core.ports.linked_threads.LinkedThreads`."""

    def __init__(self, client: AsyncWebClient, history: SlackChannelHistory, account: BotAccount) -> None:
        self._client, self._history, self._account = client, history, account

    async def read(
        self, text: str, key: ThreadKey, person_id: str, *, is_direct: bool
    ) -> Sequence[LinkedThread]:
        """Return the other threads that a text links to, as far as the person may read them."""
        found = []
        for url, channel, thread in self._links_in(text)[:MAX_LINKS]:
            if (channel, thread) != (key.channel, key.thread):
                linked = ThreadKey(platform=key.platform, tenant=key.tenant, channel=channel, thread=thread)
                found.append(await self._read(url, linked, person_id, key.channel, is_direct=is_direct))
        return found

    def _links_in(self, text: str) -> list[tuple[str, str, str]]:
        """Return our workspace's permalinks in a text as (address, channel, ts of the thread), each once."""
        home = self._account.identity.url.rstrip("/")
        if not home or home not in text:
            return []
        pattern = re.compile(
            re.escape(home) + r"/archives/([CGD][A-Z0-9]{2,30})/p(\d{10})(\d{6})"
            r"(?:\?(?:[\w=.&;-]{0,200}?)thread_ts=(\d{10}\.\d{6}))?"
        )
        links: dict[tuple[str, str], str] = {}
        for link in pattern.finditer(text):
            links.setdefault((link[1], link[4] or f"{link[2]}.{link[3]}"), link[0])
        return [(url, channel, thread) for (channel, thread), url in links.items()]

    async def _read(
        self, url: str, key: ThreadKey, person_id: str, asked_in: str, *, is_direct: bool
    ) -> LinkedThread:
        try:
            refusal = await self._refusal(key.channel, person_id, asked_in, is_direct=is_direct)
            if refusal is not None:
                return LinkedThread(url=url, refusal=refusal)
            excerpt = await self._history.load(key, since=None, before=datetime.now(UTC), limit=MAX_MESSAGES)
        except PlatformError as exc:
            log.info("slack.linked_thread_not_read", error=str(exc))
            return LinkedThread(url=url, refusal=LinkRefusal.FAILED)
        refusal = None if excerpt.messages else LinkRefusal.FAILED
        return LinkedThread(url=url, messages=excerpt.messages, refusal=refusal)

    async def _refusal(
        self, channel: str, person_id: str, asked_in: str, *, is_direct: bool
    ) -> LinkRefusal | None:
        """Return why a person may not read a channel through the bot here; None if they may.

        Raises:
            PlatformError: Slack refused, or cannot be reached.
        """
        with translate_errors("conversations.info", idempotent=True):
            described = (await self._client.conversations_info(channel=channel)).get("channel") or {}
        if described.get("is_im") or described.get("is_mpim") or not described.get("is_member"):
            return LinkRefusal.NOT_MEMBERS
        if not await self._is_member(channel, person_id):
            return LinkRefusal.NOT_MEMBERS
        if described.get("is_private") and not is_direct and channel != asked_in:
            return LinkRefusal.PRIVATE
        return None

    async def _is_member(self, channel: str, person_id: str) -> bool:
        cursor = ""
        for _ in range(MEMBER_PAGES):
            with translate_errors("conversations.members", idempotent=True):
                answer = await self._client.conversations_members(
                    channel=channel, limit=MEMBERS_PER_PAGE, cursor=cursor or None
                )
            if person_id in (answer.get("members") or ()):
                return True
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                break
        return False
