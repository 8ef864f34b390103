"""The door of the desk: which events belong to a handover, and what they do to it.

::

    a thread of the desk      → the customer, except notes; the team's commands
    a conversation handed over → the desk; Kimi is not asked
    plain words, /human, the button under an answer → a person is asked for

Each of these events is stored in the customer's conversation, in its line :attr:`Lane.DESK`, which
both directions run in: nobody's words overtake an earlier message.
"""

from core.access import Actor
from core.chat_policy import ChatRules
from core.domain.addresses import ChatType
from core.domain.buttons import ActionButton
from core.domain.command_names import CommandName
from core.domain.events import (
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    Mention,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
)
from core.domain.handoff_state import HandoffAction, HandoffReason
from core.domain.turn_states import CancelReason
from core.handoff import texts_for_customers
from core.handoff.button_handler import HandoffButtonHandler
from core.handoff.lookup import customer_address, customer_language, find_customer, is_follow_up
from core.handoff.relay import Relay
from core.handoff.request_phrases import asks_for_human
from core.handoff.service import HandoffRequest, HandoffResult, HandoffService
from core.inbound.handler import Handled
from core.inbound.history_writer import append_to_history
from core.store import Lane, QueueKey, Transaction, conversations, handoffs, history, inbox, outbox, ratings
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.handoffs import Handoff
from core.store.inbox import EventStatus
from core.store.outbox import OutboxKind, OutboxSide
from core.text.language import detect_language
from core.text.tokens import estimate_tokens

STAFF_COMMANDS = {
    CommandName.TAKE: HandoffAction.ASSIGN,
    CommandName.BACK: HandoffAction.RETURN_TO_BOT,
    CommandName.CLOSE: HandoffAction.CLOSE,
}
#: Commands that would make the bot speak where people do now.
IGNORED_COMMANDS = frozenset({CommandName.RETRY, CommandName.STOP})


class HandoffEventHandler:
    """Implements :class:`core.inbound.handler.EventHandler`."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service
        self._relay = Relay(service)
        self._button_handler = HandoffButtonHandler(service, self._relay)

    async def __call__(self, tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        """Rule on what belongs to a handover."""
        match event:
            case MessageReceived():
                return await self._on_message(tx, event, context)
            case CommandReceived():
                return await self._on_command(tx, event, context)
            case ButtonPressed():
                return await self._on_button(tx, event)
            case MessageEdited():
                return await self._on_edit(tx, event)
            case MessageDeleted():
                return await self._on_deletion(tx, event)
            case ChannelMigrated():
                await handoffs.migrate_channel(
                    tx, platform=event.platform, old=event.old_channel, new=event.new_channel
                )
                return None
            case _:
                return None

    # -- what is said --------------------------------------------------------------------------------

    async def _on_message(
        self, tx: Transaction, event: MessageReceived, context: EventContext
    ) -> Handled | None:
        conversation = context.replied_conversation or context.conversation
        if context.may_concern_handoff:
            at_desk = await handoffs.get_by_desk_thread(tx, event.address.key)
            if at_desk is not None:
                return await self._on_desk_message(tx, at_desk, event)
            conversation, handover = await self._find_handoff(tx, event, context)
            if handover is not None:
                return await self._on_handed_off_message(tx, handover, event)
            if conversation is not None and (
                ruling := await self._save_rating_comment(tx, conversation, event)
            ):
                return ruling
        return await self._detect_handoff_request(tx, conversation, event, context.rules)

    async def _on_desk_message(self, tx: Transaction, handoff: Handoff, event: MessageReceived) -> Handled:
        seq = await self._save_event(tx, event, handoff.conversation_id)
        await self._relay.relay_staff_message(tx, handoff, event, seq)
        return self._enqueued(handoff.conversation_id)

    async def _on_handed_off_message(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived
    ) -> Handled:
        seq = await self._save_event(tx, event, handoff.conversation_id)
        staff = event.author.id != handoff.customer.id and (
            event.author.id == handoff.assignee.id or await self._is_staff(tx, event)
        )
        if staff:
            await self._relay.record_staff_message(tx, handoff, event, seq)
        else:
            await self._relay.relay_customer_message(tx, handoff, event, seq)
        return self._enqueued(handoff.conversation_id)

    async def _save_rating_comment(
        self, tx: Transaction, conversation: Conversation, event: MessageReceived
    ) -> Handled | None:
        """Take the words that follow "Add a comment" as the comment."""
        latest = await handoffs.get_latest(tx, conversation.id)
        if latest is None or latest.customer.id != event.author.id or not event.text.strip():
            return None
        if not await ratings.save_comment(tx, latest.id, event.text.strip()):
            return None
        seq = await self._save_event(tx, event, conversation.id)
        language = detect_language(event.text, latest.language)
        await self._service.enqueue_text(
            tx, latest, seq, OutboxSide.CUSTOMER, texts_for_customers.comment_received_text(language)
        )
        if latest.desk_room.platform:
            await self._service.enqueue(tx, latest, seq, OutboxKind.TICKET, OutboxSide.DESK)
        return self._enqueued(conversation.id)

    async def _detect_handoff_request(
        self,
        tx: Transaction,
        conversation: Conversation | None,
        event: MessageReceived,
        rules: ChatRules | None,
    ) -> Handled | None:
        """Ask for a person where words (the customer's, or a rule's keyword) do."""
        if not asks_for_human(event.text):
            if rules is None or not rules.requests_handoff(event.text):
                return None
            reason = HandoffReason.KEYWORD
        elif event.mention is Mention.NONE and not await is_follow_up(tx, conversation, event):
            return None
        else:
            reason = HandoffReason.PHRASE
        language = detect_language(event.text, event.author.language)
        terms = await self._service.load_policy(tx, event.address, language)
        key = event.address.key
        if terms.desk_room is None or (terms.desk_room.platform, terms.desk_room.channel) == (
            key.platform,
            key.channel,
        ):
            return None
        if reason is HandoffReason.KEYWORD and await self._is_staff(tx, event):
            return None
        if conversation is None and event.threads_by_reply:
            conversation = await conversations.find_latest_in_channel(tx, key, event.author.id)
        conversation = conversation or await conversations.get_or_create(tx, key, event.chat_type)
        seq = await self._save_event(tx, event, conversation.id)
        await append_to_history(tx, event, conversation, seq, include_quote=False)
        wish = HandoffRequest(reason=reason, customer=event.author, language=language, address=event.address)
        return self._enqueued_for(
            conversation, await self._service.request_handoff(tx, conversation, wish, inbox_id=seq)
        )

    # -- commands --------------------------------------------------------------------------------------

    async def _on_command(
        self, tx: Transaction, event: CommandReceived, context: EventContext
    ) -> Handled | None:
        at_desk = (
            await handoffs.get_by_desk_thread(tx, event.address.key) if context.may_concern_handoff else None
        )
        if at_desk is not None and event.command in STAFF_COMMANDS:
            return await self._apply_action(tx, at_desk, event, STAFF_COMMANDS[event.command])
        if at_desk is not None:
            return None
        conversation, handover = await self._find_handoff(tx, event, context)
        if event.command is CommandName.HUMAN:
            return await self._request_handoff(tx, conversation, event)
        if event.command in STAFF_COMMANDS and await self._is_staff(tx, event):
            return await self._on_staff_command(tx, conversation, handover, event)
        if handover is not None and event.command in IGNORED_COMMANDS:
            return await self._skip(tx, event)
        return None

    async def _request_handoff(
        self, tx: Transaction, conversation: Conversation | None, event: CommandReceived
    ) -> Handled | None:
        key = event.address.key
        language = detect_language("", event.author.language)
        terms = await self._service.load_policy(tx, event.address, language)
        if terms.desk_room is None or (terms.desk_room.platform, terms.desk_room.channel) == (
            key.platform,
            key.channel,
        ):
            return None  # the order's own handler says so
        if conversation is None:
            conversation = await conversations.find_latest_in_channel(tx, key, event.author.id)
            conversation = conversation or await conversations.get_or_create(tx, key, event.chat_type)
        seq = await self._save_event(tx, event, conversation.id)
        language = await customer_language(tx, conversation, event.author.language)
        wish = HandoffRequest(
            reason=HandoffReason.CUSTOMER,
            customer=event.author,
            language=language,
            address=customer_address(conversation, event),
        )
        return self._enqueued_for(
            conversation, await self._service.request_handoff(tx, conversation, wish, inbox_id=seq)
        )

    async def _on_staff_command(
        self,
        tx: Transaction,
        conversation: Conversation | None,
        handoff: Handoff | None,
        event: CommandReceived,
    ) -> Handled | None:
        """Let staff take, hand back or close in the room that they share with the customer."""
        if handoff is not None:
            return await self._apply_action(tx, handoff, event, STAFF_COMMANDS[event.command])
        if (
            event.command is not CommandName.TAKE
            or event.chat_type is ChatType.DIRECT
            or conversation is None
        ):
            return None
        seq = await self._save_event(tx, event, conversation.id)
        language = await customer_language(tx, conversation, event.author.language)
        customer = await find_customer(tx, conversation, event)
        wish = HandoffRequest(
            reason=HandoffReason.STAFF,
            customer=customer,
            language=language,
            address=customer_address(conversation, event),
        )
        done = await self._service.assign_in_shared_room(tx, conversation, wish, event.author, inbox_id=seq)
        return self._enqueued_for(conversation, done)

    async def _apply_action(
        self, tx: Transaction, handoff: Handoff, event: CommandReceived, action: HandoffAction
    ) -> Handled:
        seq = await self._save_event(tx, event, handoff.conversation_id)
        await self._service.apply_action(tx, handoff, action, event.author, inbox_id=seq)
        return self._enqueued(handoff.conversation_id)

    # -- buttons, edits, deletions ---------------------------------------------------------------------

    async def _on_button(self, tx: Transaction, event: ButtonPressed) -> Handled | None:
        if event.action in (ActionButton.RETRY, ActionButton.CONTINUE):
            conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
            if conversation is not None and await handoffs.get_active(tx, conversation.id) is not None:
                return await self._skip(tx, event)
            return None
        return await self._button_handler(tx, event)

    async def _on_edit(self, tx: Transaction, event: MessageEdited) -> Handled | None:
        key = event.address.key
        copies = list(await outbox.load_copies(tx, key, event.message_id))
        if copies:
            seq = await self._save_event(tx, event, copies[0].conversation_id)
            await self._relay.relay_edit(tx, copies, event, seq)
            return self._enqueued(copies[0].conversation_id)
        if await handoffs.get_by_desk_thread(tx, key) is not None:
            return await self._skip(tx, event)  # a note was changed: the team's own affair
        conversation = await conversations.find_by_message(tx, key, event.message_id)
        if conversation is None or await handoffs.get_active(tx, conversation.id) is None:
            return None
        # The question from before the handover: Kimi must not answer it anew now.
        await history.edit_user_message(
            tx, conversation.id, event.message_id, event.text, estimate_tokens(event.text)
        )
        return await self._skip(tx, event)

    async def _on_deletion(self, tx: Transaction, event: MessageDeleted) -> Handled | None:
        copies = list(await outbox.load_copies(tx, event.address.key, event.message_id))
        if not copies:
            return None
        seq = await self._save_event(tx, event, copies[0].conversation_id)
        await self._relay.relay_deletion(tx, copies, event, seq)
        return self._enqueued(copies[0].conversation_id)

    # -- what all of these need ------------------------------------------------------------------------

    async def _find_handoff(
        self, tx: Transaction, event: MessageReceived | CommandReceived, context: EventContext
    ) -> tuple[Conversation | None, Handoff | None]:
        """Return the conversation that an event belongs to, and its handover under way."""
        key = event.address.key
        conversation = context.replied_conversation or context.conversation
        if not context.may_concern_handoff:
            return conversation, None
        if conversation is not None:
            return conversation, await handoffs.get_active(tx, conversation.id)
        if event.threads_by_reply or not key.thread:
            # Where every message may begin a conversation, a customer's next words go with their last.
            handover = await handoffs.get_active_of_customer(tx, key, event.author.id)
            if handover is not None:
                return await conversations.get(tx, handover.conversation_id), handover
        return None, None

    async def _is_staff(self, tx: Transaction, event: MessageReceived | CommandReceived) -> bool:
        key = event.address.key
        who = Actor.at(key, event.author.id)
        return await self._service.policies.is_staff(tx, who)

    async def _save_event(self, tx: Transaction, event: Event, conversation_id: int) -> int:
        return await inbox.add(
            tx, event, conversation_id=conversation_id, lane=Lane.HANDOFF, status=EventStatus.OPEN
        )

    async def _skip(self, tx: Transaction, event: Event) -> Handled:
        await inbox.add(tx, event, conversation_id=None, lane=Lane.HANDOFF, status=EventStatus.SKIPPED)
        return Handled()

    def _enqueued(self, conversation_id: int, cancel_reason: CancelReason | None = None) -> Handled:
        return Handled(queue_key=QueueKey(conversation_id, Lane.HANDOFF), cancel_reason=cancel_reason)

    def _enqueued_for(self, conversation: Conversation, result: HandoffResult | None) -> Handled:
        return self._enqueued(conversation.id, result.cancel_reason if result is not None else None)
