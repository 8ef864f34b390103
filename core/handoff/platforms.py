"""The platforms as the desk needs them: where to post, what may be sent there, whom to mention."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from core.domain.errors import SurfaceClosed
from core.domain.events import Address
from core.ports.platform import Downloads, Rooms, Surface
from core.store.handoffs import Handover


@dataclass(frozen=True, slots=True, kw_only=True)
class Platforms:
    """What is connected, by the platform's name."""

    surfaces: Mapping[str, Surface]
    rooms: Mapping[str, Rooms] = field(default_factory=dict)
    downloads: Mapping[str, Downloads] = field(default_factory=dict)
    tenants: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    """The Slack team or Telegram bot that we are, once the platform is connected."""

    def desk_address(self, handover: Handover, thread: str = "") -> Address:
        """Return where a handover's thread of the desk is posted to.

        Raises:
            SurfaceClosed: the desk's platform is not connected.
        """
        return self._address(handover, thread or handover.desk_thread)

    def desk_room(self, handover: Handover) -> Address:
        """Return where the desk is posted to outside of all threads.

        Raises:
            SurfaceClosed: the desk's platform is not connected.
        """
        return self._address(handover, "")

    def _address(self, handover: Handover, thread: str) -> Address:
        platform = handover.desk.platform
        if platform not in self.rooms or platform not in self.surfaces:
            raise SurfaceClosed(f"{platform} is not connected")
        tenant = self.tenants[platform]() if platform in self.tenants else handover.address.key.tenant
        address = self.rooms[platform].address(tenant, handover.desk.channel, thread)
        return replace(address, key=replace(address.key, platform=platform))

    def room(self, platform: str) -> Rooms:
        """Return a platform's rooms.

        Raises:
            SurfaceClosed: it has none, or is not connected.
        """
        if platform not in self.rooms:
            raise SurfaceClosed(f"{platform} is not connected, or has no rooms")
        return self.rooms[platform]

    def mentions(self, platform: str, people: Iterable[tuple[str, str]]) -> str:
        """Return Markdown that calls people, as (id, name), on a platform; "" where it cannot."""
        if platform not in self.rooms:
            return ""
        return " ".join(self.rooms[platform].mention(person, name) for person, name in people if person)
