"""The buttons of handovers: the desk's, the one that asks for a person, the rating's.

Choices' data can be forged by a changed client, so that each press is checked: the desk's verbs count
only on the desk, a rating only from the handover's own customer.
"""

from typing import assert_never

from core.domain.bot_messages import FeedbackVerdict
from core.domain.buttons import (
    ActionButton,
    ChangeHandoff,
    CommentRating,
    ConfirmForget,
    RateHandoff,
    RequestHuman,
    RunCommand,
    SendDraft,
    SuggestReply,
)
from core.domain.events import ButtonPressed
from core.domain.handoff_state import ACTIVE, HandoffAction, HandoffReason
from core.domain.turn_states import CancelReason
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.deadlines import next_check_at
from core.handoff.lookup import customer_address, customer_language
from core.handoff.relay import Relay
from core.handoff.service import HandoffRequest, HandoffService
from core.inbound.handler import Handled
from core.store import (
    Lane,
    QueueKey,
    Transaction,
    conversations,
    feedback,
    handoffs,
    history,
    inbox,
    outbox,
    ratings,
)
from core.store.handoffs import Handoff
from core.store.history import HistoryMessage
from core.store.inbox import EventStatus
from core.store.outbox import OutboxContent, OutboxKind, OutboxSide
from core.text.tokens import estimate_tokens


class HandoffButtonHandler:
    """Rules on pressed buttons."""

    def __init__(self, service: HandoffService, relay: Relay) -> None:
        self._service = service
        self._relay = relay

    async def __call__(self, tx: Transaction, event: ButtonPressed) -> Handled | None:
        """Return a ruling where a button of ours was pressed."""
        match event.action:
            case RequestHuman():
                return await self._request_handoff(tx, event)
            case SendDraft(item_id=item_id):
                return await self._send_draft(tx, event, item_id)
            case SuggestReply(handoff_id=handoff_id):
                return await self._request_draft(tx, event, handoff_id)
            case ChangeHandoff(handoff_id=handoff_id, action=action):
                return await self._apply_action(tx, event, action, handoff_id)
            case CommentRating(handoff_id=handoff_id):
                return await self._request_comment(tx, event, handoff_id)
            case RateHandoff(handoff_id=handoff_id, stars=stars):
                return await self._save_rating(tx, event, stars, handoff_id)
            case ActionButton.BAD:
                return await self._on_bad_feedback(tx, event)
            case ActionButton() | RunCommand() | ConfirmForget():
                return None
            case _:
                assert_never(event.action)

    # -- by customers ----------------------------------------------------------------------------------

    async def _request_handoff(self, tx: Transaction, event: ButtonPressed) -> Handled | None:
        key = event.address.key
        conversation = await conversations.find_by_message(tx, key, event.message_id)
        conversation = conversation or await conversations.find(tx, key)
        if conversation is None:
            return await self._skip(tx, event)
        seq = await self._save_event(tx, event, conversation.id)
        language = await customer_language(tx, conversation, event.author.language)
        wish = HandoffRequest(
            reason=HandoffReason.CUSTOMER,
            customer=event.author,
            language=language,
            address=customer_address(conversation, event),
        )
        done = await self._service.request_handoff(tx, conversation, wish, inbox_id=seq)
        return self._enqueued(conversation.id, done.cancel_reason if done is not None else None)

    async def _on_bad_feedback(self, tx: Transaction, event: ButtonPressed) -> Handled | None:
        """Keep a bad verdict on an answer, and offer a person."""
        key = event.address.key
        conversation = await conversations.find_by_message(tx, key, event.message_id)
        turn_id = await conversations.find_turn_id(tx, key, event.message_id)
        if conversation is None or turn_id is None:
            return None
        language = await customer_language(tx, conversation, event.author.language)
        terms = await self._service.load_policy(tx, event.address, language)
        if terms.desk_room is None or await handoffs.get_active(tx, conversation.id) is not None:
            return None
        seq = await self._save_event(tx, event, conversation.id)
        await feedback.save(tx, turn_id=turn_id, person_id=event.author.id, verdict=FeedbackVerdict.BAD)
        address = customer_address(conversation, event)
        wish = HandoffRequest(
            reason=HandoffReason.BAD_FEEDBACK, customer=event.author, language=language, address=address
        )
        done = await self._service.escalate(tx, conversation, wish, terms, inbox_id=seq)
        return self._enqueued(conversation.id, done.cancel_reason if done is not None else None)

    async def _save_rating(
        self, tx: Transaction, event: ButtonPressed, stars: int, handoff_id: int
    ) -> Handled:
        handover = await self._load_ended_handoff(tx, event, handoff_id)
        if handover is None or not await ratings.save(tx, handover.id, stars):
            return await self._skip(tx, event)
        language = ticket_card.ticket_language(handover)
        seq = await self._save_event(tx, event, handover.conversation_id)
        await self._edit_pressed_message(
            tx,
            handover,
            event,
            seq,
            OutboxContent(
                text=texts_for_customers.rated_text(language, stars),
                choices=(texts_for_customers.comment_button(language, handover.id),),
            ),
        )
        if handover.desk_room.platform:
            await self._service.enqueue(tx, handover, seq, OutboxKind.TICKET, OutboxSide.DESK)
        return self._enqueued(handover.conversation_id)

    async def _request_comment(self, tx: Transaction, event: ButtonPressed, handoff_id: int) -> Handled:
        handover = await self._load_ended_handoff(tx, event, handoff_id)
        if handover is None or not await ratings.expect_comment(tx, handover.id):
            return await self._skip(tx, event)
        seq = await self._save_event(tx, event, handover.conversation_id)
        language = ticket_card.ticket_language(handover)
        await self._service.enqueue_text(
            tx, handover, seq, OutboxSide.CUSTOMER, texts_for_customers.comment_request_text(language)
        )
        return self._enqueued(handover.conversation_id)

    async def _edit_pressed_message(
        self, tx: Transaction, handoff: Handoff, event: ButtonPressed, inbox_id: int, content: OutboxContent
    ) -> None:
        """Let other words and buttons stand in the message whose button was pressed."""
        post = await outbox.find_shown(tx, handoff.id, event.message_id)
        if post is None:
            return
        edit = OutboxContent(text=content.text, choices=content.choices, of=post.id)
        await self._service.enqueue(tx, handoff, inbox_id, OutboxKind.EDIT, OutboxSide.CUSTOMER, edit)

    async def _load_ended_handoff(
        self, tx: Transaction, event: ButtonPressed, handoff_id: int
    ) -> Handoff | None:
        handover = await handoffs.get(tx, handoff_id)
        key = event.address.key
        if handover is None or handover.customer.id != event.author.id or handover.ended_at is None:
            return None
        theirs = handover.address.key
        return handover if (theirs.platform, theirs.channel) == (key.platform, key.channel) else None

    # -- by the desk -----------------------------------------------------------------------------------

    async def _apply_action(
        self, tx: Transaction, event: ButtonPressed, action: HandoffAction, handoff_id: int
    ) -> Handled:
        handover = await handoffs.get_by_ticket(tx, handoff_id, event.address.key)
        if handover is None:
            return await self._skip(tx, event)
        seq = await self._save_event(tx, event, handover.conversation_id)
        await self._service.apply_action(tx, handover, action, event.author, inbox_id=seq)
        return self._enqueued(handover.conversation_id)

    async def _request_draft(self, tx: Transaction, event: ButtonPressed, handoff_id: int) -> Handled:
        handover = await handoffs.get_by_ticket(tx, handoff_id, event.address.key)
        if handover is None or handover.state not in ACTIVE:
            return await self._skip(tx, event)
        seq = await inbox.add(
            tx, event, conversation_id=handover.conversation_id, lane=Lane.AI_ASSIST, status=EventStatus.OPEN
        )
        await self._service.enqueue(tx, handover, seq, OutboxKind.DRAFT, OutboxSide.DESK)
        return Handled(queue_key=QueueKey(handover.conversation_id, Lane.AI_ASSIST))

    async def _send_draft(self, tx: Transaction, event: ButtonPressed, item_id: int) -> Handled:
        """Send a draft to the customer in the name of whoever pressed; once."""
        post = await outbox.get(tx, item_id)
        handover_id = post.handoff_id if post is not None else None
        handover = await handoffs.get_by_ticket(tx, handover_id or 0, event.address.key)
        if post is None or handover is None or not post.content.draft:
            return await self._skip(tx, event)
        seq = await self._save_event(tx, event, handover.conversation_id)
        if not await outbox.claim_draft(tx, post):
            return self._enqueued(handover.conversation_id)  # somebody was quicker
        done = await self._service.apply_action(tx, handover, HandoffAction.REPLY, event.author, inbox_id=seq)
        language = ticket_card.ticket_language(handover)
        if done is None:
            await self._service.enqueue_text(
                tx, handover, seq, OutboxSide.DESK, texts_for_staff.handoff_ended_text(language)
            )
            return self._enqueued(handover.conversation_id)
        await self._send_as_staff(tx, done.handoff, event, seq, post.content.draft)
        name = event.author.name or event.author.id
        sent = OutboxContent(
            text=texts_for_staff.draft_sent_text(language, name, post.content.draft), of=post.id
        )
        await self._service.enqueue(tx, handover, seq, OutboxKind.EDIT, OutboxSide.DESK, sent)
        return self._enqueued(handover.conversation_id)

    async def _send_as_staff(
        self, tx: Transaction, handoff: Handoff, event: ButtonPressed, inbox_id: int, draft: str
    ) -> None:
        terms = await self._service.load_policy(tx, handoff.address, ticket_card.ticket_language(handoff))
        text = self._relay.format_staff_text(terms, event.author, draft)
        await self._service.enqueue_text(tx, handoff, inbox_id, OutboxSide.CUSTOMER, text)
        now = self._service.now()
        look_at = next_check_at(
            handoff.state, terms.timeouts, now=now, reminder_count=0, customer_waits=False
        )
        await handoffs.record_staff_message(tx, handoff, now=now, due_at=look_at)
        line = HistoryMessage(
            seq=inbox_id,
            role="assistant",
            author_id=event.author.id,
            author=event.author.name,
            text=draft,
            tokens=estimate_tokens(draft),
        )
        await history.append(tx, line, conversation_id=handoff.conversation_id)

    # -- what all of these need ------------------------------------------------------------------------

    async def _save_event(self, tx: Transaction, event: ButtonPressed, conversation_id: int) -> int:
        return await inbox.add(
            tx, event, conversation_id=conversation_id, lane=Lane.HANDOFF, status=EventStatus.OPEN
        )

    async def _skip(self, tx: Transaction, event: ButtonPressed) -> Handled:
        await inbox.add(tx, event, conversation_id=None, lane=Lane.HANDOFF, status=EventStatus.SKIPPED)
        return Handled()

    def _enqueued(self, conversation_id: int, cancel_reason: CancelReason | None = None) -> Handled:
        return Handled(queue_key=QueueKey(conversation_id, Lane.HANDOFF), cancel_reason=cancel_reason)
