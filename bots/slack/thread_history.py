"""Reading threads: what stood there before us, and a message of ours whose ts was lost.

``conversations.replies`` and ``.history`` grant 50 calls a minute to an app that a team made for
itself, and one call with 15 messages to others that are sold outside of Slack's Marketplace
(https://docs.slack.dev/apis/web-api/rate-limits), so every reading here is bounded.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack import incoming_markdown
from bots.slack.errors import translate_errors
from bots.slack.message_api import METADATA_EVENT_TYPE
from bots.slack.people import BotIdentity, ProfileCache
from core.domain.addresses import Address
from core.ports.platform import ThreadMessage

SlackMessage: TypeAlias = Mapping[str, Any]

PAGE_SIZE = 200  #: messages asked for at once; Slack advises no more
MAX_PAGES = 5  #: pages read of one thread at most
NAME_LOOKUP_TIMEOUT_S = 3.0
HISTORY_SUBTYPES = frozenset({"", "bot_message", "file_share", "thread_broadcast"})


class ThreadHistory:
    """Threads of one workspace. Implements :class:`core.ports.platform.Backfill`."""

    def __init__(self, client: AsyncWebClient, profiles: ProfileCache, identity: BotIdentity) -> None:
        self._client, self._profiles = client, profiles
        self.identity = identity  #: known once the platform is connected

    async def load_earlier_messages(
        self, address: Address, *, before_message_id: str, limit: int
    ) -> Sequence[ThreadMessage]:
        """Return up to ``limit`` messages of the thread before ``before`` (a ts), oldest first.

        The root is always among them. () for a direct conversation without a thread.

        Raises:
            core.domain.errors.PlatformError: Slack refused; the answer goes on without them.
        """
        thread_ts = address.key.thread
        if not thread_ts or limit <= 0 or before_message_id == thread_ts:
            return ()
        found = await self._fetch_thread(address.key.channel, thread_ts, latest=before_message_id)
        spoken = [one for one in found if _is_readable(one) and one["ts"] < before_message_id]
        kept = spoken if len(spoken) <= limit else [spoken[0], *spoken[len(spoken) - limit + 1 :]]
        ids = {one["user"] for one in kept if one.get("user")}
        ids.update(*(incoming_markdown.mentioned_people(one.get("text") or "") for one in kept))
        profiles = await self._profiles.get_profiles(
            ids - {self.identity.user_id}, timeout_s=NAME_LOOKUP_TIMEOUT_S
        )
        names = {person_id: profile.name for person_id, profile in profiles.items()}
        return tuple(self._to_thread_message(one, names) for one in kept)

    async def own_messages(self, channel: str, thread_ts: str, *, after: str) -> Sequence[SlackMessage]:
        """Return our own messages after ``after`` (a ts), oldest first, with their metadata.

        ``thread_ts`` "" reads the top level of ``channel``.

        Raises:
            core.domain.errors.PlatformError: Slack refused or cannot be reached.
        """
        if thread_ts:
            found = await self._fetch_thread(channel, thread_ts, oldest=after)
        else:
            found = await self._fetch_top_level(channel, oldest=after)
        return [one for one in found if one["ts"] > after and self._is_own(one)]

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
        return message.get("user") == self.identity.user_id or (
            bool(self.identity.bot_id) and message.get("bot_id") == self.identity.bot_id
        )

    def _to_thread_message(self, message: SlackMessage, names: Mapping[str, str]) -> ThreadMessage:
        author_id = message.get("user") or message.get("bot_id") or ""
        bot_name = message.get("username") or (message.get("bot_profile") or {}).get("name")
        ours = self._is_own(message)
        return ThreadMessage(
            message_id=message["ts"],
            author_id=author_id,
            author=self.identity.name if ours else names.get(author_id) or bot_name or author_id,
            text=incoming_markdown.to_markdown(
                message.get("text") or "", names=names, bot_user_id=self.identity.user_id
            ),
            by_bot=ours,
        )


def idempotency_key_of(message: SlackMessage) -> str:
    """Return the marker that a message of ours carries; "" where it carries none."""
    match message.get("metadata"):
        case {"event_type": event, "event_payload": {"marker": str(marker)}} if event == METADATA_EVENT_TYPE:
            return marker
        case _:
            return ""


def _is_readable(message: SlackMessage) -> bool:
    return (message.get("subtype") or "") in HISTORY_SUBTYPES and not message.get("hidden")
