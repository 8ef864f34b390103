"""Taking in what people say and change, and who comes to a chat; by the chat's rules if it has any."""

from collections.abc import Sequence

from core.chat_policy import ReplyDecision
from core.domain.events import Event, MemberJoined, Mention, MessageEdited, MessageReceived
from core.domain.turn_states import CancelReason
from core.inbound.group_policy import GroupPolicyResult, evaluate, muted_by_staff
from core.inbound.handler import Enqueued
from core.inbound.history_writer import append_to_history, apply_edit, attach_media_group
from core.store import Lane, QueueKey, Transaction, chat_members, conversations, history, inbox, turns
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.inbox import EventStatus, MediaGroupMessage
from core.text.tokens import estimate_tokens


async def intake_message(
    tx: Transaction, event: MessageReceived, context: EventContext, *, by_staff: bool, interrupt: bool
) -> Enqueued | None:
    """Store what somebody said, where it concerns us; ``interrupt`` ends the running answer."""
    found = context.group_rules
    if found is None:
        return await _intake_by_default(tx, event, context, interrupt=interrupt)
    hearing = await evaluate(tx, event, found, context, by_staff=by_staff)
    return await _intake_by_rules(
        tx, hearing, interrupt=interrupt and hearing.decision is ReplyDecision.ANSWER
    )


async def intake_member_joined(
    tx: Transaction, event: MemberJoined, context: EventContext
) -> Enqueued | None:
    """Let somebody who comes into a chat for the first time be welcomed, where its rules say so."""
    key, found = event.address.key, context.group_rules
    if found is None or not found.welcome:
        return None
    conversation = await conversations.get_or_create(tx, key, event.chat_type)
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.COMMANDS, status=EventStatus.OPEN
    )
    if seq is None:
        return None
    if not await chat_members.claim_welcome(tx, key, event.author.id, seq=seq):
        await inbox.set_status(tx, [seq], EventStatus.RECORDED)
        return Enqueued()
    return Enqueued(QueueKey(conversation.id, Lane.COMMANDS))


async def intake_edit(tx: Transaction, event: MessageEdited, *, answer_again: bool) -> Enqueued | None:
    """Change words that were said; with ``answers`` the latest question is answered anew."""
    conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
    line = (
        None
        if conversation is None
        else await history.get_user_message(tx, conversation.id, event.message_id)
    )
    if conversation is None or line is None:
        return None
    original = await inbox.get_event(tx, line.seq)
    text = apply_edit(event.text, original, stored_text=line.text)
    if text == line.text:
        return None  # changed in a way that changes no word: a link preview, a pin
    latest = await turns.get_latest(tx, conversation.id)
    # Several messages may have become one question.
    asked = latest is not None and min(latest.inbox_id, latest.seq) <= line.seq <= latest.seq
    again = answer_again and asked and not await muted_by_staff(tx, conversation, event.sent_at)
    mark = EventStatus.OPEN if again else EventStatus.RECORDED
    seq = await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=mark)
    if seq is None:
        return None
    await history.edit_user_message(tx, conversation.id, event.message_id, text, estimate_tokens(text))
    if not again:
        return Enqueued()
    running = await turns.request_cancel(tx, conversation.id, CancelReason.RETRY)
    return Enqueued(
        QueueKey(conversation.id, Lane.TURNS), CancelReason.RETRY if running is not None else None
    )


async def store_without_work(tx: Transaction, event: Event, status: EventStatus) -> Enqueued | None:
    """Store an event that asks for no work; None where it was stored before."""
    seq = await inbox.add(tx, event, conversation_id=None, lane=Lane.TURNS, status=status)
    return None if seq is None else Enqueued()


async def _intake_by_default(
    tx: Transaction, event: MessageReceived, context: EventContext, *, interrupt: bool
) -> Enqueued | None:
    key, goes_on = event.address.key, context.replied_conversation
    siblings, album = await _media_group(tx, event)
    known = goes_on or context.conversation
    if album is not None and album.conversation_id is not None:
        known = await conversations.get(tx, album.conversation_id)
    if known is None and event.mention is Mention.NONE:
        # One of its pictures may still name us; then all of them are the question.
        return await store_without_work(tx, event, EventStatus.RECORDED) if event.media_group_id else None
    wanted = event.mention is not Mention.NONE
    if not wanted and known is not None:
        # Somebody else's conversation goes on without us until we are mentioned.
        others = await history.load_speaker_ids(tx, known.id) - {event.author.id}
        wanted = event.allows_follow_up and not others and event.unsupported_content is None
        wanted = wanted or (album is not None and album.state in (EventStatus.OPEN, EventStatus.DONE))
    conversation = known or await conversations.get_or_create(tx, key, event.chat_type)
    if not wanted:
        return await _store_unanswered(tx, event, conversation, include_quote=goes_on is None)
    return await _enqueue_question(
        tx, event, conversation, siblings, include_quote=goes_on is None, interrupt=interrupt
    )


async def _intake_by_rules(tx: Transaction, result: GroupPolicyResult, *, interrupt: bool) -> Enqueued | None:
    event, conversation = result.message, result.conversation
    siblings, album = await _media_group(tx, event)
    wanted = result.decision is not ReplyDecision.IGNORE
    if album is not None and album.conversation_id is not None:
        conversation = await conversations.get(tx, album.conversation_id)
        wanted = wanted or album.state in (EventStatus.OPEN, EventStatus.DONE)
    if conversation is None and not wanted:
        return await store_without_work(tx, event, EventStatus.RECORDED) if event.media_group_id else None
    conversation = conversation or await conversations.get_or_create(tx, event.address.key, event.chat_type)
    quotes = not result.is_reply
    if not wanted:
        return await _store_unanswered(tx, event, conversation, include_quote=quotes)
    await chat_members.set_conversation(tx, event.address.key, event.author.id, conversation.id)
    return await _enqueue_question(
        tx, event, conversation, siblings, include_quote=quotes, interrupt=interrupt
    )


async def _media_group(
    tx: Transaction, event: MessageReceived
) -> tuple[Sequence[MediaGroupMessage], MediaGroupMessage | None]:
    """Return the messages that are of one saying with this one, and the last that has a conversation."""
    siblings = await inbox.load_media_group(tx, event)
    return siblings, next((one for one in reversed(siblings) if one.conversation_id is not None), None)


async def _store_unanswered(
    tx: Transaction, event: MessageReceived, conversation: Conversation, *, include_quote: bool
) -> Enqueued | None:
    """Store words that become history and ask for no answer."""
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=EventStatus.RECORDED
    )
    if seq is None:
        return None
    await append_to_history(tx, event, conversation, seq, include_quote=include_quote)
    return Enqueued()


async def _enqueue_question(
    tx: Transaction,
    event: MessageReceived,
    conversation: Conversation,
    siblings: Sequence[MediaGroupMessage],
    *,
    include_quote: bool,
    interrupt: bool,
) -> Enqueued | None:
    """Store words that are to be answered."""
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=EventStatus.OPEN
    )
    if seq is None:
        return None
    await append_to_history(tx, event, conversation, seq, include_quote=include_quote)
    await attach_media_group(tx, siblings, conversation)
    cancel: CancelReason | None = None
    if interrupt and await turns.request_cancel(tx, conversation.id, CancelReason.INTERRUPT):
        cancel = CancelReason.INTERRUPT
    return Enqueued(QueueKey(conversation.id, Lane.TURNS), cancel)
