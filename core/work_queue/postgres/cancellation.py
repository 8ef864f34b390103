"""Wishes to end an answer that another replica writes: stored in its turn, and told over NOTIFY."""

from typing import Final

import structlog

from core.domain.errors import StoreUnavailable
from core.store import Database, turns
from core.store.cluster import notify
from core.work_queue.active_answers import ActiveAnswers

log = structlog.get_logger(__name__)

CANCEL_CHANNEL: Final = "moonthread_cancel"


class CancellationRelay:
    """Tells the others what is wished of them, and heeds what they wish of us."""

    def __init__(self, database: Database, active_answers: ActiveAnswers) -> None:
        self._database, self._active_answers = database, active_answers
        self._polling = False

    async def poll(self) -> None:
        """End those of our answers whose end is wished; one look at a time is enough."""
        if self._polling or not len(self._active_answers):
            return
        self._polling = True
        try:
            async with self._database.read() as tx:
                wishes = await turns.load_cancel_requests(tx, self._active_answers.conversation_ids())
            for conversation_id, why in wishes:
                self._active_answers.cancel(conversation_id, why)
        except StoreUnavailable as exc:
            log.warning("work_queue.cancellations_not_read", error=str(exc))
        finally:
            self._polling = False

    async def notify(self, conversation_id: int) -> None:
        """Tell the replica that writes the conversation's answer to look."""
        try:
            async with self._database.begin() as tx:
                await notify(tx, CANCEL_CHANNEL, str(conversation_id))
        except StoreUnavailable as exc:
            log.warning(
                "work_queue.cancellation_not_sent", error=str(exc)
            )  # the other replica looks every second
