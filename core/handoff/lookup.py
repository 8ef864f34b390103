"""Whom a handover is about, where they are answered, and in which language they speak."""

from dataclasses import replace

from core.domain.events import Address, Ordered, Person, Pressed, Said
from core.store import Transaction, history
from core.store.conversations import Conversation
from core.text.language import Language, language_of

LOOKED_AT = 10  #: lines of the history


async def spoken(tx: Transaction, conversation: Conversation, hint: str) -> Language:
    """Return the language of what people said last in a conversation; else that of a client's tag."""
    lines = await history.recent(tx, conversation.id, after_seq=-1, up_to_seq=2**62, max_lines=LOOKED_AT)
    said = [line.text for line in lines if line.role == "user"]
    return language_of(said[-1] if said else "", hint)


async def customer_of(tx: Transaction, conversation: Conversation, event: Ordered) -> Person:
    """Return who spoke last in a conversation that somebody else takes."""
    lines = await history.recent(tx, conversation.id, after_seq=-1, up_to_seq=2**62, max_lines=LOOKED_AT)
    for line in reversed(lines):
        if line.role == "user" and line.author_id not in ("", event.author.id):
            return Person(id=line.author_id, name=line.author)
    return event.author


async def goes_on(tx: Transaction, conversation: Conversation | None, event: Said) -> bool:
    """Return whether overheard words go on with a conversation that only their author has with the bot."""
    if conversation is None or not event.continues:
        return False
    speakers = await history.speakers(tx, conversation.id)
    return bool(speakers) and not speakers - {event.author.id}


def address_in(conversation: Conversation, event: Ordered | Pressed) -> Address:
    """Return where the customer is answered who gave an order outside of their thread."""
    address, key = event.address, conversation.key
    if address.key.thread == key.thread or not key.thread:
        return address
    details = dict(address.details)
    if "thread_ts" in details:
        details["thread_ts"] = key.thread
    return replace(address, key=key, details=details)
