"""The port for periodic tasks, which both work queues implement."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something to do every so often; doing it twice must do no harm."""

    name: str  #: unique, short
    every_s: float  #: a divisor of a minute, of an hour or of a day
    do: Callable[[], Awaitable[None]]
    """One round. What it raises is logged, and it is tried again."""


class Schedule(Protocol):
    """Does chores; both engines are one."""

    def schedule(self, chore: Chore) -> None:
        """Take a chore on, before the start; its first round is at the start, where one is due."""

    def hurry(self, name: str) -> None:
        """Do a chore as soon as it can be done, whenever its next round is due."""
