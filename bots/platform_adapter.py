"""What every platform under ``bots/`` gives the composition root."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from starlette.routing import BaseRoute

from core.ports.platform import Backfill, Downloader, EventSink, HandoffRooms, MemberLookup, MessageChannel


class Platform(Protocol):
    """One connected platform: events in through ``ingest``, calls out through ``surface``."""

    name: str  #: folder name under ``bots/``

    @property
    def single_poller(self) -> bool:
        """Whether only one replica at a time may be started, because the platform serves one poll."""

    @property
    def tenant(self) -> str:
        """The Slack team or Telegram bot that we are; not known before :meth:`connect`."""

    @property
    def message_channel(self) -> MessageChannel:
        """The platform's screen."""

    @property
    def backfill(self) -> Backfill | None:
        """Reads what was said before us; None where the platform shows nothing of the past."""

    @property
    def downloader(self) -> Downloader | None:
        """Fetches what people send beside their words; None where they send only words."""

    @property
    def members(self) -> MemberLookup | None:
        """Tells who people are in a room; None where there is only one person."""

    @property
    def handoff_rooms(self) -> HandoffRooms | None:
        """Topics and files for a team's desk; None where there can be no desk."""

    async def connect(self) -> None:
        """Check the credentials and learn who the bot is; no event is taken yet.

        Raises:
            core.domain.errors.SettingsError: the platform refused the credentials.
            core.domain.errors.PlatformUnavailable: the platform cannot be reached.
        """

    def routes(self) -> Sequence[BaseRoute]:
        """Return the HTTP routes this platform is reached at; empty where it connects out."""

    async def start(self, event_sink: EventSink) -> None:
        """Begin to take events; each is acknowledged only after ``ingest`` returned."""

    async def stop(self) -> None:
        """Take no further event; :attr:`surface` goes on working."""

    async def close(self) -> None:
        """Let go of every connection."""


@runtime_checkable
class EventConnection(Protocol):
    """A platform whose way in can be lost. An extra ability."""

    max_silence_s: float  #: a longer silence is no rest: the way in is dead

    async def is_connected(self) -> bool:
        """Tell whether events can reach us now."""

    def silence_s(self) -> float | None:
        """Return for how many seconds nothing was heard, not even a sign that all is well.

        None where no sign is due: stopped, or called over HTTP.
        """

    async def restart(self) -> None:
        """Give the way in up as it is and open it anew; no event is lost."""
