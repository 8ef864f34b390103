"""Buttons of handoffs: requests and ratings of customers, actions and drafts of staff.

A changed client can forge a press, so each is checked: staff actions count on the handoff's own ticket or
draft at its desk, a rating counts from the handoff's customer on the message that asks for it, and a request
for a person from the one to whom it was offered.
"""

from typing import assert_never

from core.domain.bot_messages import FeedbackVerdict
from core.domain.buttons import (
    ActionButton,
    ChangeHandoff,
    CommentRating,
    ConfirmForget,
    DecideTools,
    RateHandoff,
    RequestHuman,
    RunCommand,
    SendDraft,
    SuggestReply,
)
from core.domain.events import ButtonPressed
from core.domain.handoff_state import ACTIVE, HandoffAction, HandoffReason, OutboxKind, OutboxSide
from core.domain.queue import Lane
from core.handoff import texts_for_customers, texts_for_staff
from core.handoff.handoff_service import HandoffRequest, HandoffService
from core.handoff.intake import enqueued, skip_event, store_event
from core.handoff.languages import language_for_customer, ticket_language
from core.handoff.lookup import customer_address, customer_language
from core.handoff.outbox_writer import enqueue, notify_customer, update_ticket
from core.handoff.staff_relay import StaffRelay
from core.inbound.button_offers import find_pressed_turn, is_human_offered, offers_action
from core.inbound.handler import Handled
from core.store import Transaction, conversations, feedback, handoffs, outbox, outbox_copies, ratings
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent
from core.store.outbox_copies import Offer


class HandoffButtonHandler:
    """Handles the buttons that concern a handoff."""

    def __init__(self, service: HandoffService, staff_relay: StaffRelay) -> None:
        self._service = service
        self._staff_relay = staff_relay

    async def __call__(self, tx: Transaction, event: ButtonPressed) -> Handled | None:
        """Handle a pressed button; None if it concerns no handoff."""
        match event.action:
            case RequestHuman():
                return await self._request_handoff(tx, event)
            case ActionButton.BAD:
                return await self._on_bad_feedback(tx, event)
            case RateHandoff(handoff_id=handoff_id, stars=stars):
                return await self._save_rating(tx, event, handoff_id, stars)
            case CommentRating(handoff_id=handoff_id):
                return await self._request_comment(tx, event, handoff_id)
            case ChangeHandoff(handoff_id=handoff_id, action=action):
                return await self._apply_action(tx, event, handoff_id, action)
            case SuggestReply(handoff_id=handoff_id):
                return await self._request_draft(tx, event, handoff_id)
            case SendDraft(item_id=item_id):
                return await self._send_draft(tx, event, item_id)
            case ActionButton() | RunCommand() | ConfirmForget() | DecideTools():
                return None
            case _:
                assert_never(event.action)

    # -- customers -------------------------------------------------------------------------------------

    async def _request_handoff(self, tx: Transaction, event: ButtonPressed) -> Handled:
        conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
        if conversation is None or not await is_human_offered(tx, event):
            return await skip_event(tx, event)
        inbox_id = await store_event(tx, event, conversation.id)
        request = HandoffRequest(
            reason=HandoffReason.CUSTOMER,
            customer=event.author,
            language=await customer_language(tx, conversation, event.author),
            address=customer_address(conversation, event),
        )
        result = await self._service.request_handoff(tx, conversation, request, inbox_id=inbox_id)
        return enqueued(conversation.id, result)

    async def _on_bad_feedback(self, tx: Transaction, event: ButtonPressed) -> Handled | None:
        """Save a bad verdict of the person who asked, and escalate; None leaves it to the usual handler."""
        turn = await find_pressed_turn(tx, event)
        if turn is None or turn.asker_id != event.author.id or not offers_action(turn, event):
            return None
        conversation = await conversations.get(tx, turn.conversation_id)
        language = await customer_language(tx, conversation, event.author)
        policy = await self._service.load_policy(tx, event.address, language)
        if policy.desk_room is None or await handoffs.get_active(tx, conversation.id) is not None:
            return None
        inbox_id = await store_event(tx, event, conversation.id)
        await feedback.save(tx, turn_id=turn.id, person_id=event.author.id, verdict=FeedbackVerdict.BAD)
        request = HandoffRequest(
            reason=HandoffReason.BAD_FEEDBACK,
            customer=event.author,
            language=language,
            address=customer_address(conversation, event),
        )
        result = await self._service.escalate(tx, conversation, request, policy, inbox_id=inbox_id)
        return enqueued(conversation.id, result)

    async def _save_rating(
        self, tx: Transaction, event: ButtonPressed, handoff_id: int, stars: int
    ) -> Handled:
        handoff = await _load_rateable(tx, event, handoff_id)
        offer = await _find_offer(tx, event, handoff)
        if handoff is None or offer is None or not await ratings.save(tx, handoff.id, stars):
            return await skip_event(tx, event)
        language = language_for_customer(handoff)
        inbox_id = await store_event(tx, event, handoff.conversation_id)
        content = OutboxContent(
            text=texts_for_customers.rated_text(language, stars),
            choices=(texts_for_customers.comment_button(language, handoff.id),),
            of=offer.item.id,
        )
        await enqueue(tx, handoff, inbox_id, OutboxKind.EDIT, OutboxSide.CUSTOMER, content)
        await update_ticket(tx, handoff, inbox_id)
        return enqueued(handoff.conversation_id)

    async def _request_comment(self, tx: Transaction, event: ButtonPressed, handoff_id: int) -> Handled:
        handoff = await _load_rateable(tx, event, handoff_id)
        offer = await _find_offer(tx, event, handoff)
        if handoff is None or offer is None or not await ratings.expect_comment(tx, handoff.id):
            return await skip_event(tx, event)
        inbox_id = await store_event(tx, event, handoff.conversation_id)
        text = texts_for_customers.comment_request_text(language_for_customer(handoff))
        await notify_customer(tx, handoff, inbox_id, text)
        return enqueued(handoff.conversation_id)

    # -- staff -----------------------------------------------------------------------------------------

    async def _apply_action(
        self, tx: Transaction, event: ButtonPressed, handoff_id: int, action: HandoffAction
    ) -> Handled:
        handoff = await _find_by_ticket(tx, event, handoff_id)
        if handoff is None:
            return await skip_event(tx, event)
        inbox_id = await store_event(tx, event, handoff.conversation_id)
        await self._service.apply_action(tx, handoff, action, event.author, inbox_id=inbox_id)
        return enqueued(handoff.conversation_id)

    async def _request_draft(self, tx: Transaction, event: ButtonPressed, handoff_id: int) -> Handled:
        handoff = await _find_by_ticket(tx, event, handoff_id)
        if handoff is None or handoff.state not in ACTIVE:
            return await skip_event(tx, event)
        inbox_id = await store_event(tx, event, handoff.conversation_id, lane=Lane.AI_ASSIST)
        await enqueue(tx, handoff, inbox_id, OutboxKind.DRAFT, OutboxSide.DESK)
        return enqueued(handoff.conversation_id, lane=Lane.AI_ASSIST)

    async def _send_draft(self, tx: Transaction, event: ButtonPressed, item_id: int) -> Handled:
        """Send a draft to the customer in the name of the person who pressed; at most once."""
        item = await outbox.get(tx, item_id)
        if item is None or item.handoff_id is None or not item.content.draft:
            return await skip_event(tx, event)
        if event.message_id not in {ref.message_id for ref in item.refs}:
            return await skip_event(tx, event)
        handoff = await handoffs.get_by_ticket(tx, item.handoff_id, event.address.key)
        if handoff is None:
            return await skip_event(tx, event)
        inbox_id = await store_event(tx, event, handoff.conversation_id)
        draft = item.content.draft
        claimed = await outbox.claim_draft(tx, item)  # False: another press came first
        if claimed and await self._staff_relay.send_draft(tx, handoff, event.author, draft, inbox_id):
            name = event.author.name_or_id
            content = OutboxContent(
                text=texts_for_staff.draft_sent_text(ticket_language(handoff), name, draft), of=item.id
            )
            await enqueue(tx, handoff, inbox_id, OutboxKind.EDIT, OutboxSide.DESK, content)
        return enqueued(handoff.conversation_id)


async def _find_by_ticket(tx: Transaction, event: ButtonPressed, handoff_id: int) -> Handoff | None:
    """Return a handoff if the pressed message is its ticket; None otherwise."""
    handoff = await handoffs.get_by_ticket(tx, handoff_id, event.address.key)
    if handoff is None or event.message_id not in {ref.message_id for ref in handoff.ticket}:
        return None
    return handoff


async def _find_offer(tx: Transaction, event: ButtonPressed, handoff: Handoff | None) -> Offer | None:
    """Return the offer of the pressed message if it includes the pressed button; None otherwise."""
    if handoff is None:
        return None
    offer = await outbox_copies.find_offer(tx, handoff.conversation_id, event.message_id)
    return offer if offer is not None and offer.offers(event.action) else None


async def _load_rateable(tx: Transaction, event: ButtonPressed, handoff_id: int) -> Handoff | None:
    """Return an ended handoff of the person who pressed, in the channel of the press; None otherwise."""
    handoff = await handoffs.get(tx, handoff_id)
    if handoff is None or handoff.customer.id != event.author.id or handoff.ended_at is None:
        return None
    theirs, here = handoff.address.key, event.address.key
    return handoff if (theirs.platform, theirs.channel) == (here.platform, here.channel) else None
