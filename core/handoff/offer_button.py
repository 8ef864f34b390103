"""After an answer: where it did not help, a person is offered or asked for.

It did not help where nothing relevant was known, or where the same question comes again.
"""

import structlog

from core.domain.buttons import OptionButton
from core.domain.errors import StoreUnavailable
from core.domain.events import MessageReceived
from core.domain.handoff_state import HandoffReason
from core.domain.turn_states import ANSWERED_BY_KIMI, Outcome, TurnOutcome
from core.handoff import texts_for_customers
from core.handoff.request_phrases import is_same_question
from core.handoff.service import HandoffRequest, HandoffService
from core.store import Database, Lane, QueueKey, Transaction, handoffs, history, outbox
from core.turns.claimer import ClaimedTurn
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)

MAX_LINES = 8  #: of the conversation in which an earlier question is looked for


class HandoffButtonProvider:
    """Implements :class:`AnswerButtonProvider`: "Talk to a person", where somebody would come."""

    def __init__(self, database: Database, service: HandoffService) -> None:
        self._database = database
        self._service = service

    async def __call__(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> tuple[OptionButton, ...]:
        """Return the button."""
        async with self._database.read() as tx:
            terms = await self._service.load_policy(tx, claimed.address, claimed.language)
        key = claimed.conversation.key
        if terms.desk_room is None or (terms.desk_room.platform, terms.desk_room.channel) == (
            key.platform,
            key.channel,
        ):
            return ()
        return (texts_for_customers.request_human_button(claimed.language),)


class EscalationHook:
    """Implements :class:`core.turns.runner.AfterAnswerHook`."""

    def __init__(self, database: Database, service: HandoffService, work_queue: WorkQueue) -> None:
        self._database = database
        self._service = service
        self._work_queue = work_queue

    async def __call__(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> None:
        """Offer a person, once for each question, where its answer cannot have helped."""
        if claimed.question is None or not (outcome is Outcome.NO_KNOWLEDGE or outcome in ANSWERED_BY_KIMI):
            return
        try:
            async with self._database.begin() as tx:
                work = await self._escalate(tx, claimed, claimed.question, outcome)
                if work is not None:
                    await self._work_queue.enqueue(tx, work)
        except StoreUnavailable as exc:
            log.warning("handoff.escalation_failed", error=str(exc))
            return
        if work is not None:
            self._work_queue.wake(work)

    async def _escalate(
        self, tx: Transaction, claimed: ClaimedTurn, message: MessageReceived, outcome: TurnOutcome
    ) -> QueueKey | None:
        unknown = outcome is Outcome.NO_KNOWLEDGE
        reason = HandoffReason.NO_KNOWLEDGE if unknown else HandoffReason.REPEATED_QUESTION
        if not unknown and not await self._is_repeated(tx, claimed, message):
            return None
        conversation = claimed.conversation
        terms = await self._service.load_policy(tx, claimed.address, claimed.language)
        if terms.desk_room is None or await handoffs.get_active(tx, conversation.id) is not None:
            return None
        if unknown and terms.escalation_mode == "offer":
            return None  # the answer itself offers one, with a button
        inbox_id = await outbox.add_system_event(tx, conversation, f"offer:{claimed.turn.id}", Lane.HANDOFF)
        if inbox_id is None:
            return None
        wish = HandoffRequest(
            reason=reason, customer=message.author, language=claimed.language, address=claimed.address
        )
        await self._service.escalate(tx, conversation, wish, terms, inbox_id=inbox_id)
        return QueueKey(conversation.id, Lane.HANDOFF)

    async def _is_repeated(self, tx: Transaction, claimed: ClaimedTurn, message: MessageReceived) -> bool:
        """Return whether the same person asked the same thing shortly before."""
        lines = await history.load_recent(
            tx,
            claimed.conversation.id,
            after_seq=claimed.conversation.history_cutoff_seq,
            up_to_seq=claimed.turn.inbox_id - 1,
            limit=MAX_LINES,
        )
        return any(
            line.role == "user"
            and line.author_id == message.author.id
            and is_same_question(line.text, message.text)
            for line in lines
        )
