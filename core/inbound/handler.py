"""Doors: parts of the product that look at each event before the conversation does.

A door is asked within the transaction that stores the event, so that what it decides is as durable
as the event. It must be quick, and may read the database but no network.
"""

from dataclasses import dataclass
from typing import Protocol

from core.domain.events import Event
from core.domain.turn_states import CancelReason
from core.store import QueueKey, Transaction
from core.store.event_context import EventContext


@dataclass(frozen=True, slots=True)
class Enqueued:
    """What the engine has to be told once the event is committed."""

    queue_key: QueueKey | None = None
    cancel_reason: CancelReason | None = (
        None  #: why the conversation's running answer ends; None if it goes on
    )


@dataclass(frozen=True, slots=True)
class Handled:
    """A door's word on an event that is its own; it has stored the event itself."""

    enqueued: Enqueued | None  #: None where the event is not new, or concerns nobody


class EventHandler(Protocol):
    """One part of the product that may take an event for itself."""

    async def __call__(self, tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        """Return a ruling where the event is this door's; None lets it go on.

        ``arrival`` is what the store holds on the event.
        """
