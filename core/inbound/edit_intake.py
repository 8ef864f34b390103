"""Intake of edits: a stored message changes, the latest question is answered anew, or a mention makes one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from core.domain.events import Mention, MessageEdited, MessageReceived
from core.domain.message_content import Attachment
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason
from core.inbound.group_policy import muted_by_staff
from core.inbound.handler import IGNORED, Handled
from core.store import Transaction, conversations, files, history, inbox, turns
from core.store.conversations import Conversation
from core.store.history import HistoryMessage

LATE_MENTION: Final = timedelta(minutes=15)  #: after which adding a mention asks nothing any more


async def intake_edit(tx: Transaction, event: MessageEdited, *, answer_again: bool) -> Handled:
    """Change a stored message; with ``answer_again`` the latest question is answered anew."""
    edited = await _load_edited(tx, event)
    if edited is None:
        return IGNORED
    conversation, line = edited
    new_files = _changed_files(event, line.content.attachments)
    again = answer_again and await _is_latest_question(tx, event, conversation, line.seq)
    status = EventStatus.OPEN if again else EventStatus.RECORDED
    await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=status)
    await history.edit_user_message(tx, conversation.id, event.message_id, event.text)
    if new_files is not None:
        await _replace_files(tx, event, conversation, line.seq, new_files)
    if not again:
        return Handled()
    running = await turns.request_cancel(tx, conversation.id, CancelReason.RETRY)
    return Handled(
        queue_key=QueueKey(conversation.id, Lane.TURNS),
        cancel_reason=CancelReason.RETRY if running is not None else None,
    )


async def asks_again(tx: Transaction, event: MessageEdited) -> bool:
    """Return whether an edit changes the latest question of a conversation, which is then answered anew."""
    edited = await _load_edited(tx, event)
    if edited is None:
        return False
    conversation, line = edited
    return await _is_latest_question(tx, event, conversation, line.seq)


async def _load_edited(tx: Transaction, event: MessageEdited) -> tuple[Conversation, HistoryMessage] | None:
    """Return an edited message with its conversation; None if it is unknown, or no person sees a change."""
    conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
    if conversation is None:
        return None
    line = await history.get_user_message(tx, conversation.id, event.message_id)
    if line is None:
        return None
    if event.text == line.text and _changed_files(event, line.content.attachments) is None:
        return None  # a link preview, a pin
    return conversation, line


async def _is_latest_question(
    tx: Transaction, event: MessageEdited, conversation: Conversation, seq: int
) -> bool:
    latest = await turns.get_latest(tx, conversation.id)
    asked = latest is not None and latest.answers(seq)
    return asked and not await muted_by_staff(tx, conversation, event.sent_at)


async def find_late_question(tx: Transaction, event: MessageEdited) -> MessageReceived | None:
    """Return the message that an edit turned into a question, by adding a mention of the bot; else None.

    People forget the mention and add it. An edit is such a question once, soon after the message, and
    only if the message did not address the bot before. What was stored of it gives way.
    """
    message = event.message
    if message is None or message.mention is not Mention.BY_NAME:
        return None
    if event.sent_at - message.sent_at > LATE_MENTION:
        return None
    conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
    if conversation is None:
        return message
    line = await history.get_user_message(tx, conversation.id, event.message_id)
    original = None if line is None else await inbox.get_event(tx, line.seq)
    if line is None or not isinstance(original, MessageReceived) or original.mention is not Mention.NONE:
        return None
    latest = await turns.get_latest(tx, conversation.id)
    if latest is not None and latest.answers(line.seq):
        return None  # it was answered as a follow-up
    await history.remove_message(tx, conversation.id, event.message_id)
    await files.remove_of_message(tx, conversation.id, line.seq)
    return replace(message, delivery_id=event.delivery_id)


def _changed_files(event: MessageEdited, before: Sequence[Attachment]) -> tuple[Attachment, ...] | None:
    """Return the new attachments of an edited message; None if they are the same or not known."""
    if event.message is None:
        return None
    now = event.message.attachments
    ids = [file.unique_id for file in (*now, *before)]
    if not all(ids) or [file.unique_id for file in now] == [file.unique_id for file in before]:
        return None
    return now


async def _replace_files(
    tx: Transaction,
    event: MessageEdited,
    conversation: Conversation,
    seq: int,
    attachments: Sequence[Attachment],
) -> None:
    await files.remove_of_message(tx, conversation.id, seq)
    await files.add(
        tx, conversation_id=conversation.id, seq=seq, author_id=event.author.id, attachments=attachments
    )
    await history.edit_attachments(tx, conversation.id, event.message_id, attachments)
