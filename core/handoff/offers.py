"""Offers of a person around answers: a button below, a sentence within, and an escalation afterwards."""

from typing import Final

import structlog

from core.access import Actor
from core.commands import CommandReply
from core.domain.buttons import OptionButton
from core.domain.errors import StoreUnavailable
from core.domain.events import MessageReceived
from core.domain.handoff_state import HandoffReason
from core.domain.message_content import MessageRole
from core.domain.queue import Lane, QueueKey
from core.domain.turn_states import ANSWERED_BY_KIMI, Outcome, TurnOutcome
from core.handoff.handoff_service import HandoffRequest, HandoffService
from core.handoff.policy import EscalationMode
from core.handoff.request_phrases import asks_for_human, is_same_question
from core.handoff.texts_for_customers import offer_in_answer_text, request_human_button
from core.store import Database, Transaction, handoffs, history, outbox
from core.turns.claimed_turn import ClaimedTurn
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)

_UNHELPFUL: Final = frozenset({Outcome.NO_KNOWLEDGE, Outcome.PERSON_WANTED})
MAX_MESSAGES: Final = 8  #: newest messages among which the same question is looked for


class HandoffOffers:
    """Implements :class:`core.turns.escalation.Escalation` in chats that have a desk."""

    def __init__(self, database: Database, service: HandoffService, work_queue: WorkQueue) -> None:
        self._database = database
        self._service = service
        self._work_queue = work_queue

    def buttons(self, claimed: ClaimedTurn) -> tuple[OptionButton, ...]:
        """Return the buttons below an answer: one that requests a person, if the chat has a desk."""
        return (request_human_button(claimed.language),) if self.can_call_person(claimed) else ()

    async def offer(self, claimed: ClaimedTurn) -> tuple[str, tuple[OptionButton, ...]]:
        """Return the sentence and the button that offer a person within an answer.

        Both are empty if there is no desk, a handoff is active, or :meth:`escalate` will request a person.

        Raises:
            StoreUnavailable: the chat's policy could not be read.
        """
        async with self._database.read() as tx:
            policy = await self._service.load_policy(tx, claimed.address, claimed.language)
            active = await handoffs.get_active(tx, claimed.conversation.id)
        if policy.desk_room is None or active is not None:
            return "", ()
        if policy.escalation_mode is EscalationMode.REQUEST:
            return "", ()
        return offer_in_answer_text(claimed.language), (request_human_button(claimed.language),)

    def can_call_person(self, claimed: ClaimedTurn) -> bool:
        """Return whether the chat of a turn has a desk, so that Kimi may call a person to it."""
        return self._service.policies.has_desk(claimed.conversation.key, claimed.available_context.rules)

    async def spoken_request(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return the answer to a voice message that requests a person: none, as one is called; else None.

        Written words are looked at before they become a question (:mod:`core.handoff.request_detector`).

        Raises:
            StoreUnavailable: it cannot be read who is staff.
        """
        question = claimed.question
        if question is None or question.forwarded_from is not None:
            return None  # somebody else may have said it
        if not claimed.spoken or not self.can_call_person(claimed):
            return None
        rules = claimed.available_context.rules
        if not asks_for_human(claimed.spoken):
            if rules is None or not rules.requests_handoff(claimed.spoken):
                return None
            async with self._database.read() as tx:
                if await self._service.policies.is_staff(tx, Actor.at(claimed.address.key, claimed.asker_id)):
                    return None  # staff uses the keywords when it talks about customers
        return CommandReply(text="", outcome=Outcome.PERSON_WANTED)

    async def escalate(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> None:
        """Offer or request a person after an answer that cannot have helped; once for each question.

        An answer cannot have helped if nothing relevant was known, or if the same question comes again. A
        person is requested at once if Kimi understood that the customer asks for one.
        """
        message = claimed.question
        if message is None or not (outcome in _UNHELPFUL or outcome in ANSWERED_BY_KIMI):
            return
        if not self.can_call_person(claimed):
            return
        wake_up = None
        try:
            async with self._database.begin() as tx:
                queue_key = await self._escalate(tx, claimed, message, outcome)
                if queue_key is not None:
                    wake_up = await self._work_queue.enqueue(tx, queue_key)
        except StoreUnavailable as exc:
            log.warning("handoff.escalation_failed", error=str(exc))
            return
        if wake_up is not None:
            wake_up()

    async def _escalate(
        self, tx: Transaction, claimed: ClaimedTurn, message: MessageReceived, outcome: TurnOutcome
    ) -> QueueKey | None:
        if outcome is Outcome.PERSON_WANTED:
            return await self._request(tx, claimed, message)
        unknown = outcome is Outcome.NO_KNOWLEDGE
        if not unknown and not await _is_repeated(tx, claimed, message):
            return None
        conversation = claimed.conversation
        policy = await self._service.load_policy(tx, claimed.address, claimed.language)
        if policy.desk_room is None or await handoffs.get_active(tx, conversation.id) is not None:
            return None
        if unknown and policy.escalation_mode is EscalationMode.OFFER:
            return None  # the answer contains the offer
        inbox_id = await outbox.add_system_event(tx, conversation, f"offer:{claimed.turn.id}", Lane.HANDOFF)
        if inbox_id is None:
            return None
        request = HandoffRequest(
            reason=HandoffReason.NO_KNOWLEDGE if unknown else HandoffReason.REPEATED_QUESTION,
            customer=message.author,
            language=claimed.language,
            address=claimed.address,
        )
        await self._service.escalate(tx, conversation, request, policy, inbox_id=inbox_id)
        return QueueKey(conversation.id, Lane.HANDOFF)

    async def _request(
        self, tx: Transaction, claimed: ClaimedTurn, message: MessageReceived
    ) -> QueueKey | None:
        """Request the person that the customer asks for."""
        conversation = claimed.conversation
        inbox_id = await outbox.add_system_event(tx, conversation, f"person:{claimed.turn.id}", Lane.HANDOFF)
        if inbox_id is None:
            return None
        request = HandoffRequest(
            reason=HandoffReason.PHRASE,
            customer=message.author,
            language=claimed.language,
            address=claimed.address,
        )
        await self._service.request_handoff(tx, conversation, request, inbox_id=inbox_id)
        return QueueKey(conversation.id, Lane.HANDOFF)


async def _is_repeated(tx: Transaction, claimed: ClaimedTurn, message: MessageReceived) -> bool:
    """Return whether the same person asked the same question shortly before."""
    earlier = await history.load_recent(
        tx,
        claimed.conversation.id,
        after_seq=claimed.conversation.history_cutoff_seq,
        up_to_seq=claimed.turn.inbox_id - 1,
        limit=MAX_MESSAGES,
    )
    return any(
        one.role is MessageRole.USER
        and one.author_id == message.author.id
        and is_same_question(one.text, message.text)
        for one in earlier
    )
