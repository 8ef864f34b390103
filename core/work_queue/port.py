"""The port of work queues: each conversation's work runs exclusively, in order, at least once."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from core.domain.queue import QueueKey
from core.domain.turn_states import CancelReason
from core.ports.periodic_tasks import TaskScheduler
from core.store import Transaction

ProcessNext: TypeAlias = Callable[[QueueKey], Awaitable[bool]]
"""Processes the oldest open work of a queue; returns False if nothing more was open when it began.

What comes later wakes the queue again. If it raises, the work stays open and is tried again after a pause.
"""

WakeUp: TypeAlias = Callable[[], None]
"""Wakes a queue; to be called once, after the transaction that enqueued its work is committed."""


class WorkQueue(TaskScheduler, Protocol):
    """Runs queued work; one contract suite for all adapters."""

    @property
    def ready(self) -> bool:
        """Whether this process works on open events."""

    @property
    def takeovers(self) -> int:
        """Number of queues that this process has freed from dead replicas."""

    @property
    def lease_losses(self) -> int:
        """Number of times that this process gave all its work up, because it might be another's by then."""

    async def enqueue(self, tx: Transaction, queue_key: QueueKey) -> WakeUp:
        """Enqueue the open event that a transaction stores; call the result after the commit.

        If the process ends between the commit and the call, the event is worked on all the same.
        """

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """Cancel the conversation's running answer in whichever process; the request is stored already."""

    async def start(self, process_next: ProcessNext) -> None:
        """Begin to work, first on what an earlier process left open.

        Raises:
            StoreUnavailable: the database cannot be reached, or belongs to another process.
        """

    async def wait_idle(self) -> None:
        """Wait until no event is open that this process could work on."""

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more, give running work ``grace_s`` seconds to end, then abort it."""
