"""Commands of handoffs: ``/human`` of customers; ``/take``, ``/assign``, ``/back``, ``/close`` of staff."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.access import Actor
from core.domain.addresses import ChatType
from core.domain.command_names import CommandName
from core.domain.events import CommandReceived
from core.domain.handoff_state import HandoffAction, HandoffReason
from core.handoff.assignment import assign_to_colleague
from core.handoff.handoff_service import HandoffRequest, HandoffService
from core.handoff.intake import enqueued, skip_event, store_event
from core.handoff.lookup import customer_address, customer_language, find_active, find_at_desk, find_customer
from core.inbound.handler import Handled
from core.store import Transaction, conversations
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.handoffs import Handoff
from core.text.language import detect_language

STAFF_COMMANDS: Final[Mapping[CommandName, HandoffAction]] = MappingProxyType(
    {
        CommandName.TAKE: HandoffAction.ASSIGN,
        CommandName.ASSIGN: HandoffAction.ASSIGN,
        CommandName.BACK: HandoffAction.RETURN_TO_BOT,
        CommandName.CLOSE: HandoffAction.CLOSE,
    }
)
#: Commands that would make the bot speak in a conversation that a person has.
IGNORED_COMMANDS: Final = frozenset({CommandName.RETRY, CommandName.STOP})


class HandoffCommandHandler:
    """Handles the commands that concern a handoff."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service

    async def __call__(
        self, tx: Transaction, event: CommandReceived, context: EventContext
    ) -> Handled | None:
        """Handle a command; None if it concerns no handoff."""
        at_desk = await find_at_desk(tx, event, context)
        action = STAFF_COMMANDS.get(event.command)
        if at_desk is not None:
            return await self._apply_action(tx, at_desk, event, action) if action is not None else None
        conversation, handoff = await find_active(tx, event, context)
        if event.command is CommandName.HUMAN:
            return await self._request_handoff(tx, conversation, event)
        if action is not None and await self._service.policies.is_staff(tx, Actor.of(event)):
            if handoff is not None:
                return await self._apply_action(tx, handoff, event, action)
            return await self._take_in_shared_room(tx, conversation, event)
        if handoff is not None and event.command in IGNORED_COMMANDS:
            return await skip_event(tx, event)
        return None

    async def _request_handoff(
        self, tx: Transaction, conversation: Conversation | None, event: CommandReceived
    ) -> Handled | None:
        """Start a handoff for ``/human``; None without a desk, which the command itself then says."""
        key = event.address.key
        client_language = detect_language("", event.author.language)
        policy = await self._service.load_policy(tx, event.address, client_language)
        if not policy.has_desk_for(key):
            return None
        if conversation is None:
            conversation = await conversations.find_latest_in_channel(tx, key, event.author.id)
            conversation = conversation or await conversations.get_or_create(tx, key, event.chat_type)
        inbox_id = await store_event(tx, event, conversation.id)
        request = HandoffRequest(
            reason=HandoffReason.CUSTOMER,
            customer=event.author,
            language=await customer_language(tx, conversation, event.author),
            address=customer_address(conversation, event),
        )
        result = await self._service.request_handoff(tx, conversation, request, inbox_id=inbox_id)
        return enqueued(conversation.id, result)

    async def _take_in_shared_room(
        self, tx: Transaction, conversation: Conversation | None, event: CommandReceived
    ) -> Handled | None:
        """Assign a group's conversation to its staff member; None for other commands and places."""
        takes = event.command is CommandName.TAKE and event.chat_type is not ChatType.DIRECT
        if not takes or conversation is None:
            return None
        inbox_id = await store_event(tx, event, conversation.id)
        customer = await find_customer(tx, conversation, event)
        request = HandoffRequest(
            reason=HandoffReason.STAFF,
            customer=customer,
            language=await customer_language(tx, conversation, customer),
            address=customer_address(conversation, event),
        )
        result = await self._service.assign(
            tx, conversation, request, event.author, inbox_id=inbox_id, in_shared_room=True
        )
        return enqueued(conversation.id, result)

    async def _apply_action(
        self, tx: Transaction, handoff: Handoff, event: CommandReceived, action: HandoffAction
    ) -> Handled:
        inbox_id = await store_event(tx, event, handoff.conversation_id)
        if event.command is CommandName.ASSIGN:
            await assign_to_colleague(tx, self._service, handoff, event, event.argument, inbox_id=inbox_id)
        else:
            await self._service.apply_action(tx, handoff, action, event.author, inbox_id=inbox_id)
        return enqueued(handoff.conversation_id)
