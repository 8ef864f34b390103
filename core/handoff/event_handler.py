"""Events that concern a handoff.

::

    message in a desk thread              ──▶ copy to the customer, unless it is a note
    message in a handed-off conversation  ──▶ copy to the desk; Kimi is not asked
    message that asks for a person        ──▶ new handoff
    command, button, edit, deletion       ──▶ see the handlers of each

Each event is stored in the customer's conversation, in :attr:`Lane.HANDOFF`. Both directions share that
lane, so that no message overtakes an earlier one.
"""

from datetime import timedelta
from typing import Final

from core.access import Actor
from core.domain.buttons import ActionButton
from core.domain.events import (
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    Mention,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
)
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.domain.queue import Lane
from core.handoff import texts_for_customers, texts_for_staff
from core.handoff.button_handler import HandoffButtonHandler
from core.handoff.command_handler import HandoffCommandHandler
from core.handoff.copy_changes import CopyChanges
from core.handoff.customer_relay import relay_customer_message
from core.handoff.handoff_service import HandoffService
from core.handoff.intake import enqueued, skip_event, store_event
from core.handoff.languages import language_for_customer, ticket_language
from core.handoff.lookup import find_active, find_at_desk
from core.handoff.outbox_writer import notify_customer, update_ticket
from core.handoff.rating_remarks import is_remark
from core.handoff.reactions import relay_reaction
from core.handoff.request_detector import RequestDetector
from core.handoff.staff_relay import StaffRelay
from core.inbound.handler import Handled
from core.store import Transaction, conversations, handoffs, history, outbox, outbox_copies, ratings
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent

REMARK_WITHIN: Final = timedelta(minutes=10)  #: of the stars, a remark counts as the comment on them
GENERAL_TOPIC: Final = "general"  #: thread of a Telegram forum's General topic


class HandoffEventHandler:
    """Implements :class:`core.inbound.handler.EventHandler`."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service
        self._staff_relay = StaffRelay(service)
        self._copy_changes = CopyChanges(service)
        self._request_detector = RequestDetector(service)
        self._command_handler = HandoffCommandHandler(service)
        self._button_handler = HandoffButtonHandler(service, self._staff_relay)

    async def __call__(self, tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        """Handle an event that concerns a handoff; None for all others."""
        match event:
            case MessageReceived():
                return await self._on_message(tx, event, context)
            case CommandReceived():
                return await self._command_handler(tx, event, context)
            case ButtonPressed(action=ActionButton.RETRY | ActionButton.CONTINUE):
                return await self._on_answer_button(tx, event)
            case ButtonPressed():
                return await self._button_handler(tx, event)
            case MessageEdited():
                return await self._on_edit(tx, event)
            case MessageDeleted():
                return await self._on_deletion(tx, event)
            case ReactionChanged():
                return await relay_reaction(tx, self._service, event)
            case ChannelMigrated():
                await handoffs.migrate_channel(
                    tx, platform=event.platform, old=event.old_channel, new=event.new_channel
                )
                return None  # others follow the migration too
            case _:
                return None

    async def _on_message(
        self, tx: Transaction, event: MessageReceived, context: EventContext
    ) -> Handled | None:
        at_desk = await find_at_desk(tx, event, context)
        if at_desk is not None:
            return await self._staff_relay.handle(tx, at_desk, event)
        conversation, handoff = await find_active(tx, event, context)
        if handoff is not None:
            return await self._on_customer_message(tx, handoff, event)
        if conversation is not None and context.may_concern_handoff:
            commented = await self._save_rating_comment(tx, conversation, event)
            if commented is not None:
                return commented
        if self._is_beside_threads(event):
            hinted = await self._hint_beside_threads(tx, event)
            if hinted is not None:
                return hinted
        return await self._request_detector.handle(tx, event, conversation, context.rules)

    def _is_beside_threads(self, event: MessageReceived) -> bool:
        """Return whether staff talks in its room outside of all threads, and not to the bot."""
        if event.mention is not Mention.NONE or not self._service.policies.is_desk(event.address.key):
            return False
        return event.address.key.thread in ("", GENERAL_TOPIC, event.message_id)

    async def _hint_beside_threads(self, tx: Transaction, event: MessageReceived) -> Handled | None:
        """Tell a person, once a day, that customers do not read this; None if nobody waits, or they know."""
        handoff = await handoffs.get_active_at_desk(tx, event.address.key)
        if handoff is None:
            return None
        conversation = await conversations.get(tx, handoff.conversation_id)
        name = f"beside:{event.address.key.channel}:{event.author.id}:{event.sent_at:%Y-%m-%d}"
        inbox_id = await outbox.add_system_event(tx, conversation, name, Lane.HANDOFF)
        if inbox_id is None:
            return None
        text = texts_for_staff.beside_thread_text(ticket_language(handoff))
        await outbox.enqueue(
            tx,
            conversation_id=conversation.id,
            handoff_id=None,
            inbox_id=inbox_id,
            kind=OutboxKind.TEXT,
            side=OutboxSide.DESK,
            content=OutboxContent(text=text, address=event.address),
        )
        return enqueued(conversation.id)

    async def _on_customer_message(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived
    ) -> Handled:
        """Relay a message in a handed-off conversation; staff may write there too."""
        inbox_id = await store_event(tx, event, handoff.conversation_id)
        by_staff = event.author.id != handoff.customer.id and (
            event.author.id == handoff.assignee.id
            or await self._service.policies.is_staff(tx, Actor.of(event))
        )
        if by_staff:
            await self._staff_relay.record_in_shared_room(tx, handoff, event, inbox_id)
        else:
            await relay_customer_message(tx, self._service, handoff, event, inbox_id)
        return enqueued(handoff.conversation_id)

    async def _save_rating_comment(
        self, tx: Transaction, conversation: Conversation, event: MessageReceived
    ) -> Handled | None:
        """Save a message as the comment on a rating; None if it is none.

        It was asked for, or it is a remark that was typed soon after the stars.
        """
        text = event.text.strip()
        latest = await handoffs.get_latest(tx, conversation.id)
        if latest is None or latest.customer.id != event.author.id or not text:
            return None
        if is_remark(text) and not event.attachments:
            await ratings.expect_comment(tx, latest.id, rated_since=self._service.now() - REMARK_WITHIN)
        if not await ratings.save_comment(tx, latest.id, text):
            return None
        inbox_id = await store_event(tx, event, conversation.id)
        received = texts_for_customers.comment_received_text(language_for_customer(latest))
        await notify_customer(tx, latest, inbox_id, received)
        await update_ticket(tx, latest, inbox_id)
        return enqueued(conversation.id)

    async def _on_answer_button(self, tx: Transaction, event: ButtonPressed) -> Handled | None:
        """Skip Retry and Continue in a handed-off conversation: the bot would answer there again."""
        conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
        if conversation is None or await handoffs.get_active(tx, conversation.id) is None:
            return None
        return await skip_event(tx, event)

    async def _on_edit(self, tx: Transaction, event: MessageEdited) -> Handled | None:
        key = event.address.key
        copies = await outbox_copies.load_copies(tx, key, event.message_id)
        if copies:
            inbox_id = await store_event(tx, event, copies[0].conversation_id)
            await self._copy_changes.relay_edit(tx, copies, event, inbox_id)
            return enqueued(copies[0].conversation_id)
        at_desk = await handoffs.get_by_desk_thread(tx, key)
        if at_desk is not None:
            inbox_id = await store_event(tx, event, at_desk.conversation_id)
            await self._copy_changes.on_edit_without_copy(tx, at_desk, event, inbox_id)
            return enqueued(at_desk.conversation_id)
        conversation = await conversations.find_by_message(tx, key, event.message_id)
        if conversation is None or await handoffs.get_active(tx, conversation.id) is None:
            return None
        # A question from before the handoff; Kimi must not answer it again now.
        await history.edit_user_message(tx, conversation.id, event.message_id, event.text)
        return await skip_event(tx, event)

    async def _on_deletion(self, tx: Transaction, event: MessageDeleted) -> Handled | None:
        copies = await outbox_copies.load_copies(tx, event.address.key, event.message_id)
        if not copies:
            return None
        inbox_id = await store_event(tx, event, copies[0].conversation_id)
        await self._copy_changes.relay_deletion(tx, copies, event, inbox_id)
        return enqueued(copies[0].conversation_id)
