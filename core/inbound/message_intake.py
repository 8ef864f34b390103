"""Intake of messages, edits and new members: what is answered, kept as history, or not stored at all."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from core.chat_policy import ReplyDecision
from core.domain.addresses import ChatType
from core.domain.events import BotAccessChanged, Event, MemberJoined, Mention, MessageEdited, MessageReceived
from core.domain.message_content import Attachment
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason
from core.inbound.forwards import find_turn_of_comment
from core.inbound.group_policy import GroupPolicyResult, evaluate, muted_by_staff
from core.inbound.handler import IGNORED, Handled
from core.inbound.history_writer import append_to_history, attach_media_group
from core.store import Transaction, authors, chat_members, conversations, files, history, inbox, turns
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.history import HistoryMessage
from core.store.inbox import MediaGroupMessage

LATE_MENTION: Final = timedelta(minutes=15)  #: after which adding a mention asks nothing any more


async def intake_message(
    tx: Transaction,
    event: MessageReceived,
    context: EventContext,
    *,
    by_staff: bool,
    interrupt: bool,
    is_stale: bool = False,
) -> Handled:
    """Store a message if it concerns us.

    Args:
        tx: the transaction.
        event: the message.
        context: what is stored that it may concern.
        by_staff: whether staff wrote it.
        interrupt: cancels the conversation's running answer if the message is a question.
        is_stale: see :func:`is_stale`; a group's stale message is context and not answered.
    """
    if await _is_below_own_message(tx, event, context):
        event = replace(event, mention=Mention.REPLY)
    rules = context.group_rules
    if rules is None:
        return await _intake_by_default(tx, event, context, interrupt=interrupt, is_stale=is_stale)
    result = await evaluate(tx, event, rules, context, by_staff=by_staff)
    if is_stale:
        result = replace(result, decision=ReplyDecision.IGNORE)
    return await _intake_by_rules(tx, result, interrupt=interrupt and result.decision is ReplyDecision.ANSWER)


async def _is_below_own_message(tx: Transaction, event: MessageReceived, context: EventContext) -> bool:
    """Return whether a message begins the talk in a thread whose root is the bot's own message.

    A welcome, a notice or a prepared answer at a channel's top level asks people to reply there.
    """
    root = event.address.key.thread
    if event.mention is not Mention.NONE or context.conversation is not None or event.threads_by_reply:
        return False
    if root in ("", event.message_id) or not event.allows_follow_up:
        return False
    return await conversations.find_turn_id(tx, event.address.key, root) is not None


def is_stale(event: MessageReceived, backlog: timedelta, *, now: datetime) -> bool:
    """Return whether a group's message is too old to be answered: after downtime its talk has gone on."""
    return event.chat_type is ChatType.GROUP and now - event.sent_at > backlog


async def intake_app_message(tx: Transaction, event: MessageReceived, context: EventContext) -> Handled:
    """Store what an app wrote in a known conversation as history; apps are not answered."""
    conversation = context.replied_conversation or context.conversation
    return IGNORED if conversation is None else await _store_unanswered(tx, event, conversation)


async def intake_member_joined(tx: Transaction, event: MemberJoined, context: EventContext) -> Handled:
    """Enqueue a welcome for a person's first visit, if the chat's rules have one."""
    key, rules = event.address.key, context.group_rules
    if rules is None or not rules.welcome:
        return IGNORED
    conversation = await conversations.get_or_create(tx, key, event.chat_type)
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.COMMANDS, status=EventStatus.OPEN
    )
    if not await chat_members.claim_welcome(tx, key, event.author.id, seq=seq):
        await inbox.set_status(tx, [seq], EventStatus.RECORDED)
        return Handled()
    return Handled(queue_key=QueueKey(conversation.id, Lane.COMMANDS))


async def intake_bot_access(tx: Transaction, event: BotAccessChanged) -> Handled:
    """Enqueue a greeting for a group that the bot was added to; nothing is stored of any other change."""
    if not (event.is_added and event.can_write and event.chat_type is ChatType.GROUP):
        return IGNORED
    conversation = await conversations.get_or_create(tx, event.address.key, event.chat_type)
    await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.COMMANDS, status=EventStatus.OPEN)
    return Handled(queue_key=QueueKey(conversation.id, Lane.COMMANDS))


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


async def store_without_work(tx: Transaction, event: Event, status: EventStatus) -> Handled:
    """Store an event that needs no work.

    Raises:
        DuplicateEvent: it was stored before.
    """
    await inbox.add(tx, event, conversation_id=None, lane=Lane.TURNS, status=status)
    return Handled()


async def _intake_by_default(
    tx: Transaction, event: MessageReceived, context: EventContext, *, interrupt: bool, is_stale: bool
) -> Handled:
    """Store a message of a chat without rules: it is answered if it addresses the bot or follows up."""
    replied = context.replied_conversation
    siblings, grouped = await _media_group(tx, event)
    known = replied or context.conversation
    if grouped is not None and grouped.conversation_id is not None:
        known = await conversations.get(tx, grouped.conversation_id)
    addressed = event.mention is not Mention.NONE
    if known is None and not addressed:
        return await _record_overheard(tx, event)
    answered = addressed
    if not addressed and known is not None:
        # A conversation with several people goes on without the bot until it is mentioned.
        others = await authors.load_ids(tx, known.id) - {event.author.id}
        follows_up = event.allows_follow_up and not others and event.unsupported_content is None
        answered = follows_up or _is_answered(grouped)
    answered = answered and not is_stale
    conversation = known or await conversations.get_or_create(tx, event.address.key, event.chat_type)
    if not answered:
        return await _store_unanswered(tx, event, conversation)
    return await _enqueue_question(tx, event, conversation, siblings, interrupt=interrupt)


async def _intake_by_rules(tx: Transaction, result: GroupPolicyResult, *, interrupt: bool) -> Handled:
    """Store a message of a chat with rules, as they decided."""
    event, conversation = result.message, result.conversation
    siblings, grouped = await _media_group(tx, event)
    answered = result.decision is not ReplyDecision.IGNORE
    if grouped is not None and grouped.conversation_id is not None:
        conversation = await conversations.get(tx, grouped.conversation_id)
        answered = answered or _is_answered(grouped)
    if conversation is None and not answered:
        return await _record_overheard(tx, event)
    conversation = conversation or await conversations.get_or_create(tx, event.address.key, event.chat_type)
    if not answered:
        return await _store_unanswered(tx, event, conversation)
    await chat_members.set_conversation(tx, event.address.key, event.author.id, conversation.id)
    return await _enqueue_question(tx, event, conversation, siblings, interrupt=interrupt)


async def _media_group(
    tx: Transaction, event: MessageReceived
) -> tuple[Sequence[MediaGroupMessage], MediaGroupMessage | None]:
    """Return the earlier messages of an event's media group, and the last of them with a conversation."""
    siblings = await inbox.load_media_group(tx, event)
    return siblings, next((one for one in reversed(siblings) if one.conversation_id is not None), None)


def _is_answered(grouped: MediaGroupMessage | None) -> bool:
    """Return whether the media group that a message belongs to is a question."""
    return grouped is not None and grouped.status in (EventStatus.OPEN, EventStatus.DONE)


async def _record_overheard(tx: Transaction, event: MessageReceived) -> Handled:
    """Store a message outside of every conversation only if a later one of its media group may address us."""
    return await store_without_work(tx, event, EventStatus.RECORDED) if event.media_group_id else IGNORED


async def _store_unanswered(tx: Transaction, event: MessageReceived, conversation: Conversation) -> Handled:
    """Store a message that becomes history and asks for no answer."""
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=EventStatus.RECORDED
    )
    await append_to_history(tx, event, conversation, seq)
    return Handled()


async def _enqueue_question(
    tx: Transaction,
    event: MessageReceived,
    conversation: Conversation,
    siblings: Sequence[MediaGroupMessage],
    *,
    interrupt: bool,
) -> Handled:
    """Store a message that is answered, with the earlier messages of its media group."""
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=EventStatus.OPEN
    )
    await append_to_history(tx, event, conversation, seq)
    await attach_media_group(tx, siblings, conversation)
    interrupt = interrupt or await find_turn_of_comment(tx, conversation, event) is not None
    cancelled = interrupt and await turns.request_cancel(tx, conversation.id, CancelReason.INTERRUPT)
    return Handled(
        queue_key=QueueKey(conversation.id, Lane.TURNS),
        cancel_reason=CancelReason.INTERRUPT if cancelled else None,
    )
