"""Intake of messages and new members: answered, kept as history, or not stored at all."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from core.chat_policy import ReplyDecision
from core.domain.addresses import ChatType
from core.domain.events import BotAccessChanged, Event, MemberJoined, Mention, MessageReceived
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason
from core.inbound.forwards import find_turn_of_comment
from core.inbound.group_policy import GroupPolicyResult, evaluate
from core.inbound.handler import IGNORED, Handled
from core.inbound.history_writer import append_to_history, attach_media_group
from core.store import Transaction, authors, chat_members, conversations, inbox, turns
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.inbox import MediaGroupMessage


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
    """Return whether a message is the first one in a thread below the bot's own message.

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
    conversation = known or await _create_conversation(tx, event)
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
    conversation = conversation or await _create_conversation(tx, event)
    if not answered:
        return await _store_unanswered(tx, event, conversation)
    await chat_members.set_conversation(tx, event.address.key, event.author.id, conversation.id)
    return await _enqueue_question(tx, event, conversation, siblings, interrupt=interrupt)


async def _create_conversation(tx: Transaction, event: MessageReceived) -> Conversation:
    key = event.address.key
    return await conversations.get_or_create(tx, key, event.chat_type, backfilled=event.begins_thread)


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
