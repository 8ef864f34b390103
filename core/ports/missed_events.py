"""Port that reads a thread's messages of a time in which no event could arrive."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from core.domain.addresses import ThreadKey
from core.domain.events import Event


class MissedEvents(Protocol):
    """Reads the events of a thread again (Slack). Optional."""

    @property
    def connection(self) -> int:
        """Number of the present connection; while there was none, events may have been missed."""

    async def load(self, key: ThreadKey, *, since: datetime) -> Sequence[Event]:
        """Return what people wrote in a thread after ``since``, oldest first, as it reads now.

        The events have the delivery ids that they would have had; those that arrived are among them.

        Raises:
            PlatformError: the platform refused or cannot be reached.
        """
