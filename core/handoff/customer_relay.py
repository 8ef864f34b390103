"""Relay of a customer's messages to the desk."""

from dataclasses import replace

from core.domain.events import MessageReceived
from core.domain.handoff_state import OutboxSide
from core.domain.message_content import ReplyContext
from core.handoff import texts_for_customers, texts_for_staff
from core.handoff.copies import enqueue_copies, lost_content, words_needed
from core.handoff.handoff_service import HandoffService
from core.handoff.languages import language_for_customer, ticket_language
from core.handoff.outbox_writer import notify_customer
from core.handoff.reply_links import MAX_QUOTE_CHARS, find_reply_link
from core.handoff.texts_for_customers import prefix_author
from core.inbound.history_writer import append_to_history
from core.store import Transaction, conversations, handoffs, inbox
from core.store.handoffs import Handoff
from core.text.language import Language, pick
from core.text.message_text import render_content
from core.text.quoting import truncate


async def relay_customer_message(
    tx: Transaction, service: HandoffService, handoff: Handoff, event: MessageReceived, inbox_id: int
) -> None:
    """Copy a customer's message to the desk, and append it to the history.

    Content that cannot be passed on is named to both sides.
    """
    conversation = await conversations.get(tx, handoff.conversation_id)
    await append_to_history(tx, event, conversation, inbox_id)
    policy = await service.policy_of(tx, handoff)
    due_at = service.due_at(handoff.state, policy, customer_waits=True)
    await handoffs.record_customer_message(tx, handoff, event.address, due_at=due_at)
    if not handoff.desk_room.platform:
        return  # staff reads it in the same room
    language = ticket_language(handoff)
    lost = lost_content(event, handoff, OutboxSide.DESK)
    unsupported = texts_for_staff.unsupported_content_text(language, lost) if lost is not None else ""
    other = words_needed(event, handoff, OutboxSide.DESK)
    link = await find_reply_link(tx, handoff, event, OutboxSide.DESK)
    shown_reply = _shown_reply(event, language) if link is None else None
    content = replace(event.content, reply=shown_reply, attachments=(), other=tuple(other), unsupported=())
    if await _repeats_earlier_part(tx, event):
        content = replace(content, reply=None, forwarded_from=None)
    text = "\n\n".join(part for part in (render_content(content).strip(), unsupported) if part)
    name = event.author.name or handoff.customer.name or event.author.id
    copy = prefix_author(name, text) if text else ""
    more_files = shown_reply.attachments if shown_reply is not None else ()
    await enqueue_copies(
        tx, handoff, event, inbox_id, OutboxSide.DESK, copy, link=link, more_files=more_files
    )
    if lost is not None:
        notice = texts_for_customers.not_passed_on_text(language_for_customer(handoff), lost)
        await notify_customer(tx, handoff, inbox_id, notice)


async def relay_files_of_request(
    tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
) -> None:
    """Copy the files of a message that requests a person to the desk; its words are on the ticket."""
    if not handoff.desk_room.platform:
        return  # staff sees them in the same room
    quoted = event.quoted.attachments if event.quoted is not None else ()
    await enqueue_copies(tx, handoff, event, inbox_id, OutboxSide.DESK, "", more_files=quoted)


async def _repeats_earlier_part(tx: Transaction, event: MessageReceived) -> bool:
    """Return whether a part of an album without words has the origin and the reply of an earlier part."""
    if event.text.strip() or not event.media_group_id:
        return False
    said = (event.forwarded_from, event.quoted)
    return any(
        (part.forwarded_from, part.quoted) == said
        for part in (one.event for one in await inbox.load_media_group(tx, event))
        if isinstance(part, MessageReceived) and part.message_id != event.message_id
    )


def _shown_reply(event: MessageReceived, language: Language) -> ReplyContext | None:
    """Return the message that a customer replies to as the desk is shown it; None if it is left out.

    In a group without topics people reply to the bot's last message to go on, so that only a chosen part of
    it is shown.
    """
    reply = event.quoted
    if reply is None or not reply.by_bot:
        return reply
    if event.threads_by_reply and not reply.selection:
        return None
    bot = pick(language, zh="机器人", en="The bot")
    return replace(reply, by_bot=False, author=bot, text=truncate(reply.text.strip(), MAX_QUOTE_CHARS))
