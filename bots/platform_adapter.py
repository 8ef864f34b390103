"""The interface of every platform under ``bots/`` to the composition root."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from starlette.routing import BaseRoute

from core.ports.backfill import Backfill
from core.ports.channel_directory import ChannelDirectory
from core.ports.channel_history import ChannelHistory
from core.ports.handoff_rooms import HandoffRooms
from core.ports.home_page import HomePage
from core.ports.linked_threads import LinkedThreads
from core.ports.missed_events import MissedEvents
from core.ports.platform import (
    Downloader,
    EventSink,
    MemberLookup,
    MessageChannel,
    PressReply,
)
from core.ports.private_messages import PrivateMessages


class Platform(Protocol):
    """One platform: it sends events to an :class:`EventSink` and shows answers on a message channel."""

    name: str  #: folder name under ``bots/``

    @property
    def single_poller(self) -> bool:
        """Whether only one replica at a time may be started, because the platform serves one poll."""

    @property
    def tenant(self) -> str:
        """Id of the Slack team or Telegram bot; known once :meth:`connect` has returned."""

    @property
    def message_channel(self) -> MessageChannel:
        """Shows messages on the platform."""

    @property
    def backfill(self) -> Backfill | None:
        """Reads messages from before the bot was mentioned; None if the platform offers no way to."""

    @property
    def channel_history(self) -> ChannelHistory | None:
        """Reads the messages of channels; None if the platform shows bots no history."""

    @property
    def linked_threads(self) -> LinkedThreads | None:
        """Reads threads that a question links to; None if the platform shows bots no history."""

    @property
    def downloader(self) -> Downloader | None:
        """Downloads people's files; None if they can send only text."""

    @property
    def members(self) -> MemberLookup | None:
        """Looks up admins and members of groups; None if there is only one person."""

    @property
    def handoff_rooms(self) -> HandoffRooms | None:
        """Topics and files of a team's desk; None if the platform can have no desk."""

    @property
    def private_messages(self) -> PrivateMessages | None:
        """Writes to one person alone; None if there is only one person."""

    @property
    def channel_directory(self) -> ChannelDirectory | None:
        """Describes channels; None if the platform has none."""

    async def connect(self) -> None:
        """Check the credentials and load the bot's identity; no event is received yet.

        Raises:
            core.domain.errors.SettingsError: the platform refused the credentials.
            core.domain.errors.PlatformUnavailable: the platform cannot be reached.
        """

    def routes(self) -> Sequence[BaseRoute]:
        """Return the HTTP routes that the platform calls; () if the adapter connects to it instead."""

    async def start(self, event_sink: EventSink) -> None:
        """Begin to receive events; each is acknowledged only once ``event_sink`` has returned."""

    async def stop(self) -> None:
        """Receive no further event; :attr:`message_channel` keeps working."""

    async def close(self) -> None:
        """Close every connection."""


@runtime_checkable
class EventConnection(Protocol):
    """Optional interface of a platform that receives events on a connection which can be lost."""

    max_silence_s: float  #: after a longer silence the connection is dead

    async def is_connected(self) -> bool:
        """Return whether events can arrive."""

    def silence_s(self) -> float | None:
        """Return the seconds since anything was received, keep-alive messages included.

        None if nothing is expected: the platform is stopped, or calls us over HTTP.
        """

    async def restart(self) -> None:
        """Replace the connection; no event is lost."""


@runtime_checkable
class AnswersPresses(Protocol):
    """Optional interface of a platform that shows a text for a moment to the person who pressed a button."""

    def set_press_reply(self, press_reply: PressReply) -> None:
        """Use ``press_reply`` from now on; until then, presses show nothing."""


@runtime_checkable
class MissesEvents(Protocol):
    """Optional interface of a platform that does not deliver later what was written during an outage."""

    @property
    def missed_events(self) -> MissedEvents:
        """Reads it from the threads."""


@runtime_checkable
class ShowsHomePage(Protocol):
    """Optional interface of a platform whose client has a page of the bot's own."""

    def set_home_page(self, home_page: HomePage) -> None:
        """Use ``home_page`` from now on; until then, nothing is shown there."""
