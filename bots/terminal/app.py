"""The terminal platform: reads one person's lines and prints one growing answer."""

import getpass
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from starlette.routing import BaseRoute

from bots.terminal.screen import Screen
from bots.terminal.surface import TerminalMessageChannel
from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.command_names import CommandName
from core.domain.errors import StoreUnavailable
from core.domain.events import CommandReceived, Mention, MessageReceived
from core.ports.backfill import Backfill
from core.ports.channel_directory import ChannelDirectory
from core.ports.channel_history import ChannelHistory
from core.ports.handoff_rooms import HandoffRooms
from core.ports.linked_threads import LinkedThreads
from core.ports.platform import Downloader, EventSink, MemberLookup, MessageChannel
from core.ports.private_messages import PrivateMessages


class TerminalApp:
    """One conversation of one person at one machine, continued in every later run.

    Implements :class:`bots.platform_adapter.Platform`.
    """

    name = "terminal"
    single_poller = False
    backfill: Backfill | None = None
    downloader: Downloader | None = None
    members: MemberLookup | None = None
    handoff_rooms: HandoffRooms | None = None
    private_messages: PrivateMessages | None = None
    channel_directory: ChannelDirectory | None = None
    channel_history: ChannelHistory | None = None
    linked_threads: LinkedThreads | None = None

    def __init__(self, *, language: str = "", screen: Screen | None = None) -> None:
        """Build the platform.

        Args:
            language: the terminal's, as a BCP 47 tag.
            screen: where answers are shown; None for plain text on standard output.
        """
        self._channel = TerminalMessageChannel(screen)
        self.message_channel: MessageChannel = self._channel
        self.thread_key = ThreadKey(
            platform=self.name, tenant=platform.node(), channel=_user_name(), thread=""
        )
        self._person = Person(id=self.thread_key.channel, name=self.thread_key.channel, language=language)
        self._event_sink: EventSink | None = None

    @property
    def tenant(self) -> str:
        """The machine's name."""
        return self.thread_key.tenant

    async def connect(self) -> None:
        """Do nothing: a terminal needs no connection."""

    def routes(self) -> Sequence[BaseRoute]:
        """Return no routes."""
        return ()

    async def start(self, event_sink: EventSink) -> None:
        """Send each submitted line to ``event_sink`` from now on."""
        self._event_sink = event_sink

    async def stop(self) -> None:
        """Refuse further lines."""
        self._event_sink = None

    async def close(self) -> None:
        """Do nothing: there is no connection to close."""

    async def submit_message(self, text: str) -> None:
        """Submit a question.

        Raises:
            StoreUnavailable: the event was not stored.
        """
        message = MessageReceived(
            delivery_id=(message_id := uuid4().hex),
            message_id=message_id,
            address=Address(key=self.thread_key),
            author=self._person,
            text=text,
            sent_at=datetime.now(UTC),
            chat_type=ChatType.DIRECT,
            mention=Mention.DIRECT,
        )
        await self._submit(message)

    async def submit_command(self, command: CommandName, argument: str = "") -> None:
        """Submit a command with the rest of its line as the argument.

        Raises:
            StoreUnavailable: the event was not stored.
        """
        received = CommandReceived(
            delivery_id=uuid4().hex,
            message_id="",
            address=Address(key=self.thread_key),
            author=self._person,
            command=command,
            argument=argument,
            sent_at=datetime.now(UTC),
            chat_type=ChatType.DIRECT,
        )
        await self._submit(received)

    def finish_line(self) -> None:
        """End the line of the last answer, so that the prompt begins on a new one."""
        self._channel.finish_line()

    async def _submit(self, event: MessageReceived | CommandReceived) -> None:
        if self._event_sink is None:
            raise StoreUnavailable("the terminal is not started")
        await self._event_sink(event)


def _user_name() -> str:
    """Return the login name; "me" if the user has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "me"
