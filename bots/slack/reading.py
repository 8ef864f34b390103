"""Reading threads: what stood there before us, and a message of ours whose ts was lost.

``conversations.replies`` and ``.history`` grant 50 calls a minute to an app that a team made for
itself, and one call with 15 messages to others that are sold outside of Slack's Marketplace
(https://docs.slack.dev/apis/web-api/rate-limits), so every reading here is bounded.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack import text
from bots.slack.errors import translated
from bots.slack.people import Identity, People
from bots.slack.writing import METADATA_EVENT
from core.domain.events import Address
from core.ports.platform import HeardBefore

Message: TypeAlias = Mapping[str, Any]

PAGE = 200  #: messages asked for at once; Slack advises no more
PAGES = 5  #: pages read of one thread at most
NAMES_WITHIN_S = 3.0
READ_SUBTYPES = frozenset({"", "bot_message", "file_share", "thread_broadcast"})


class Reader:
    """Threads of one workspace. Implements :class:`core.ports.platform.Backfill`."""

    def __init__(self, client: AsyncWebClient, people: People, me: Identity) -> None:
        self._client, self._people = client, people
        self.me = me  #: known once the platform is connected

    async def earlier(self, address: Address, *, before: str, limit: int) -> Sequence[HeardBefore]:
        """Return up to ``limit`` messages of the thread before ``before`` (a ts), oldest first.

        The root is always among them. () for a direct conversation without a thread.

        Raises:
            core.domain.errors.SurfaceError: Slack refused; the answer goes on without them.
        """
        thread_ts = address.key.thread
        if not thread_ts or limit <= 0 or before == thread_ts:
            return ()
        found = await self._thread(address.key.channel, thread_ts, latest=before)
        spoken = [one for one in found if _is_spoken(one) and one["ts"] < before]
        kept = spoken if len(spoken) <= limit else [spoken[0], *spoken[len(spoken) - limit + 1 :]]
        ids = {one["user"] for one in kept if one.get("user")}
        ids.update(*(text.people_in(one.get("text") or "") for one in kept))
        profiles = await self._people.profiles(ids - {self.me.user_id}, within_s=NAMES_WITHIN_S)
        names = {person_id: profile.name for person_id, profile in profiles.items()}
        return tuple(self._heard(one, names) for one in kept)

    async def own(self, channel: str, thread_ts: str, *, after: str) -> Sequence[Message]:
        """Return our own messages after ``after`` (a ts), oldest first, with their metadata.

        ``thread_ts`` "" reads the top level of ``channel``.

        Raises:
            core.domain.errors.SurfaceError: Slack refused or cannot be reached.
        """
        if thread_ts:
            found = await self._thread(channel, thread_ts, oldest=after)
        else:
            found = await self._top_level(channel, oldest=after)
        return [one for one in found if one["ts"] > after and self._is_ours(one)]

    async def _thread(
        self, channel: str, thread_ts: str, *, oldest: str = "", latest: str = ""
    ) -> list[Message]:
        messages: list[Message] = []
        cursor = ""
        for _ in range(PAGES):
            with translated("conversations.replies", repeatable=True):
                answer = await self._client.conversations_replies(
                    channel=channel,
                    ts=thread_ts,
                    limit=PAGE,
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

    async def _top_level(self, channel: str, *, oldest: str) -> list[Message]:
        with translated("conversations.history", repeatable=True):
            answer = await self._client.conversations_history(
                channel=channel, oldest=oldest, limit=PAGE, include_all_metadata=True
            )
            return list(reversed(answer.get("messages") or []))

    def _is_ours(self, message: Message) -> bool:
        return message.get("user") == self.me.user_id or (
            bool(self.me.bot_id) and message.get("bot_id") == self.me.bot_id
        )

    def _heard(self, message: Message, names: Mapping[str, str]) -> HeardBefore:
        author_id = message.get("user") or message.get("bot_id") or ""
        bot_name = message.get("username") or (message.get("bot_profile") or {}).get("name")
        ours = self._is_ours(message)
        return HeardBefore(
            message_id=message["ts"],
            author_id=author_id,
            author=self.me.name if ours else names.get(author_id) or bot_name or author_id,
            text=text.to_markdown(message.get("text") or "", names=names, own_id=self.me.user_id),
            by_bot=ours,
        )


def marker_of(message: Message) -> str:
    """Return the marker that a message of ours carries; "" where it carries none."""
    match message.get("metadata"):
        case {"event_type": event, "event_payload": {"marker": str(marker)}} if event == METADATA_EVENT:
            return marker
        case _:
            return ""


def _is_spoken(message: Message) -> bool:
    return (message.get("subtype") or "") in READ_SUBTYPES and not message.get("hidden")
