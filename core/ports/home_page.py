"""The port for what a person reads on the bot's own page in a platform's client."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.addresses import ThreadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSection:
    """One part of the page."""

    title: str
    text: str  #: Markdown


class HomePage(Protocol):
    """Writes the page; called by adapters each time that a person opens it."""

    async def __call__(self, key: ThreadKey, person_id: str, *, language: str) -> Sequence[HomeSection]:
        """Return the page for a person; () if there is none for them.

        Args:
            key: the platform and tenant; no channel.
            person_id: who opened it.
            language: BCP 47 tag of their client; "" if unknown.

        Raises:
            StoreUnavailable: it cannot be written.
        """
