"""The turn runner: brings a conversation's oldest open turn to its end.

::

    claim    raises the turn's attempt, so that a former worker can store nothing more
    produce  Kimi's text goes into the growing message; the whole text is stored
    show     the last text is shown
    close    turn and events are closed in one transaction

After a crash at any of these points, the next attempt continues from what was stored.
"""

import structlog

from core.access.closed_places import ClosedPlaces
from core.delivery.streamed_message import StreamedMessage
from core.domain.errors import LeaseLost, MessageRemoved, PlatformError, PlatformForbidden, ThreadClosed
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason, Outcome, TurnOutcome
from core.store import Database, Transaction, history, inbox, turns
from core.turns.answer_producer import AnswerProducer
from core.turns.claimed_turn import ClaimedTurn
from core.turns.claimer import MAX_MERGED, TurnClaimer
from core.turns.escalation import Escalation
from core.turns.private_notices import PrivateNotices
from core.turns.telemetry import TurnTelemetry, TurnTracker
from core.turns.turn_delivery import TurnDeliveries
from core.work_queue.active_answers import ActiveAnswer, ActiveAnswers

log = structlog.get_logger(__name__)


class TurnRunner:
    """Implements :data:`core.work_queue.port.ProcessNext` for questions and commands."""

    def __init__(
        self,
        database: Database,
        claimer: TurnClaimer,
        producer: AnswerProducer,
        deliveries: TurnDeliveries,
        active_answers: ActiveAnswers,
        escalation: Escalation,
        tracker: TurnTracker,
        closed_places: ClosedPlaces,
        private_notices: PrivateNotices,
    ) -> None:
        self._database = database
        self._claimer = claimer
        self._producer = producer
        self._deliveries = deliveries
        self._active_answers = active_answers
        self._escalation = escalation
        self._tracker = tracker
        self._closed_places = closed_places
        self._private_notices = private_notices

    async def __call__(self, queue_key: QueueKey) -> bool:
        """Process a queue's oldest open turn; return whether more may be open.

        Raises:
            StoreUnavailable: the turn stays open.
        """
        if queue_key.lane is not Lane.TURNS:
            return await self._process(queue_key, ActiveAnswer())
        # Registered before the claim, so that no cancellation is missed in between.
        running = self._active_answers.register(queue_key.conversation_id)
        try:
            return await self._process(queue_key, running)
        finally:
            self._active_answers.remove(queue_key.conversation_id, running)

    async def _process(self, queue_key: QueueKey, running: ActiveAnswer) -> bool:
        claimed = await self._claimer.claim(queue_key)
        if claimed is None:
            return False
        try:
            if claimed.question is not None and self._closed_places.is_closed(claimed.address.key):
                await self._close_unasked(claimed)
                return claimed.more_open
            with self._tracker.track(claimed, person=await self._tracker.person_of(claimed)) as telemetry:
                await self._run_turn(claimed, running, telemetry)
        except LeaseLost:
            return False
        return claimed.more_open

    async def _run_turn(self, claimed: ClaimedTurn, running: ActiveAnswer, telemetry: TurnTelemetry) -> None:
        if claimed.turn.cancel_reason is not None:
            running.cancel(claimed.turn.cancel_reason)
        delivery = self._deliveries.open(claimed)
        try:
            claimed = await self._producer.hear(claimed, delivery, running)
            outcome = await self._producer.produce(claimed, delivery, running)
            if not delivery.final_buttons:
                delivery.final_buttons = self._deliveries.final_buttons(claimed, outcome)
            outcome = await self._finish(claimed, delivery, outcome)
            await delivery.clear_status()
        finally:
            delivery.close()
        async with self._database.begin() as tx:
            removed = isinstance(delivery.error, MessageRemoved)
            unseen = delivery.first_shown_at is None and not claimed.turn.refs
            if outcome is Outcome.UNDELIVERED and (unseen or removed):  # it is not what was said
                await history.supersede_answer(tx, claimed.turn.conversation_id, claimed.turn.seq)
            await _close(tx, claimed, outcome)
        telemetry.finished(outcome, delivery)
        is_replaced = running.cancel_reason is CancelReason.INTERRUPT  # or the question was deleted
        if outcome is Outcome.UNDELIVERED and not is_replaced:
            await self._private_notices.tell_unanswered(claimed, removed=removed)
        if claimed.question is not None:
            await self._producer.prepare_next(claimed)
            if claimed.digest is None:
                await self._escalation.escalate(claimed, outcome)

    async def _finish(
        self, claimed: ClaimedTurn, delivery: StreamedMessage, outcome: TurnOutcome
    ) -> TurnOutcome:
        """Show the last text; return how the turn ended."""
        key = claimed.address.key
        try:
            await delivery.finish()
        except PlatformError as exc:
            log.warning("turn.undelivered", platform=key.platform, error=str(exc))
            if isinstance(exc, PlatformForbidden):
                self._closed_places.close(key, thread_only=isinstance(exc, ThreadClosed))
            return Outcome.UNDELIVERED
        if delivery.first_shown_at is not None:
            self._closed_places.reopen(key)
        return outcome

    async def _close_unasked(self, claimed: ClaimedTurn) -> None:
        """Close a turn without asking Kimi, because nobody could see the answer."""
        async with self._database.begin() as tx:
            await _close(tx, claimed, Outcome.UNDELIVERED)
        log.info("turn.not_asked", conversation=claimed.conversation.id)
        await self._private_notices.tell_unanswered(claimed)


async def _close(tx: Transaction, claimed: ClaimedTurn, outcome: TurnOutcome) -> None:
    """Close a turn together with its events."""
    await turns.finish(tx, claimed.turn, outcome=outcome)
    await inbox.set_status(tx, await _event_ids(tx, claimed), EventStatus.DONE)


async def _event_ids(tx: Transaction, claimed: ClaimedTurn) -> list[int]:
    """Return the inbox ids of a turn's events: one, or all that were coalesced."""
    turn = claimed.turn
    if turn.seq <= turn.inbox_id:
        return [turn.inbox_id]
    items = await inbox.load_open_items(tx, QueueKey(turn.conversation_id, Lane.TURNS), limit=MAX_MERGED)
    return [item.id for item in items if item.id <= turn.seq]
