"""Names of the people, channels and user groups that an event mentions by id.

Sources: https://docs.slack.dev/reference/methods/conversations.info and
https://docs.slack.dev/reference/methods/usergroups.list
"""

import asyncio
import html
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from bots.slack.members import fetch_group_handles
from bots.slack.people import KnownNames, ProfileCache
from bots.slack.references import References
from core.concurrency.ttl_cache import TtlCache
from core.domain.clock import Clock
from core.ports.channel_directory import ChannelDescription

TTL_S: Final = 3600.0  #: channels and groups are renamed
CHANNEL_TIMEOUT_S: Final = 5.0  #: for one channel's name
CAPACITY: Final = 2_000  #: channels kept; the least recently used is evicted first
_ALL: Final = "all"


class NameDirectory:
    """Looks names up once, and keeps them."""

    def __init__(self, client: AsyncWebClient, profiles: ProfileCache, clock: Clock) -> None:
        self._client, self._profiles = client, profiles
        self._channels: TtlCache[str, ChannelDescription] = TtlCache(
            "conversations.info",
            self._fetch_channel,
            clock,
            default=ChannelDescription(),
            ttl_s=TTL_S,
            capacity=CAPACITY,
        )
        self._groups: TtlCache[str, Mapping[str, str]] = TtlCache(
            "usergroups.list", self._fetch_groups, clock, default={}, ttl_s=TTL_S
        )

    async def lookup(
        self, references: References, *, timeout_s: float, without: Iterable[str] = ()
    ) -> KnownNames:
        """Return the names that are known within ``timeout_s`` seconds; others are left out.

        Args:
            references: ids to look up.
            timeout_s: of the machine's clock.
            without: ids of people that need no name.
        """
        people = references.people.difference(without)
        profiles, channels, groups = await asyncio.gather(
            self._profiles.get_profiles(people, timeout_s=timeout_s),
            self._channels.get_many(sorted(references.channels), timeout_s=timeout_s),
            self._groups.get_many([_ALL] if references.groups else [], timeout_s=timeout_s),
        )
        places = {id_: found.name for id_, found in channels.items() if found.name}
        handles = groups.get(_ALL) or {}
        places |= {id_: handles[id_] for id_ in references.groups if id_ in handles}
        return KnownNames(profiles=profiles, places=places)

    async def channel_name(self, channel: str) -> str:
        """Return a channel's name; "" for a direct conversation, or if it cannot be had soon."""
        found = await self._channels.get_many([channel], timeout_s=CHANNEL_TIMEOUT_S)
        return found.get(channel, ChannelDescription()).name

    def prefetch(self, channel: str) -> None:
        """Look up a channel's name and topic in the background, unless they are known."""
        self._channels.peek(channel)

    async def describe(self, channel: str) -> ChannelDescription:
        """Return a channel's name and topic, or else its purpose, as its members wrote them.

        Empty if they are not known yet, see :meth:`prefetch`.
        """
        known = self._channels.peek(channel) or ChannelDescription()
        return replace(known, name=f"#{known.name}") if known.name else known

    async def close(self) -> None:
        """Cancel the lookups that are under way."""
        await self._profiles.close()
        await self._channels.close()
        await self._groups.close()

    async def _fetch_channel(self, channel: str) -> ChannelDescription:
        """Return a channel's name, without "#", and topic; a conversation of some people has neither."""
        with translate_errors("conversations.info", idempotent=True):
            answer = await self._client.conversations_info(channel=channel)
        found = answer.get("channel")
        if not isinstance(found, Mapping) or found.get("is_im") or found.get("is_mpim"):
            return ChannelDescription()
        texts = [_value_of(found.get(key)) for key in ("topic", "purpose")]
        name = found.get("name")
        return ChannelDescription(
            name=name if isinstance(name, str) else "", topic=next((text for text in texts if text), "")
        )

    async def _fetch_groups(self, _: str) -> Mapping[str, str]:
        return await fetch_group_handles(self._client)


def _value_of(described: object) -> str:
    """Return the text of a topic or purpose; mentions of ids are left as they are."""
    value = described.get("value") if isinstance(described, Mapping) else None
    return html.unescape(value) if isinstance(value, str) else ""
