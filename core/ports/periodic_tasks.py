"""The port for periodic tasks, which both work queues implement."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodicTask:
    """Work to do at a fixed interval; doing it twice must do no harm."""

    name: str  #: unique, short
    every_s: float  #: a divisor of a minute, of an hour or of a day
    run: Callable[[], Awaitable[None]]
    """Runs one round. An error is logged, and the round is tried again."""


class TaskScheduler(Protocol):
    """Runs periodic tasks: each round in one process, however many share the database."""

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Add a task before the start; its first round runs at the start if it is due."""

    def run_soon(self, name: str) -> None:
        """Run a task as soon as possible, whenever its next round is due."""
