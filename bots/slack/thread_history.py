"""Reads threads: messages from before the bot was mentioned, and posts of ours with an unknown ts.

``conversations.replies`` and ``.history`` grant 50 calls a minute to internal apps, and one call with 15
messages to commercial ones outside Slack's Marketplace
(https://docs.slack.dev/apis/web-api/rate-limits), so the number of calls here is bounded.
"""

import asyncio
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.attachments import recordings_of
from bots.slack.connection_gap import ConnectionGap
from bots.slack.errors import translate_errors
from bots.slack.message_api import METADATA_EVENT_TYPE
from bots.slack.message_content import is_by_app, parse_content
from bots.slack.messages import MESSAGE_SUBTYPES
from bots.slack.names import NameDirectory
from bots.slack.people import BotAccount, KnownNames, author_of
from bots.slack.references import references_in
from bots.slack.rich_text import TextContext
from bots.slack.shared_files import SharedFiles
from core.domain.addresses import Address
from core.ports.backfill import ThreadMessage

SlackMessage: TypeAlias = Mapping[str, Any]

_TS = re.compile(r"\d+\.\d+")
PAGE_SIZE = 200  #: messages per call; Slack recommends no more
MAX_PAGES = 5  #: pages read of one thread
END_WINDOWS_S = (3_600.0, 86_400.0, 7 * 86_400.0, 90 * 86_400.0)
"""Times before a question in which the end of a thread beyond :data:`MAX_PAGES` is looked for, in turn."""
LOOKUP_TIMEOUT_S = 3.0  #: for the files of all messages together, then for the names in them


class ThreadHistory:
    """Threads of one workspace. Implements :class:`core.ports.backfill.Backfill`."""

    def __init__(
        self,
        client: AsyncWebClient,
        names: NameDirectory,
        files: SharedFiles,
        account: BotAccount,
        gap: ConnectionGap | None = None,
    ) -> None:
        """``gap`` is fed by the receiver of events; without one, nothing counts as missed."""
        self._client, self._names, self._files, self._account = client, names, files, account
        self._gap = gap or ConnectionGap()

    async def load_earlier_messages(
        self, address: Address, *, before_message_id: str, limit: int
    ) -> Sequence[ThreadMessage]:
        """Return up to ``limit`` messages before ``before_message_id`` (a ts), oldest first.

        They include the thread's root. A direct conversation without a thread has none.

        Raises:
            core.domain.errors.PlatformError: Slack refused; the answer is written without them.
        """
        thread_ts = address.key.thread
        if not thread_ts or limit <= 0 or before_message_id == thread_ts:
            return ()
        messages = await self._fetch_end(address.key.channel, thread_ts, before_message_id, limit)
        earlier = [one for one in messages if is_readable(one) and one["ts"] < before_message_id]
        kept = earlier if len(earlier) <= limit else [earlier[0], *earlier[len(earlier) - limit + 1 :]]
        return await self.complete(kept)

    async def complete(self, messages: Sequence[SlackMessage]) -> Sequence[ThreadMessage]:
        """Return messages with the files that they only name, and the names that they only mention."""
        complete = await asyncio.gather(
            *(self._files.complete(one, timeout_s=LOOKUP_TIMEOUT_S) for one in messages)
        )
        known = await self._names.lookup(
            references_in(complete),
            timeout_s=LOOKUP_TIMEOUT_S,
            without=(self._account.identity.user_id,),
        )
        return tuple(self._to_thread_message(one, known) for one in complete)

    @property
    def connection(self) -> int:
        """Number of the present connection, on which events come in."""
        return self._gap.connection

    async def load_missed_messages(
        self, address: Address, *, known_ids: Collection[str], before_message_id: str, limit: int
    ) -> Sequence[ThreadMessage]:
        """Return others' messages of a thread between the latest known ts and ``before_message_id``.

        Raises:
            core.domain.errors.PlatformError: Slack refused; the answer is written without them.
        """
        thread_ts = address.key.thread
        latest = max((one for one in known_ids if _TS.fullmatch(one) and one < before_message_id), default="")
        if not thread_ts or not latest or limit <= 0 or not self._gap.may_hide(latest):
            return ()
        found = await self.fetch_thread(
            address.key.channel, thread_ts, oldest=latest, latest=before_message_id, max_pages=1
        )
        missed = [
            one
            for one in found
            if latest < one["ts"] < before_message_id and is_readable(one) and not self.is_own(one)
        ]
        return await self.complete(missed[-limit:])

    async def own_messages(self, channel: str, thread_ts: str, *, after: str) -> Sequence[SlackMessage]:
        """Return our own messages after ``after`` (a ts), oldest first, with their metadata.

        They are read from a thread, or from the channel's top level if ``thread_ts`` is "".

        Raises:
            core.domain.errors.PlatformError: Slack refused or cannot be reached.
        """
        if thread_ts:
            messages = await self.fetch_thread(channel, thread_ts, oldest=after)
        else:
            messages = await self.fetch_top_level(channel, oldest=after)
        return [one for one in messages if one["ts"] > after and self.is_own(one)]

    async def _fetch_end(self, channel: str, thread_ts: str, latest: str, limit: int) -> list[SlackMessage]:
        """Return a thread's root and its messages up to ``latest``; of a very long one the last ones.

        Slack lists a thread from its beginning, so the end of a long one is found by time.
        """
        messages = await self.fetch_thread(channel, thread_ts, latest=latest, max_pages=1)
        reply_count = messages[0].get("reply_count") if messages else 0
        if not isinstance(reply_count, int) or reply_count < PAGE_SIZE:
            return messages
        if reply_count <= PAGE_SIZE * MAX_PAGES:
            return await self.fetch_thread(channel, thread_ts, latest=latest)
        for window_s in END_WINDOWS_S:
            oldest = f"{max(0.0, float(latest) - window_s):.6f}"
            end = await self.fetch_thread(channel, thread_ts, oldest=oldest, latest=latest)
            if len(end) > limit:
                break
        return [messages[0], *(one for one in end if one["ts"] != thread_ts)]

    async def fetch_thread(
        self,
        channel: str,
        thread_ts: str,
        *,
        oldest: str = "",
        latest: str = "",
        max_pages: int = MAX_PAGES,
    ) -> list[SlackMessage]:
        """Return a thread's root and its messages between ``oldest`` and ``latest`` (ts), oldest first.

        Raises:
            core.domain.errors.PlatformError: Slack refused or cannot be reached.
        """
        messages: list[SlackMessage] = []
        cursor = ""
        for _ in range(max_pages):
            with translate_errors("conversations.replies", idempotent=True):
                answer = await self._client.conversations_replies(
                    channel=channel,
                    ts=thread_ts,
                    limit=PAGE_SIZE,
                    cursor=cursor or None,
                    include_all_metadata=True,
                    oldest=oldest or None,
                    latest=latest or None,
                )
                messages += answer.get("messages") or []
                cursor = (answer.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                break
        return messages

    async def fetch_top_level(self, channel: str, *, oldest: str) -> list[SlackMessage]:
        """Return up to :data:`PAGE_SIZE` messages of a channel after ``oldest`` (a ts), oldest first.

        Raises:
            core.domain.errors.PlatformError: Slack refused or cannot be reached.
        """
        with translate_errors("conversations.history", idempotent=True):
            answer = await self._client.conversations_history(
                channel=channel, oldest=oldest, limit=PAGE_SIZE, include_all_metadata=True
            )
            return list(reversed(answer.get("messages") or []))

    def is_own(self, message: SlackMessage) -> bool:
        """Return whether a message is ours."""
        identity = self._account.identity
        return message.get("user") == identity.user_id or (
            bool(identity.bot_id) and message.get("bot_id") == identity.bot_id
        )

    def _to_thread_message(self, message: SlackMessage, known: KnownNames) -> ThreadMessage:
        identity, own = self._account.identity, self.is_own(message)
        author = author_of(message, known.profiles)
        content = parse_content(message, TextContext(names=known.all, own_ids=identity.ids))
        return ThreadMessage(
            message_id=message["ts"],
            author_id="" if is_by_app(message) else author.id,
            author=identity.name if own else author.name or author.id,
            content=replace(content, attachments=content.attachments + recordings_of(message)),
            by_bot=own,
        )


def idempotency_key_of(message: SlackMessage) -> str:
    """Return the idempotency key in the metadata of a message of ours; "" if it has none."""
    match message.get("metadata"):
        case {"event_type": event, "event_payload": {"marker": str(marker)}} if event == METADATA_EVENT_TYPE:
            return marker
        case _:
            return ""


def is_readable(message: SlackMessage) -> bool:
    """Return whether somebody wrote a message, and Slack shows it."""
    return (message.get("subtype") or "") in MESSAGE_SUBTYPES and not message.get("hidden")
