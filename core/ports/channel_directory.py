"""The port for what a platform says of a channel: its name and its topic."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDescription:
    """What the members of a channel call it, and say that it is for."""

    name: str = ""  #: as its members see it, such as "#support"; "" if it has none
    topic: str = ""  #: written by its members


class ChannelDirectory(Protocol):
    """Descriptions of channels and groups. Optional; the adapter caches for about an hour."""

    async def describe(self, channel: str) -> ChannelDescription:
        """Return a channel's description as far as it is known; a question does not wait for it.

        What is not known, or too old, is looked up meanwhile, for the next question. Raises nothing.
        """
