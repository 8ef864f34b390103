"""The port for periodic tasks, which both work queues implement."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicTask:
    """Something to do every so often; doing it twice must do no harm."""

    name: str  #: unique, short
    every_s: float  #: a divisor of a minute, of an hour or of a day
    run: Callable[[], Awaitable[None]]
    """One round. What it raises is logged, and it is tried again."""


class TaskScheduler(Protocol):
    """Does chores; both engines are one."""

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Take a chore on, before the start; its first round is at the start, where one is due."""

    def run_soon(self, name: str) -> None:
        """Do a chore as soon as it can be done, whenever its next round is due."""
