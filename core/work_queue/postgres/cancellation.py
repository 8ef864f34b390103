"""Cancelling answers that another replica writes: requested in the stored turn, announced by NOTIFY."""

from typing import Final

import structlog

from core.concurrency.task_set import TaskSet
from core.domain.errors import StoreUnavailable
from core.domain.turn_states import CancelReason
from core.store import Database, turns
from core.store.cluster import Notification, notify
from core.work_queue.active_answers import ActiveAnswers

log = structlog.get_logger(__name__)

CANCEL_CHANNEL: Final = "moonthread_cancel"


class CancellationRelay:
    """Cancels answers here, and passes requests for those of other replicas on."""

    def __init__(self, database: Database, active_answers: ActiveAnswers) -> None:
        self._database, self._active_answers = database, active_answers
        self._polling = False
        self._background = TaskSet()

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """Cancel an answer here, or notify the replica that writes it; the request is stored already."""
        if self._active_answers.get(conversation_id) is not None:
            self._active_answers.cancel(conversation_id, reason)
        else:
            self._background.spawn(self._notify(conversation_id))

    def handle(self, notification: Notification) -> None:
        """Look for requests, if a notification names a conversation that has an answer here."""
        payload = notification.payload
        if payload.isdecimal() and self._active_answers.get(int(payload)) is not None:
            self.poll_soon()

    def poll_soon(self) -> None:
        """Look for requests to cancel answers of this replica."""
        if len(self._active_answers) and not self._polling:
            self._background.spawn(self._poll())

    async def close(self) -> None:
        """End what runs in the background."""
        await self._background.close()

    async def _poll(self) -> None:
        self._polling = True
        try:
            async with self._database.read() as tx:
                requests = await turns.load_cancel_requests(tx, self._active_answers.conversation_ids())
            for conversation_id, reason in requests:
                self._active_answers.cancel(conversation_id, reason)
        except StoreUnavailable as exc:
            log.warning("work_queue.cancellations_not_read", error=str(exc))
        finally:
            self._polling = False

    async def _notify(self, conversation_id: int) -> None:
        try:
            async with self._database.begin() as tx:
                await notify(tx, CANCEL_CHANNEL, str(conversation_id))
        except StoreUnavailable as exc:
            # The other replica looks every second.
            log.warning("work_queue.cancellation_not_sent", error=str(exc))
