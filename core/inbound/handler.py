"""Handlers: parts of the product that see each event before the conversation does.

A handler runs in the transaction that stores the event, so its decision is as durable as the event. It must
be quick, and may read the database but not the network.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from core.domain.events import Event
from core.domain.queue import QueueKey
from core.domain.turn_states import CancelReason
from core.store import Transaction
from core.store.event_context import EventContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """Result of handling an event, with the work that follows once the transaction is committed."""

    queue_key: QueueKey | None = None  #: queue with a new open event; None if the event needs no work
    cancel_reason: CancelReason | None = None  #: why the conversation's running answer ends; None: it goes on
    stored: bool = True  #: False: the event concerns nobody, and nothing of it is stored


IGNORED: Final = Handled(stored=False)


class EventHandler(Protocol):
    """One part of the product that may take an event for itself."""

    async def __call__(self, tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        """Handle an event and store it; None passes it to the next handler.

        ``context`` holds the stored rows that the event may concern.

        Raises:
            DuplicateEvent: the event was stored before.
        """
