"""Wishes to end an answer that another replica writes: stored in its turn, and told over NOTIFY."""

from typing import Final

import structlog

from core.domain.errors import StoreUnavailable
from core.store import Database, turns
from core.store.cluster import notify
from core.work_queue.active_answers import RunningAnswers

log = structlog.get_logger(__name__)

CANCEL_CHANNEL: Final = "moonthread_cancel"


class Wishes:
    """Tells the others what is wished of them, and heeds what they wish of us."""

    def __init__(self, database: Database, running: RunningAnswers) -> None:
        self._database, self._running = database, running
        self._looking = False

    async def heed(self) -> None:
        """End those of our answers whose end is wished; one look at a time is enough."""
        if self._looking or not len(self._running):
            return
        self._looking = True
        try:
            async with self._database.read() as tx:
                wishes = await turns.wishes(tx, self._running.conversations())
            for conversation_id, why in wishes:
                self._running.cancel(conversation_id, why)
        except StoreUnavailable as exc:
            log.warning("wishes_unread", error=str(exc))
        finally:
            self._looking = False

    async def tell(self, conversation_id: int) -> None:
        """Tell the replica that writes the conversation's answer to look."""
        try:
            async with self._database.begin() as tx:
                await notify(tx, CANCEL_CHANNEL, str(conversation_id))
        except StoreUnavailable as exc:
            log.warning("cancel_untold", error=str(exc))  # the other replica looks every second
