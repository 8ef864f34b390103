"""Connected platforms as handoffs use them: addresses of desks, rooms, downloads and mentions."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.domain.addresses import Address, ThreadKey
from core.domain.errors import PlatformForbidden
from core.ports.handoff_rooms import HandoffRooms
from core.ports.platform import Downloader, MessageChannel
from core.store.handoffs import Handoff


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffPlatforms:
    """Connected platforms; every mapping is by platform."""

    channels: Mapping[str, MessageChannel]
    rooms: Mapping[str, HandoffRooms] = field(default_factory=dict)
    downloaders: Mapping[str, Downloader] = field(default_factory=dict)
    tenant_getters: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    """Each returns our Slack team or Telegram bot id; call it once the platform is connected."""

    def serves(self, key: ThreadKey) -> bool:
        """Return whether we are connected to a conversation's platform as the same team or bot."""
        if key.platform not in self.channels:
            return False
        return key.platform not in self.tenant_getters or self.tenant_getters[key.platform]() == key.tenant

    def desk_address(self, handoff: Handoff, thread: str = "") -> Address:
        """Return the address of a handoff's thread at the desk.

        Raises:
            PlatformForbidden: the desk's platform is not connected.
        """
        return self._build_address(handoff, thread or handoff.desk_thread)

    def desk_room_address(self, handoff: Handoff) -> Address:
        """Return the address of a handoff's desk room, outside of all threads.

        Raises:
            PlatformForbidden: the desk's platform is not connected.
        """
        return self._build_address(handoff, "")

    def _build_address(self, handoff: Handoff, thread: str) -> Address:
        platform = handoff.desk_room.platform
        if platform not in self.rooms or platform not in self.channels:
            raise PlatformForbidden(f"{platform} is not connected")
        tenant = (
            self.tenant_getters[platform]() if platform in self.tenant_getters else handoff.address.key.tenant
        )
        address = self.rooms[platform].build_address(tenant, handoff.desk_room.channel, thread)
        return replace(address, key=replace(address.key, platform=platform))

    def room(self, platform: str) -> HandoffRooms:
        """Return a platform's rooms.

        Raises:
            PlatformForbidden: the platform has no rooms or is not connected.
        """
        if platform not in self.rooms:
            raise PlatformForbidden(f"{platform} is not connected, or has no rooms")
        return self.rooms[platform]

    def render_mentions(self, platform: str, people: Iterable[tuple[str, str]]) -> str:
        """Return Markdown that mentions people, given as (id, name); "" if the platform cannot mention."""
        if platform not in self.rooms:
            return ""
        return " ".join(
            self.rooms[platform].format_mention(person, name) for person, name in people if person
        )
