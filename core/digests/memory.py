"""Keeps the messages of chats with the rule ``remember``, from the moment at which the chat was told."""

from dataclasses import replace
from datetime import datetime

from core.domain.events import Event, MemberJoined, MessageDeleted, MessageEdited, MessageReceived
from core.domain.message_content import MessageContent
from core.inbound.handler import Handled
from core.ports.channel_history import ChannelMessage
from core.store import Transaction, chat_members, remembered
from core.store.clock import utc_now
from core.store.event_context import EventContext
from core.text.message_text import render_content


class ChatMemory:
    """Implements :class:`core.inbound.handler.EventHandler`; it passes every event on."""

    async def __call__(self, tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        """Store, change or delete the kept copy of a message; return None."""
        rules = context.group_rules
        if rules is None or not rules.remember:
            return None
        oldest = utc_now() - rules.remember
        match event:
            case MessageReceived():
                await _keep(tx, event, oldest)
            case MessageEdited():
                await _change(tx, event)
            case MessageDeleted():
                await remembered.remove(tx, event.address.key, event.message_id)
            case MemberJoined():
                await chat_members.record_join(tx, event.address.key, event.author.id, event.sent_at)
            case _:
                pass
        return None


def thread_of(event: MessageReceived) -> str:
    """Return the topic or thread that a message is in; "" if it is at its chat's top level."""
    thread = event.address.key.thread
    return "" if thread == event.message_id else thread


def own_words(content: MessageContent) -> str:
    """Return a message as one text, without the message of another that it replies to."""
    return render_content(replace(content, reply=None))


async def _keep(tx: Transaction, event: MessageReceived, oldest: datetime) -> None:
    text = own_words(event.content)
    if not text or not event.message_id or event.sent_at < oldest:
        return
    message = ChannelMessage(
        message_id=event.message_id,
        author_id=event.author.id,
        author=event.author.name_or_id,
        text=text,
        sent_at=event.sent_at,
        thread=thread_of(event),
    )
    await remembered.add(tx, event.address.key, message)


async def _change(tx: Transaction, event: MessageEdited) -> None:
    text = event.text if event.message is None else own_words(event.message.content)
    await remembered.edit(tx, event.address.key, event.message_id, text)
