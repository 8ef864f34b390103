"""Whom a handover is about, where they are answered, and in which language they speak."""

from dataclasses import replace

from core.domain.addresses import Address, Person
from core.domain.events import ButtonPressed, CommandReceived, MessageReceived
from core.store import Transaction, history
from core.store.conversations import Conversation
from core.text.language import Language, detect_language

MAX_LINES = 10  #: lines of the history


async def customer_language(tx: Transaction, conversation: Conversation, client_language: str) -> Language:
    """Return the language of what people said last in a conversation; else that of a client's tag."""
    lines = await history.load_recent(tx, conversation.id, after_seq=-1, up_to_seq=2**62, limit=MAX_LINES)
    said = [line.text for line in lines if line.role == "user"]
    return detect_language(said[-1] if said else "", client_language)


async def find_customer(tx: Transaction, conversation: Conversation, event: CommandReceived) -> Person:
    """Return who spoke last in a conversation that somebody else takes."""
    lines = await history.load_recent(tx, conversation.id, after_seq=-1, up_to_seq=2**62, limit=MAX_LINES)
    for line in reversed(lines):
        if line.role == "user" and line.author_id not in ("", event.author.id):
            return Person(id=line.author_id, name=line.author)
    return event.author


async def is_follow_up(tx: Transaction, conversation: Conversation | None, event: MessageReceived) -> bool:
    """Return whether overheard words go on with a conversation that only their author has with the bot."""
    if conversation is None or not event.allows_follow_up:
        return False
    speakers = await history.load_speaker_ids(tx, conversation.id)
    return bool(speakers) and not speakers - {event.author.id}


def customer_address(conversation: Conversation, event: CommandReceived | ButtonPressed) -> Address:
    """Return where the customer is answered who gave an order outside of their thread."""
    address, key = event.address, conversation.key
    if address.key.thread == key.thread or not key.thread:
        return address
    details = dict(address.details)
    if "thread_ts" in details:
        details["thread_ts"] = key.thread
    return replace(address, key=key, details=details)
