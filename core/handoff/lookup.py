"""Lookups of handlers: the handoff that an event concerns, its customer, their language and their address."""

from dataclasses import replace
from typing import Final

from core.access import Actor
from core.domain.addresses import Address, Person
from core.domain.events import ButtonPressed, CommandReceived, MessageReceived
from core.domain.message_content import MessageRole
from core.store import Transaction, authors, conversations, handoffs, history, person_settings
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.handoffs import Handoff
from core.store.history import HistoryMessage
from core.store.summaries import MAX_SEQ
from core.text.language import Language

MAX_MESSAGES: Final = 10  #: newest messages that are examined


async def find_at_desk(
    tx: Transaction, event: MessageReceived | CommandReceived, context: EventContext
) -> Handoff | None:
    """Return the handoff of the desk thread that an event is in; None if it is in none."""
    if not context.may_concern_handoff:
        return None
    return await handoffs.get_by_desk_thread(tx, event.address.key)


async def find_active(
    tx: Transaction, event: MessageReceived | CommandReceived, context: EventContext
) -> tuple[Conversation | None, Handoff | None]:
    """Return the conversation that an event belongs to, and its active handoff."""
    key = event.address.key
    conversation = context.replied_conversation or context.conversation
    if not context.may_concern_handoff:
        return conversation, None
    if conversation is not None:
        return conversation, await handoffs.get_active(tx, conversation.id)
    if event.threads_by_reply or not key.thread:
        # Any message may start a conversation here; a customer's next one continues their handoff.
        handoff = await handoffs.get_active_of_customer(tx, key, event.author.id)
        if handoff is not None:
            return await conversations.get(tx, handoff.conversation_id), handoff
    return None, None


async def customer_language(tx: Transaction, conversation: Conversation, customer: Person) -> Language:
    """Return the language of the bot's own texts to a customer."""
    actor = Actor.at(conversation.key, customer.id)
    known = await person_settings.load_language(tx, actor, conversation.id)
    return known.resolve(client=customer.language)


async def find_customer(tx: Transaction, conversation: Conversation, event: CommandReceived) -> Person:
    """Return the last person who wrote in a conversation, other than the author of the command."""
    for message in reversed(await _load_newest(tx, conversation)):
        if message.role is MessageRole.USER and message.author_id not in ("", event.author.id):
            return Person(id=message.author_id, name=message.author)
    return event.author


async def is_follow_up(tx: Transaction, conversation: Conversation | None, event: MessageReceived) -> bool:
    """Return whether a message continues a conversation of its author and the bot alone."""
    if conversation is None or not event.allows_follow_up:
        return False
    speakers = await authors.load_ids(tx, conversation.id)
    return bool(speakers) and not speakers - {event.author.id}


def customer_address(conversation: Conversation, event: CommandReceived | ButtonPressed) -> Address:
    """Return where a customer is answered who acted outside of their conversation's thread."""
    key = conversation.key
    return replace(event.address, key=key) if key.thread else event.address


async def _load_newest(tx: Transaction, conversation: Conversation) -> list[HistoryMessage]:
    """Return a conversation's newest messages, oldest first."""
    return list(
        await history.load_recent(tx, conversation.id, after_seq=-1, up_to_seq=MAX_SEQ, limit=MAX_MESSAGES)
    )
