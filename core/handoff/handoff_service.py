"""Starting and changing handoffs: each change with all of its effects, in the caller's transaction.

Effects that people see become outbox items; nothing is sent here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias, assert_never

import structlog

from core.domain.addresses import Address, Person
from core.domain.handoff_state import (
    ACTIVE,
    ASSIGNING,
    HandoffAction,
    HandoffEffect,
    HandoffReason,
    HandoffState,
    HandoffTransition,
    OutboxKind,
    OutboxSide,
    initial_transition,
    transition,
)
from core.domain.turn_states import CancelReason
from core.handoff import texts_for_customers, texts_for_staff
from core.handoff.customer_notices import notice_of_change
from core.handoff.deadlines import next_check_at
from core.handoff.earlier_files import enqueue_earlier_files
from core.handoff.languages import language_for_customer, ticket_language
from core.handoff.outbox_writer import enqueue, notify_desk, update_ticket
from core.handoff.policy import EscalationMode, HandoffPolicies, HandoffPolicy
from core.store import Transaction, due_handoffs, handoffs, inbox, outbox, turns
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.handoffs import NOBODY, DeskRoom, Handoff
from core.store.outbox import OutboxContent
from core.text.language import Language

log = structlog.get_logger(__name__)

Now: TypeAlias = Callable[[], datetime]
"""Returns the present time, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRequest:
    """A request to hand a conversation over to a person."""

    reason: HandoffReason
    customer: Person
    language: Language
    address: Address  #: where the customer is answered


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffResult:
    """A handoff after an action."""

    handoff: Handoff
    cancel_reason: CancelReason | None = None  #: why the conversation's running answer ends; None: it goes on


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """An action with all that its effects depend on."""

    action: HandoffAction
    transition: HandoffTransition
    author: Person  #: NOBODY: the service itself
    policy: HandoffPolicy
    inbox_id: int  #: the event that causes it
    customer_notice: str = ""  #: replaces the usual notice


class HandoffService:
    """Starts and changes handoffs."""

    def __init__(self, policies: HandoffPolicies, *, now: Now = utc_now) -> None:
        self.policies = policies
        self.now = now

    async def load_policy(self, tx: Transaction, address: Address, language: Language) -> HandoffPolicy:
        """Return the present policy of an address's chat."""
        return await self.policies.load(tx, address.key, language, self.now())

    async def policy_of(self, tx: Transaction, handoff: Handoff) -> HandoffPolicy:
        """Return the present policy of a handoff's chat."""
        return await self.load_policy(tx, handoff.address, language_for_customer(handoff))

    def due_at(
        self, state: HandoffState, policy: HandoffPolicy, *, customer_waits: bool, reminder_count: int = 0
    ) -> datetime | None:
        """Return when a handoff that is touched now has to be checked next; see :func:`next_check_at`."""
        return next_check_at(
            state,
            policy.timeouts,
            now=self.now(),
            reminder_count=reminder_count,
            customer_waits=customer_waits,
        )

    async def request_handoff(
        self, tx: Transaction, conversation: Conversation, request: HandoffRequest, *, inbox_id: int
    ) -> HandoffResult | None:
        """Start a handoff, or tell the customer the state of the present one; None if there is no desk."""
        policy = await self.load_policy(tx, request.address, request.language)
        if policy.desk_room is None:
            return None
        active = await handoffs.get_active(tx, conversation.id)
        if active is not None:
            return await self.apply_action(
                tx, active, HandoffAction.REQUEST, request.customer, inbox_id=inbox_id
            )
        author = request.customer if request.reason is HandoffReason.CUSTOMER else NOBODY
        change = _Change(
            action=HandoffAction.REQUEST,
            transition=initial_transition(HandoffAction.REQUEST),
            author=author,
            policy=policy,
            inbox_id=inbox_id,
        )
        return await self._start(tx, conversation, request, change)

    async def assign(
        self,
        tx: Transaction,
        conversation: Conversation,
        request: HandoffRequest,
        assignee: Person,
        *,
        inbox_id: int,
        in_shared_room: bool = False,
    ) -> HandoffResult:
        """Start a handoff that a person has from the beginning, at the desk or in the customer's room."""
        policy = await self.load_policy(tx, request.address, request.language)
        change = _Change(
            action=HandoffAction.ASSIGN,
            transition=initial_transition(HandoffAction.ASSIGN),
            author=assignee,
            policy=replace(policy, desk_room=DeskRoom()) if in_shared_room else policy,
            inbox_id=inbox_id,
        )
        return await self._start(tx, conversation, request, change)

    async def escalate(
        self,
        tx: Transaction,
        conversation: Conversation,
        request: HandoffRequest,
        policy: HandoffPolicy,
        *,
        inbox_id: int,
    ) -> HandoffResult | None:
        """Offer a person, or request one, as the policy says; None if no handoff started."""
        match policy.escalation_mode:
            case EscalationMode.REQUEST:
                return await self.request_handoff(tx, conversation, request, inbox_id=inbox_id)
            case EscalationMode.OFFER:
                await outbox.enqueue(
                    tx,
                    conversation_id=conversation.id,
                    handoff_id=None,
                    inbox_id=inbox_id,
                    kind=OutboxKind.TEXT,
                    side=OutboxSide.CUSTOMER,
                    content=OutboxContent(
                        text=texts_for_customers.offer_text(request.language),
                        choices=(texts_for_customers.request_human_button(request.language),),
                        address=request.address,
                        offered_to=request.customer.id,
                    ),
                )
                return None
            case _:
                assert_never(policy.escalation_mode)

    async def apply_action(
        self,
        tx: Transaction,
        handoff: Handoff,
        action: HandoffAction,
        author: Person,
        *,
        inbox_id: int,
        customer_notice: str = "",
    ) -> HandoffResult | None:
        """Apply an action with its effects; None if the handoff has ended before.

        ``customer_notice`` replaces the text that tells the customer of the change.
        """
        step = transition(handoff.state, action)
        if step is None or handoff.ended_at is not None:
            return None
        policy = await self.policy_of(tx, handoff)
        if step.changes_state or (action in ASSIGNING and author.id != handoff.assignee.id):
            await handoffs.apply_action(
                tx,
                handoff,
                action,
                step.after,
                author=author,
                now=self.now(),
                due_at=self.due_at(step.after, policy, customer_waits=handoff.customer_waiting),
                ends=step.after in (HandoffState.BOT, HandoffState.CLOSED),
            )
            log.info("handoff.state_changed", handoff=handoff.id, action=action.value, state=step.after.value)
        elif action is not HandoffAction.REQUEST:
            return HandoffResult(handoff=handoff)
        changed = await handoffs.get(tx, handoff.id) or handoff
        change = _Change(
            action=action,
            transition=step,
            author=author,
            policy=policy,
            inbox_id=inbox_id,
            customer_notice=customer_notice,
        )
        return HandoffResult(handoff=changed, cancel_reason=await self._apply_effects(tx, changed, change))

    async def _start(
        self, tx: Transaction, conversation: Conversation, request: HandoffRequest, change: _Change
    ) -> HandoffResult:
        now, step = self.now(), change.transition
        handoff = await handoffs.add(
            tx,
            conversation_id=conversation.id,
            state=step.after,
            reason=request.reason,
            customer=request.customer,
            language=request.language,
            address=request.address,
            desk_room=change.policy.desk_room or DeskRoom(),
            desk_language=change.policy.desk_language,
            assignee=change.author if change.action is HandoffAction.ASSIGN else NOBODY,
            now=now,
            due_at=self.due_at(step.after, change.policy, customer_waits=True),
        )
        await handoffs.record_transition(
            tx, handoff.id, change.action, step.before, step.after, author=change.author, now=now
        )
        log.info("handoff.started", handoff=handoff.id, reason=request.reason.value, state=step.after.value)
        cancel_reason = await self._apply_effects(tx, handoff, change)
        await enqueue_earlier_files(tx, handoff, change.inbox_id)
        return HandoffResult(handoff=handoff, cancel_reason=cancel_reason)

    async def _apply_effects(self, tx: Transaction, handoff: Handoff, change: _Change) -> CancelReason | None:
        """Store a change's effects; return why the conversation's running answer ends."""
        cancel_reason: CancelReason | None = None
        for effect in change.transition.effects:
            match effect:
                case HandoffEffect.SILENCE_BOT:
                    cancel_reason = await _stop_answering(tx, handoff.conversation_id)
                case HandoffEffect.UPDATE_TICKET:
                    await self._tell_desk(tx, handoff, change)
                case HandoffEffect.NOTIFY_CUSTOMER:
                    await self._tell_customer(tx, handoff, change)
                case HandoffEffect.CLOSE_TOPIC:
                    if handoff.desk_room.platform:
                        await enqueue(tx, handoff, change.inbox_id, OutboxKind.CLOSE_TOPIC, OutboxSide.DESK)
                case _:
                    assert_never(effect)
        return cancel_reason

    async def _tell_desk(self, tx: Transaction, handoff: Handoff, change: _Change) -> None:
        await update_ticket(tx, handoff, change.inbox_id)
        if change.action is not HandoffAction.REQUEST:
            name = change.author.name_or_id
            text = texts_for_staff.action_text(ticket_language(handoff), change.action, name)
            await notify_desk(tx, handoff, change.inbox_id, text)

    async def _tell_customer(self, tx: Transaction, handoff: Handoff, change: _Change) -> None:
        waiting = handoff.state is HandoffState.WAITING
        text, buttons = notice_of_change(
            handoff,
            change.action,
            change.policy,
            waiting_ahead=await due_handoffs.count_ahead(tx, handoff) if waiting else 0,
            by_service=not change.author.id,
        )
        asked_again = change.action is HandoffAction.REQUEST and change.transition.before in ACTIVE
        if asked_again:
            # Sent first, so that a desk that is gone is noticed before the customer is told that it is there.
            customer = handoff.customer.name_or_id
            again = texts_for_staff.asks_again_text(ticket_language(handoff), customer)
            await notify_desk(tx, handoff, change.inbox_id, again)
        content = OutboxContent(
            text=change.customer_notice or text, choices=buttons, while_active=asked_again
        )
        await enqueue(tx, handoff, change.inbox_id, OutboxKind.TEXT, OutboxSide.CUSTOMER, content)


async def _stop_answering(tx: Transaction, conversation_id: int) -> CancelReason | None:
    """Cancel the running answer and drop open questions, which stay in the history for people to read."""
    running = await turns.request_cancel(tx, conversation_id, CancelReason.INTERRUPT)
    await inbox.drop_open(tx, conversation_id, except_ids=[running.inbox_id] if running is not None else [])
    return CancelReason.INTERRUPT if running is not None else None
