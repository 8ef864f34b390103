"""Reads the messages of a channel and its threads, for digests.

``conversations.history`` returns what stands in the channel itself, the newest first. A commercial app
outside of Slack's Marketplace gets one page of 15 messages a minute, whatever it asks for
(https://docs.slack.dev/apis/web-api/rate-limits): such a page tells that the app is one of those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.addressing import parse_ts
from bots.slack.errors import translate_errors
from bots.slack.thread_history import PAGE_SIZE, SlackMessage, ThreadHistory, is_readable
from core.domain.addresses import ThreadKey
from core.domain.errors import PlatformError, PlatformRateLimited
from core.ports.channel_history import ChannelExcerpt, ChannelMessage, ReadLimit
from core.text.message_text import render_content

log = structlog.get_logger(__name__)

RESTRICTED_PAGE: Final = 15  #: messages of a page that Slack grants some apps
MAX_PAGES: Final = 8  #: calls for one channel
MAX_THREADS: Final = 20  #: threads whose replies are read for one digest
OLDER_THREADS: Final = timedelta(days=7)  #: before the period, in which threads that go on in it have begun


@dataclass(slots=True)
class _Read:
    """What was read of a channel so far, newest first."""

    messages: list[SlackMessage] = field(default_factory=list)
    limit: ReadLimit | None = None
    has_more: bool = False


class SlackChannelHistory:
    """Channels of one workspace. Implements :class:`core.ports.channel_history.ChannelHistory`."""

    def __init__(self, client: AsyncWebClient, threads: ThreadHistory) -> None:
        """``threads`` reads threads, names and files."""
        self._client = client
        self._threads = threads
        self._is_restricted = False  # True once Slack has returned such a page

    async def load(
        self, key: ThreadKey, *, since: datetime | None, before: datetime, limit: int
    ) -> ChannelExcerpt:
        """Return up to ``limit`` messages from ``since`` to ``before``; our own only in a thread.

        Raises:
            core.domain.errors.PlatformError: the channel cannot be read.
        """
        oldest = "" if since is None else f"{since.timestamp():.6f}"
        latest = f"{before.timestamp():.6f}"
        if key.thread:
            found = await self._threads.fetch_thread(key.channel, key.thread, oldest=oldest, latest=latest)
            read, unread = _Read(messages=list(reversed(found))), 0
        else:
            read = await self._read_top_level(key.channel, oldest, latest, limit)
            unread = await self._add_replies(key.channel, read, oldest, latest)
        in_period = [one for one in read.messages if (oldest or "0") <= one["ts"] < latest]
        is_shown = is_readable if key.thread else self._is_shown
        shown = sorted(filter(is_shown, in_period), key=lambda one: str(one["ts"]))
        return ChannelExcerpt(
            messages=await self._complete(shown[-limit:]),
            limit=read.limit,
            is_cut=read.has_more or len(shown) > limit,
            unread_threads=unread,
        )

    def _is_shown(self, message: SlackMessage) -> bool:
        return is_readable(message) and not self._threads.is_own(message)

    async def _read_top_level(self, channel: str, oldest: str, latest: str, limit: int) -> _Read:
        """Read pages until there are enough messages, or Slack grants no more."""
        read, cursor = _Read(), ""
        for _ in range(MAX_PAGES):
            try:
                page, cursor = await self._fetch_page(channel, oldest, latest, cursor)
            except PlatformRateLimited:
                if not read.messages:
                    raise
                read.limit = ReadLimit.APP if self._is_restricted else ReadLimit.BUSY
                return read
            read.messages += page
            read.has_more = bool(cursor)
            if cursor and len(page) <= RESTRICTED_PAGE:
                self._is_restricted, read.limit = True, ReadLimit.APP
                return read
            if not cursor or sum(map(self._is_shown, read.messages)) >= limit:
                break
        return read

    async def _fetch_page(
        self, channel: str, oldest: str, latest: str, cursor: str
    ) -> tuple[list[SlackMessage], str]:
        """Return one page, the newest first, and the cursor of the next."""
        with translate_errors("conversations.history", idempotent=True):
            answer = await self._client.conversations_history(
                channel=channel,
                oldest=oldest or None,
                latest=latest,
                limit=PAGE_SIZE,
                cursor=cursor or None,
            )
            metadata: Mapping[str, Any] = answer.get("response_metadata") or {}
            return list(answer.get("messages") or ()), str(metadata.get("next_cursor") or "")

    async def _add_replies(self, channel: str, read: _Read, oldest: str, latest: str) -> int:
        """Add the replies of threads that went on in the period; return how many threads were left out."""
        if read.limit is not None:
            return 0
        roots = [one for one in read.messages if _went_on(one, oldest)]
        roots += await self._older_roots(channel, oldest)
        roots.sort(key=lambda one: str(one.get("latest_reply") or ""), reverse=True)
        for index, root in enumerate(roots[:MAX_THREADS]):
            try:
                found = await self._threads.fetch_thread(
                    channel, root["ts"], oldest=oldest or root["ts"], latest=latest, max_pages=1
                )
            except PlatformError as exc:
                log.info("slack.thread_not_read", error=str(exc))
                return len(roots) - index
            known = {one["ts"] for one in read.messages}
            read.messages += [one for one in found if one["ts"] not in known]
        return max(0, len(roots) - MAX_THREADS)

    async def _older_roots(self, channel: str, oldest: str) -> Sequence[SlackMessage]:
        """Return the beginnings of threads from before the period that went on in it."""
        if not oldest:
            return ()
        before = f"{max(0.0, float(oldest) - OLDER_THREADS.total_seconds()):.6f}"
        try:
            page, _ = await self._fetch_page(channel, before, oldest, "")
        except PlatformError as exc:
            log.info("slack.older_threads_not_read", error=str(exc))
            return ()
        return [one for one in page if _went_on(one, oldest)]

    async def _complete(self, messages: Sequence[SlackMessage]) -> Sequence[ChannelMessage]:
        complete = await self._threads.complete(messages)
        threads = [str(one.get("thread_ts") or "") for one in messages]
        return [
            ChannelMessage(
                message_id=one.message_id,
                author_id=one.author_id,
                author=one.author,
                text=text,
                sent_at=parse_ts(one.message_id),
                thread="" if thread == one.message_id else thread,
            )
            for one, thread in zip(complete, threads, strict=True)
            if (text := render_content(replace(one.content, reply=None)))
        ]


def _went_on(root: SlackMessage, oldest: str) -> bool:
    """Return whether a message began a thread in which somebody has written since ``oldest`` (a ts)."""
    return bool(root.get("reply_count")) and str(root.get("latest_reply") or "") > oldest
