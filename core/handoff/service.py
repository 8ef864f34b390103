"""Beginning and changing handovers: each change and all that it brings, in one transaction.

What is to be shown is stored as rows of :mod:`core.store.outbox`; nothing is sent here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from core.domain.addresses import Address, Person
from core.domain.buttons import OptionButton
from core.domain.handoff_state import (
    HandoffAction,
    HandoffEffect,
    HandoffReason,
    HandoffState,
    HandoffTransition,
    initial_transition,
    transition,
)
from core.domain.turn_states import CancelReason
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.deadlines import next_check_at
from core.handoff.policy import HandoffPolicies, HandoffPolicy
from core.store import Transaction, handoffs, inbox, outbox, turns
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.handoffs import NOBODY, Handoff
from core.store.outbox import OutboxContent, OutboxKind, OutboxSide
from core.text.language import Language

log = structlog.get_logger(__name__)

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffRequest:
    """Who wants a person for a conversation, and why."""

    reason: HandoffReason
    customer: Person
    language: Language
    address: Address  #: where the customer is answered


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffResult:
    """What became of an action."""

    handoff: Handoff
    change: HandoffTransition
    cancel_reason: CancelReason | None = None  #: why the conversation's running answer ends


class HandoffService:
    """Makes changes within the caller's transaction."""

    def __init__(self, policies: HandoffPolicies, *, now: Now = utc_now) -> None:
        self.policies = policies
        self.now = now

    async def load_policy(self, tx: Transaction, address: Address, language: Language) -> HandoffPolicy:
        """Return the terms of the chat that an address is in."""
        return await self.policies.load(tx, address.key, language, self.now())

    async def request_handoff(
        self, tx: Transaction, conversation: Conversation, request: HandoffRequest, *, inbox_id: int
    ) -> HandoffResult | None:
        """Ask for a person; None where the chat has no desk. Who asks again hears where they stand."""
        terms = await self.load_policy(tx, request.address, request.language)
        if terms.desk_room is None:
            return None
        under_way = await handoffs.get_active(tx, conversation.id)
        if under_way is not None:
            return await self.apply_action(
                tx, under_way, HandoffAction.REQUEST, request.customer, inbox_id=inbox_id
            )
        return await self._start(
            tx, conversation, request, HandoffAction.REQUEST, NOBODY, terms, inbox_id=inbox_id
        )

    async def escalate(
        self,
        tx: Transaction,
        conversation: Conversation,
        request: HandoffRequest,
        policy: HandoffPolicy,
        *,
        inbox_id: int,
    ) -> HandoffResult | None:
        """Do what the terms say where the bot thinks that a person should help: offer one, or ask for one."""
        if policy.escalation_mode == "ask":
            return await self.request_handoff(tx, conversation, request, inbox_id=inbox_id)
        offer = OutboxContent(
            text=texts_for_customers.offer_text(request.language),
            choices=(texts_for_customers.request_human_button(request.language),),
            address=request.address,
        )
        await outbox.enqueue(
            tx,
            conversation_id=conversation.id,
            handoff_id=None,
            inbox_id=inbox_id,
            kind=OutboxKind.TEXT,
            side=OutboxSide.CUSTOMER,
            content=offer,
        )
        return None

    async def assign_in_shared_room(
        self,
        tx: Transaction,
        conversation: Conversation,
        request: HandoffRequest,
        assignee: Person,
        *,
        inbox_id: int,
    ) -> HandoffResult:
        """Let a person take a conversation in the very room that they share with the customer."""
        terms = replace(
            await self.load_policy(tx, request.address, request.language), desk_room=handoffs.DeskRoom()
        )
        return await self._start(
            tx, conversation, request, HandoffAction.ASSIGN, assignee, terms, inbox_id=inbox_id
        )

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
        """Do something to a handover; None where it has ended before.

        ``words`` take the place of what the customer would be told.
        """
        change = transition(handoff.state, action)
        if change is None or handoff.ended_at is not None:
            return None
        terms = await self.load_policy(tx, handoff.address, ticket_card.ticket_language(handoff))
        ends = change.after in (HandoffState.BOT, HandoffState.CLOSED)
        waits = handoff.customer_waiting
        look_at = next_check_at(
            change.after, terms.timeouts, now=self.now(), reminder_count=0, customer_waits=waits
        )
        new_taker = action in (HandoffAction.ASSIGN, HandoffAction.REPLY) and author.id != handoff.assignee.id
        if change.changes_state or new_taker:
            await handoffs.apply_action(
                tx,
                handoff,
                action,
                change.after,
                author=author,
                now=self.now(),
                due_at=look_at,
                ends=ends,
            )
            log.info(
                "handoff.state_changed", handover=handoff.id, action=action.value, state=change.after.value
            )
        elif action is not HandoffAction.REQUEST:
            return HandoffResult(handoff=handoff, change=replace(change, effects=()))
        changed = await handoffs.get(tx, handoff.id) or handoff
        cancel = await self._apply_effects(
            tx, changed, change, author, terms, action, inbox_id, customer_notice
        )
        return HandoffResult(handoff=changed, change=change, cancel_reason=cancel)

    async def _start(
        self,
        tx: Transaction,
        conversation: Conversation,
        request: HandoffRequest,
        action: HandoffAction,
        assignee: Person,
        policy: HandoffPolicy,
        *,
        inbox_id: int,
    ) -> HandoffResult:
        now, change = self.now(), initial_transition(action)
        look_at = next_check_at(change.after, policy.timeouts, now=now, reminder_count=0, customer_waits=True)
        made = await handoffs.add(
            tx,
            conversation_id=conversation.id,
            state=change.after,
            reason=request.reason,
            customer=request.customer,
            language=request.language,
            address=request.address,
            desk_room=policy.desk_room or handoffs.DeskRoom(),
            assignee=assignee,
            now=now,
            due_at=look_at,
        )
        author = (
            assignee
            if action is HandoffAction.ASSIGN
            else request.customer
            if request.reason is HandoffReason.CUSTOMER
            else NOBODY
        )
        await handoffs.record_transition(
            tx, made.id, action, change.before, change.after, author=author, now=now
        )
        log.info("handoff.started", handover=made.id, reason=request.reason.value, state=change.after.value)
        cancel = await self._apply_effects(tx, made, change, author, policy, action, inbox_id, "")
        return HandoffResult(handoff=made, change=change, cancel_reason=cancel)

    async def _apply_effects(
        self,
        tx: Transaction,
        handoff: Handoff,
        change: HandoffTransition,
        author: Person,
        policy: HandoffPolicy,
        action: HandoffAction,
        inbox_id: int,
        customer_notice: str,
    ) -> CancelReason | None:
        """Store what a change brings; return why the running answer ends, None if none does."""
        cancel: CancelReason | None = None
        has_room = bool(handoff.desk_room.platform)
        for effect in change.effects:
            match effect:
                case HandoffEffect.SILENCE_BOT:
                    cancel = await _stop_answering(tx, handoff.conversation_id)
                case HandoffEffect.UPDATE_TICKET if has_room:
                    await self.enqueue(tx, handoff, inbox_id, OutboxKind.TICKET, OutboxSide.DESK)
                    if action is not HandoffAction.REQUEST:
                        language = ticket_card.ticket_language(handoff)
                        told = texts_for_staff.action_text(language, action.value, author.name or author.id)
                        await self.enqueue_text(tx, handoff, inbox_id, OutboxSide.DESK, told)
                case HandoffEffect.NOTIFY_CUSTOMER:
                    told, choices = await self._customer_notice(tx, handoff, action, policy)
                    await self.enqueue_text(
                        tx, handoff, inbox_id, OutboxSide.CUSTOMER, customer_notice or told, choices
                    )
                case HandoffEffect.CLOSE_TOPIC if has_room:
                    await self.enqueue(tx, handoff, inbox_id, OutboxKind.CLOSE_TOPIC, OutboxSide.DESK)
                case _:
                    pass
        return cancel

    async def _customer_notice(
        self, tx: Transaction, handoff: Handoff, action: HandoffAction, policy: HandoffPolicy
    ) -> tuple[str, tuple[OptionButton, ...]]:
        """Return what the customer is told of the state that an action led to."""
        language = ticket_card.ticket_language(handoff)
        name = (handoff.assignee.name or "") if policy.show_staff_names else ""
        match handoff.state, action:
            case HandoffState.WAITING, _:
                ahead = await handoffs.count_ahead(tx, handoff)
                return texts_for_customers.requested_text(
                    language, waiting_ahead=ahead, away_notice=policy.away_notice
                ), ()
            case HandoffState.STAFF, HandoffAction.REQUEST:
                return texts_for_customers.already_assigned_text(language, name), ()
            case HandoffState.STAFF, _:
                return texts_for_customers.assigned_text(language, name), ()
            case HandoffState.CLOSED, _ if handoff.assignee.id:
                return texts_for_customers.closed_text(language), texts_for_customers.rating_buttons(
                    handoff.id
                )
            case HandoffState.CLOSED, _:
                return texts_for_customers.closed_without_rating_text(language), ()
            case _:
                return texts_for_customers.returned_to_bot_text(language), ()

    async def enqueue_text(
        self,
        tx: Transaction,
        handoff: Handoff,
        inbox_id: int,
        side: OutboxSide,
        text: str,
        buttons: tuple[OptionButton, ...] = (),
    ) -> int:
        """Store a text of ours that is to be shown; return its row's id."""
        return await self.enqueue(
            tx, handoff, inbox_id, OutboxKind.TEXT, side, OutboxContent(text=text, choices=buttons)
        )

    async def enqueue(
        self,
        tx: Transaction,
        handoff: Handoff,
        inbox_id: int,
        kind: OutboxKind,
        side: OutboxSide,
        content: OutboxContent | None = None,
        source: outbox.SourceMessage | None = None,
    ) -> int:
        """Store what is to be done for a handover; return its row's id."""
        return await outbox.enqueue(
            tx,
            conversation_id=handoff.conversation_id,
            handoff_id=handoff.id,
            inbox_id=inbox_id,
            kind=kind,
            side=side,
            content=content,
            source=source,
        )


async def _stop_answering(tx: Transaction, conversation_id: int) -> CancelReason | None:
    """End the running answer, and leave what waits for one to people; it is in the history already."""
    running = await turns.request_cancel(tx, conversation_id, CancelReason.INTERRUPT)
    await inbox.drop_open(tx, conversation_id, except_ids=[running.inbox_id] if running is not None else [])
    return CancelReason.INTERRUPT if running is not None else None
