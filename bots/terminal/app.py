"""The terminal platform, wired: lines of one person in, one growing answer out."""

import getpass
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from starlette.routing import BaseRoute

from bots.terminal.surface import TerminalSurface
from core.domain.errors import StoreUnavailable
from core.domain.events import Address, Addressed, CommandName, Ordered, Person, Said, Scene, ThreadKey
from core.ports.platform import Backfill, Downloads, Ingest, Members, Rooms, Surface


class TerminalPlatform:
    """One person at one machine: one conversation that goes on from day to day.

    Implements :class:`bots.platform_adapter.Platform`.
    """

    name = "terminal"
    backfill: Backfill | None = None
    downloads: Downloads | None = None
    members: Members | None = None
    rooms: Rooms | None = None

    def __init__(self, *, language: str = "") -> None:
        """``language`` is the terminal's, as a BCP 47 tag."""
        self._shown = TerminalSurface()
        self.surface: Surface = self._shown
        self.key = ThreadKey(platform=self.name, tenant=platform.node(), channel=_user(), thread="")
        self._person = Person(id=self.key.channel, name=self.key.channel, language=language)
        self._ingest: Ingest | None = None

    @property
    def tenant(self) -> str:
        """The machine's name."""
        return self.key.tenant

    async def connect(self) -> None:
        """Nothing to do: the terminal is there."""

    def routes(self) -> Sequence[BaseRoute]:
        """Return no routes."""
        return ()

    async def start(self, ingest: Ingest) -> None:
        """Take lines from now on."""
        self._ingest = ingest

    async def stop(self) -> None:
        """Take no further line."""
        self._ingest = None

    async def close(self) -> None:
        """Nothing to let go of."""

    async def say(self, text: str) -> None:
        """Ask a question.

        Raises:
            StoreUnavailable: it was not stored.
        """
        said = Said(
            delivery_id=(number := uuid4().hex),
            message_id=number,
            address=Address(key=self.key),
            author=self._person,
            text=text,
            sent_at=datetime.now(UTC),
            scene=Scene.DIRECT,
            addressed=Addressed.DIRECT,
        )
        await self._taken(said)

    async def order(self, command: CommandName, argument: str = "") -> None:
        """Give a command with the rest of its line.

        Raises:
            StoreUnavailable: it was not stored.
        """
        ordered = Ordered(
            delivery_id=uuid4().hex,
            message_id="",
            address=Address(key=self.key),
            author=self._person,
            command=command,
            argument=argument,
            sent_at=datetime.now(UTC),
            scene=Scene.DIRECT,
        )
        await self._taken(ordered)

    def settle(self) -> None:
        """Finish the line of the last answer, before a person is asked for the next one."""
        self._shown.settle()

    async def _taken(self, event: Said | Ordered) -> None:
        if self._ingest is None:
            raise StoreUnavailable("the terminal is not started")
        await self._ingest(event)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "me"
