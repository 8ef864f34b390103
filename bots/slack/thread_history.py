"""Reads threads: messages from before the bot was mentioned, and posts of ours with an unknown ts.

``conversations.replies`` and ``.history`` grant 50 calls a minute to internal apps, and one call with 15
messages to commercial ones outside Slack's Marketplace
(https://docs.slack.dev/apis/web-api/rate-limits), so the number of calls here is bounded.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack import incoming_markdown
from bots.slack.errors import translate_errors
from bots.slack.message_api import METADATA_EVENT_TYPE
from bots.slack.people import BotAccount, ProfileCache, names_of
from core.domain.addresses import Address
from core.ports.platform import ThreadMessage

SlackMessage: TypeAlias = Mapping[str, Any]

PAGE_SIZE = 200  #: messages per call; Slack recommends no more
MAX_PAGES = 5  #: pages read of one thread
NAME_LOOKUP_TIMEOUT_S = 3.0
HISTORY_SUBTYPES = frozenset({"", "bot_message", "file_share", "thread_broadcast"})


class ThreadHistory:
    """Threads of one workspace. Implements :class:`core.ports.platform.Backfill`."""

    def __init__(self, client: AsyncWebClient, profiles: ProfileCache, account: BotAccount) -> None:
        self._client, self._profiles, self._account = client, profiles, account

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
        messages = await self._fetch_thread(address.key.channel, thread_ts, latest=before_message_id)
        earlier = [one for one in messages if _is_readable(one) and one["ts"] < before_message_id]
        kept = earlier if len(earlier) <= limit else [earlier[0], *earlier[len(earlier) - limit + 1 :]]
        ids = {one["user"] for one in kept if one.get("user")}
        ids.update(*(incoming_markdown.mentioned_people(one.get("text") or "") for one in kept))
        profiles = await self._profiles.get_profiles(
            ids - {self._account.identity.user_id}, timeout_s=NAME_LOOKUP_TIMEOUT_S
        )
        return tuple(self._to_thread_message(one, names_of(profiles)) for one in kept)

    async def own_messages(self, channel: str, thread_ts: str, *, after: str) -> Sequence[SlackMessage]:
        """Return our own messages after ``after`` (a ts), oldest first, with their metadata.

        They are read from a thread, or from the channel's top level if ``thread_ts`` is "".

        Raises:
            core.domain.errors.PlatformError: Slack refused or cannot be reached.
        """
        if thread_ts:
            messages = await self._fetch_thread(channel, thread_ts, oldest=after)
        else:
            messages = await self._fetch_top_level(channel, oldest=after)
        return [one for one in messages if one["ts"] > after and self._is_own(one)]

    async def _fetch_thread(
        self, channel: str, thread_ts: str, *, oldest: str = "", latest: str = ""
    ) -> list[SlackMessage]:
        messages: list[SlackMessage] = []
        cursor = ""
        for _ in range(MAX_PAGES):
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

    async def _fetch_top_level(self, channel: str, *, oldest: str) -> list[SlackMessage]:
        with translate_errors("conversations.history", idempotent=True):
            answer = await self._client.conversations_history(
                channel=channel, oldest=oldest, limit=PAGE_SIZE, include_all_metadata=True
            )
            return list(reversed(answer.get("messages") or []))

    def _is_own(self, message: SlackMessage) -> bool:
        identity = self._account.identity
        return message.get("user") == identity.user_id or (
            bool(identity.bot_id) and message.get("bot_id") == identity.bot_id
        )

    def _to_thread_message(self, message: SlackMessage, names: Mapping[str, str]) -> ThreadMessage:
        author_id = message.get("user") or message.get("bot_id") or ""
        bot_name = message.get("username") or (message.get("bot_profile") or {}).get("name")
        identity, own = self._account.identity, self._is_own(message)
        return ThreadMessage(
            message_id=message["ts"],
            author_id=author_id,
            author=identity.name if own else names.get(author_id) or bot_name or author_id,
            text=incoming_markdown.to_markdown(
                message.get("text") or "", names=names, bot_user_id=identity.user_id
            ),
            by_bot=own,
        )


def idempotency_key_of(message: SlackMessage) -> str:
    """Return the idempotency key in the metadata of a message of ours; "" if it has none."""
    match message.get("metadata"):
        case {"event_type": event, "event_payload": {"marker": str(marker)}} if event == METADATA_EVENT_TYPE:
            return marker
        case _:
            return ""


def _is_readable(message: SlackMessage) -> bool:
    return (message.get("subtype") or "") in HISTORY_SUBTYPES and not message.get("hidden")
