"""The platforms as the desk needs them: where to post, what may be sent there, whom to mention."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.domain.addresses import Address
from core.domain.errors import PlatformForbidden
from core.ports.platform import Downloader, HandoffRooms, MessageChannel
from core.store.handoffs import Handoff


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffPlatforms:
    """What is connected, by the platform's name."""

    surfaces: Mapping[str, MessageChannel]
    rooms: Mapping[str, HandoffRooms] = field(default_factory=dict)
    downloads: Mapping[str, Downloader] = field(default_factory=dict)
    tenant_getters: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    """The Slack team or Telegram bot that we are, once the platform is connected."""

    def desk_address(self, handoff: Handoff, thread: str = "") -> Address:
        """Return where a handover's thread of the desk is posted to.

        Raises:
            PlatformForbidden: the desk's platform is not connected.
        """
        return self._build_address(handoff, thread or handoff.desk_thread)

    def desk_room_address(self, handoff: Handoff) -> Address:
        """Return where the desk is posted to outside of all threads.

        Raises:
            PlatformForbidden: the desk's platform is not connected.
        """
        return self._build_address(handoff, "")

    def _build_address(self, handoff: Handoff, thread: str) -> Address:
        platform = handoff.desk_room.platform
        if platform not in self.rooms or platform not in self.surfaces:
            raise PlatformForbidden(f"{platform} is not connected")
        tenant = (
            self.tenant_getters[platform]() if platform in self.tenant_getters else handoff.address.key.tenant
        )
        address = self.rooms[platform].build_address(tenant, handoff.desk_room.channel, thread)
        return replace(address, key=replace(address.key, platform=platform))

    def room(self, platform: str) -> HandoffRooms:
        """Return a platform's rooms.

        Raises:
            PlatformForbidden: it has none, or is not connected.
        """
        if platform not in self.rooms:
            raise PlatformForbidden(f"{platform} is not connected, or has no rooms")
        return self.rooms[platform]

    def render_mentions(self, platform: str, people: Iterable[tuple[str, str]]) -> str:
        """Return Markdown that calls people, as (id, name), on a platform; "" where it cannot."""
        if platform not in self.rooms:
            return ""
        return " ".join(
            self.rooms[platform].format_mention(person, name) for person, name in people if person
        )
