"""The engine: runs each conversation's work exclusively, at least once, in order."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from core.domain.turn_states import CancelReason
from core.ports.periodic_tasks import TaskScheduler
from core.store import QueueKey, Transaction

ProcessQueue: TypeAlias = Callable[[QueueKey], Awaitable[None]]
"""Works off everything that is open in one line of work; returns when nothing is."""


class WorkQueue(TaskScheduler, Protocol):
    """What the way in and the composition root need of it; one contract suite for all adapters."""

    @property
    def ready(self) -> bool:
        """Whether it works off what is open."""

    @property
    def takeovers(self) -> int:
        """How many lines of work it has freed from dead replicas."""

    @property
    def lease_losses(self) -> int:
        """How often it gave up all that it ran, because it might be another's."""

    async def enqueue(self, tx: Transaction, queue_key: QueueKey) -> None:
        """Say within the ingest transaction that ``work`` has an open event."""

    def wake(self, queue_key: QueueKey) -> None:
        """Say after the commit that ``work`` has an open event."""

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """End the conversation's running answer, wherever it runs; stored already as wanted."""

    async def start(self, process_queue: ProcessQueue) -> None:
        """Begin to work, with what an earlier process left open first.

        Raises:
            StoreUnavailable: the database cannot be reached, or belongs to another process.
        """

    async def stop(self, grace_s: float) -> None:
        """Begin nothing new, give what runs ``grace_s`` seconds, then abort it."""
