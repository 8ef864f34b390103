"""The terminal platform, wired: lines of one person in, one growing answer out."""

import getpass
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from starlette.routing import BaseRoute

from bots.terminal.surface import TerminalMessageChannel
from core.domain.errors import StoreUnavailable
from core.domain.events import (
    Address,
    ChatType,
    CommandName,
    CommandReceived,
    Mention,
    MessageReceived,
    Person,
    ThreadKey,
)
from core.ports.platform import Backfill, Downloader, EventSink, HandoffRooms, MemberLookup, MessageChannel


class TerminalApp:
    """One person at one machine: one conversation that goes on from day to day.

    Implements :class:`bots.platform_adapter.Platform`.
    """

    name = "terminal"
    backfill: Backfill | None = None
    downloader: Downloader | None = None
    members: MemberLookup | None = None
    handoff_rooms: HandoffRooms | None = None

    def __init__(self, *, language: str = "") -> None:
        """``language`` is the terminal's, as a BCP 47 tag."""
        self._channel = TerminalMessageChannel()
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
        """Nothing to do: the terminal is there."""

    def routes(self) -> Sequence[BaseRoute]:
        """Return no routes."""
        return ()

    async def start(self, event_sink: EventSink) -> None:
        """Take lines from now on."""
        self._event_sink = event_sink

    async def stop(self) -> None:
        """Take no further line."""
        self._event_sink = None

    async def close(self) -> None:
        """Nothing to let go of."""

    async def submit_message(self, text: str) -> None:
        """Ask a question.

        Raises:
            StoreUnavailable: it was not stored.
        """
        said = MessageReceived(
            delivery_id=(number := uuid4().hex),
            message_id=number,
            address=Address(key=self.thread_key),
            author=self._person,
            text=text,
            sent_at=datetime.now(UTC),
            chat_type=ChatType.DIRECT,
            mention=Mention.DIRECT,
        )
        await self._submit(said)

    async def submit_command(self, command: CommandName, argument: str = "") -> None:
        """Give a command with the rest of its line.

        Raises:
            StoreUnavailable: it was not stored.
        """
        ordered = CommandReceived(
            delivery_id=uuid4().hex,
            message_id="",
            address=Address(key=self.thread_key),
            author=self._person,
            command=command,
            argument=argument,
            sent_at=datetime.now(UTC),
            chat_type=ChatType.DIRECT,
        )
        await self._submit(ordered)

    def finish_line(self) -> None:
        """Finish the line of the last answer, before a person is asked for the next one."""
        self._channel.finish_line()

    async def _submit(self, event: MessageReceived | CommandReceived) -> None:
        if self._event_sink is None:
            raise StoreUnavailable("the terminal is not started")
        await self._event_sink(event)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "me"
