"""Looks up admins of a Slack workspace and members of its user groups.

``users.info`` returns whether a person is an owner or admin (scope ``users:read``). In a shared channel
a person of another company may be an admin of their own workspace, which does not count here.
``usergroups.list`` and ``usergroups.users.list`` return groups (scope ``usergroups:read``, 20 calls a
minute, https://docs.slack.dev/reference/methods/usergroups.list).
"""

from collections.abc import Mapping

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from bots.slack.people import BotAccount
from core.concurrency.ttl_cache import TtlCache
from core.domain.clock import Clock

HANDLES_TTL_S = 900.0
_ALL = "all"


class SlackMemberLookup:
    """Implements :class:`core.ports.platform.MemberLookup`."""

    def __init__(self, client: AsyncWebClient, clock: Clock, account: BotAccount) -> None:
        self._client, self._account = client, account
        self._admins: TtlCache[str, bool] = TtlCache("users.info", self._fetch_is_admin, clock, default=False)
        self._group_members: TtlCache[str, frozenset[str]] = TtlCache(
            "usergroups.users.list", self._fetch_group_members, clock, default=frozenset()
        )
        self._group_handles: TtlCache[str, Mapping[str, str]] = TtlCache(
            "usergroups.list", self._fetch_group_handles, clock, default={}, ttl_s=HANDLES_TTL_S
        )

    async def is_admin(self, channel: str, person_id: str) -> bool:
        """Return whether a person is an owner or admin of our workspace, regardless of the channel."""
        return await self._admins.get(person_id)

    async def in_group(self, group: str, person_id: str) -> bool:
        """Return whether a person belongs to a user group, given by its id or handle."""
        name = group.strip().removeprefix("@")
        handles = await self._group_handles.get(_ALL)
        found = name if name in handles.values() else handles.get(name.casefold(), "")
        if not found and not handles and name.isupper():
            found = name  # the list could not be loaded; an id does not need it
        return bool(found) and person_id in await self._group_members.get(found)

    async def sees_all(self, channel: str) -> bool:
        """Return True: a bot receives every message of the channels that it is in."""
        return True

    async def close(self) -> None:
        """Cancel the lookups that are under way."""
        for cache in (self._admins, self._group_members, self._group_handles):
            await cache.close()

    async def _fetch_is_admin(self, person_id: str) -> bool:
        with translate_errors("users.info", idempotent=True):
            answer = await self._client.users_info(user=person_id)
        match answer.get("user"):
            case {"is_stranger": True} | {"deleted": True} | {"is_bot": True}:
                return False
            case {"team_id": str(team), **user} if team == self._account.identity.team_id:
                return any(user.get(name) is True for name in ("is_admin", "is_owner", "is_primary_owner"))
            case _:
                return False

    async def _fetch_group_members(self, group: str) -> frozenset[str]:
        with translate_errors("usergroups.users.list", idempotent=True):
            answer = await self._client.usergroups_users_list(usergroup=group)
        return frozenset(str(one) for one in answer.get("users") or ())

    async def _fetch_group_handles(self, _: str) -> Mapping[str, str]:
        """Return the ids of all groups by handle, in lower case."""
        handles = await fetch_group_handles(self._client)
        return {handle.casefold(): group for group, handle in handles.items()}


async def fetch_group_handles(client: AsyncWebClient) -> dict[str, str]:
    """Return the handles of the workspace's user groups by id.

    Raises:
        core.domain.errors.PlatformError: Slack refused or cannot be reached.
    """
    with translate_errors("usergroups.list", idempotent=True):
        answer = await client.usergroups_list()
    groups = answer.get("usergroups") or ()
    return {str(one["id"]): str(one["handle"]) for one in groups if one.get("handle")}
