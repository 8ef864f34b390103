"""Waits a moment for the message of a press that is ahead of the store.

A platform shows a message, and a person presses, before the id that the platform returned is stored. Such a
press would not count, since its message offers nothing yet. A forged press names a message that never
comes, and polling stores one event after another, so waits are counted: a few for each person and for all.
"""

from collections import deque
from typing import Final, TypeAlias

from core.domain.buttons import ActionButton, ChangeHandoff, SendDraft, SuggestReply
from core.domain.clock import Clock
from core.domain.events import ButtonPressed, Event
from core.store import Database, Transaction, conversations, handoffs, outbox

PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4)  #: between two looks; storing an id takes milliseconds
WINDOW_S: Final = 60.0
MAX_WAITS_PER_PERSON: Final = 3  #: in a window
MAX_WAITS: Final = 12  #: of all people together, in a window

Person: TypeAlias = tuple[str, str, str]
"""Platform, tenant and id of a person."""


class EarlyPresses:
    """Counts and carries out the waits of one process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waits: deque[tuple[float, Person]] = deque()

    async def wait_for_message(self, event: Event) -> None:
        """Wait for the message of a press if it may be stored any moment.

        Raises:
            StoreUnavailable: the store could not be read.
        """
        if not isinstance(event, ButtonPressed):
            return
        for number, pause_s in enumerate(PAUSES_S):
            async with self._database.read() as tx:
                if not await _is_early(tx, event):
                    return
            if number == 0 and not self._count_wait(event):
                return
            await self._clock.sleep(pause_s)

    def _count_wait(self, event: ButtonPressed) -> bool:
        """Count one more wait of a person; False if there were too many."""
        now, key = self._clock.time(), event.address.key
        person = (key.platform, key.tenant, event.author.id)
        while self._waits and self._waits[0][0] <= now - WINDOW_S:
            self._waits.popleft()
        of_person = sum(one == person for _, one in self._waits)
        if len(self._waits) >= MAX_WAITS or of_person >= MAX_WAITS_PER_PERSON:
            return False
        self._waits.append((now, person))
        return True


async def _is_early(tx: Transaction, event: ButtonPressed) -> bool:
    """Return whether the pressed message is not known, and may be one of ours."""
    key = event.address.key
    match event.action:
        case ActionButton.STOP:  # counts without its message
            return False
        case ChangeHandoff(handoff_id=handoff_id) | SuggestReply(handoff_id=handoff_id):
            handoff = await handoffs.get_by_ticket(tx, handoff_id, key)
            return handoff is not None and event.message_id not in {ref.message_id for ref in handoff.ticket}
        case SendDraft(item_id=item_id):
            item = await outbox.get(tx, item_id)
            return item is not None and event.message_id not in {ref.message_id for ref in item.refs}
        case _:
            return await conversations.find_by_message(tx, key, event.message_id) is None
