"""Waiting for the rest of an album before its first part is sent.

Telegram delivers an album as one message for each file, without saying how many; the caption, which may mark
the album as internal, can stand on any of them
(https://core.telegram.org/bots/api#message, ``media_group_id``).
"""

from typing import Final

from core.domain.clock import Clock
from core.domain.handoff_state import OutboxState
from core.store import Database, outbox_copies
from core.store.outbox import OutboxItem

QUIET_S: Final = 1.5  #: without a further part, after which an album is complete


def is_held(item: OutboxItem) -> bool:
    """Return whether an item waits for the rest of an album before its first attempt.

    The album is shown as one, and a staff member's may yet turn out to be internal.
    """
    return bool(item.content.media_group_id) and item.handoff_id is not None and item.attempt == 0


class AlbumHold:
    """Holds the copies of albums back."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def wait_until_complete(self, item: OutboxItem) -> None:
        """Wait until an item's album is complete; return at once if an earlier part was sent."""
        parts = await self._load(item)
        while not any(one.state is OutboxState.DONE for one in parts):
            await self._clock.sleep(QUIET_S)
            known, parts = len(parts), await self._load(item)
            if len(parts) == known:
                return

    async def _load(self, item: OutboxItem) -> list[OutboxItem]:
        if item.handoff_id is None:
            return []
        async with self._database.read() as tx:
            return list(
                await outbox_copies.load_media_group(tx, item.handoff_id, item.content.media_group_id)
            )
