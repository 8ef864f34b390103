"""Group policy: a chat's rules applied to a message, at intake and again before its turn is claimed.

::

    intake         its conversation; answer it, ask the classifier, or keep it as context
    before a turn  whether that still holds: staff may have written since, or the office closed

The facts that the rules need are stored with the message, so that a restart decides the same.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from core.chat_policy import ChatRules, MessageFacts, ReplyDecision, decide_reply
from core.domain.addresses import ChatType, ThreadKey
from core.domain.events import Mention, MessageReceived
from core.domain.message_content import ReplyContext
from core.domain.queue import Lane, QueueKey
from core.store import Transaction, authors, chat_members, conversations, inbox, rules, turns
from core.store.conversations import Conversation
from core.store.event_context import EventContext

BURST_MARGIN_S: Final = 1.0  #: Telegram's timestamps are whole seconds
MAX_PENDING: Final = 40  #: messages of one burst


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPolicyResult:
    """Result of the group policy for one message."""

    message: MessageReceived  #: as it is stored
    conversation: Conversation | None  #: None: it belongs to no known conversation
    decision: ReplyDecision
    is_reply: bool  #: whether it replies to a message of that conversation


async def load_rules(tx: Transaction, key: ThreadKey, chat_type: ChatType) -> ChatRules | None:
    """Return the rules of a group or channel; None if it has none, and for direct conversations."""
    return await rules.load(tx, key) if chat_type is ChatType.GROUP else None


async def evaluate(
    tx: Transaction, event: MessageReceived, rules: ChatRules, context: EventContext, *, by_staff: bool
) -> GroupPolicyResult:
    """Decide on a new message, and record that its author wrote in the chat."""
    key, author = event.address.key, event.author.id
    member = await chat_members.get(tx, key, author)
    replied = context.replied_conversation
    event = await _join_burst(tx, event, rules, member)
    conversation = replied or await _resolve_conversation(tx, event, by_staff=by_staff)
    mentioned = event.mention in (Mention.BY_NAME, Mention.DIRECT)
    if by_staff and not mentioned:
        await chat_members.record_staff_activity(
            tx, await _addressed_conversations(tx, event, rules, conversation), event.sent_at
        )
    elif mentioned and conversation is not None:
        await chat_members.clear_staff_activity(tx, conversation.id)
    own = None if by_staff or conversation is None else conversation.id
    await chat_members.record_message(tx, key, author, conversation_id=own, at=event.sent_at, staff=by_staff)
    facts = MessageFacts(
        text=event.text,
        at=event.sent_at,
        mention=event.mention,
        by_staff=by_staff,
        sole_participant=await _is_sole_participant(tx, event, conversation, is_reply=replied is not None),
        last_staff_message_at=await _last_staff_message_at(tx, conversation),
        closed_notice_sent=_closed_notice_sent(rules, member, event.sent_at),
    )
    decision = decide_reply(rules, facts)
    if (
        decision is ReplyDecision.IGNORE
        and conversation is not None
        and not await _has_messages(tx, conversation)
    ):
        conversation = None  # nobody has addressed the bot there: nothing of it is stored
    return GroupPolicyResult(
        message=replace(event, needs_intent_check=decision is ReplyDecision.ASK_CLASSIFIER),
        conversation=conversation,
        decision=decision,
        is_reply=replied is not None,
    )


async def recheck(
    tx: Transaction, conversation: Conversation, rules: ChatRules, messages: Sequence[MessageReceived]
) -> ReplyDecision:
    """Decide again on a question that consists of messages of one person, right before it is answered."""
    last = messages[-1]
    member = await chat_members.get(tx, conversation.key, last.author.id)
    by_name = any(message.mention is Mention.BY_NAME for message in messages)
    facts = MessageFacts(
        text="\n".join(message.text for message in messages),
        at=last.sent_at,
        mention=Mention.BY_NAME if by_name else last.mention,
        by_staff=member.is_staff,
        sole_participant=any(not message.needs_intent_check for message in messages),
        last_staff_message_at=await chat_members.last_staff_activity(tx, conversation.id),
        closed_notice_sent=_closed_notice_sent(rules, member, last.sent_at),
    )
    return decide_reply(rules, facts)


async def claim_closed_notice(
    tx: Transaction, key: ThreadKey, rules: ChatRules, message: MessageReceived, inbox_id: int
) -> str:
    """Return the closed text for a question outside of business hours; "" if its author has got it.

    A person gets it once in each closed period. After a crash the same question gets it again.
    """
    since = rules.hours.closed_since(message.sent_at) if rules.hours is not None else None
    if since is None or not rules.closed_text:
        return ""
    member = await chat_members.get(tx, key, message.author.id)
    if member.is_staff or (member.closed_notice_since == since and member.closed_notice_seq != inbox_id):
        return ""
    await chat_members.record_closed_notice(tx, key, message.author.id, since=since, seq=inbox_id)
    opens = rules.hours.next_start(message.sent_at) if rules.hours is not None else None
    return rules.closed_text.replace("{opens}", f"{opens:%Y-%m-%d %H:%M}" if opens else "…")


async def muted_by_staff(tx: Transaction, conversation: Conversation, at: datetime) -> bool:
    """Return whether a recent message of staff keeps the bot from answering unasked in a conversation."""
    chat_rules = await load_rules(tx, conversation.key, conversation.chat_type)
    if chat_rules is None:
        return False
    staff_at = await chat_members.last_staff_activity(tx, conversation.id)
    return staff_at is not None and at - staff_at < timedelta(seconds=chat_rules.quiet_s)


def in_same_burst(one: MessageReceived, other: MessageReceived, window_s: float) -> bool:
    """Return whether one person sent two messages within ``window_s`` seconds of each other."""
    apart_s = abs((other.sent_at - one.sent_at).total_seconds())
    return window_s > 0 and one.author.id == other.author.id and apart_s <= window_s + BURST_MARGIN_S


async def _resolve_conversation(
    tx: Transaction, event: MessageReceived, *, by_staff: bool
) -> Conversation | None:
    """Return the conversation of a message that does not reply to a known one."""
    key = event.address.key
    if not event.threads_by_reply:
        return await conversations.find(tx, key)
    owner = event.author.id
    if by_staff and event.mention is Mention.NONE:
        match event.quoted:
            case ReplyContext(author_id=customer_id, by_bot=False) if customer_id:
                owner = customer_id  # staff replies to that customer
            case _:
                return None
    return await conversations.get_or_create(tx, person_thread_key(key, owner), event.chat_type)


def person_thread_key(key: ThreadKey, person_id: str) -> ThreadKey:
    """Return the key of a person's own conversation in a group on a platform without threads."""
    digest = hashlib.blake2s(f"{key.tenant}:{key.channel}:{person_id}".encode(), digest_size=12)
    return replace(key, thread=f"person:{digest.hexdigest()}")


async def _join_burst(
    tx: Transaction, event: MessageReceived, rules: ChatRules, member: chat_members.MemberRecord
) -> MessageReceived:
    """Move a message that begins a thread into the thread of its author's preceding message.

    Only within a burst. In a Slack channel each message that is not a reply begins a thread.
    """
    begins_thread = not event.threads_by_reply and event.address.key.thread == event.message_id
    if not begins_thread or member.conversation_id is None:
        return event
    queue_key = QueueKey(member.conversation_id, Lane.TURNS)
    pending = [item.event for item in await inbox.load_open_items(tx, queue_key, limit=MAX_PENDING)]
    match pending[:1], pending[-1:]:
        case [MessageReceived() as first], [MessageReceived() as last] if in_same_burst(
            last, event, rules.gather_s
        ):
            if first.address.key.thread == first.message_id:
                return replace(event, address=first.address)
    return event


async def _addressed_conversations(
    tx: Transaction, event: MessageReceived, rules: ChatRules, conversation: Conversation | None
) -> list[int]:
    """Return the ids of the conversations that a message of staff may be meant for.

    In a group without threads, a message that replies to nobody may be meant for every customer who
    has written there within the chat's ``quiet_s``.
    """
    if conversation is not None:
        return [conversation.id]
    if not event.threads_by_reply:
        return [(await conversations.get_or_create(tx, event.address.key, event.chat_type)).id]
    since = event.sent_at - timedelta(seconds=rules.quiet_s)
    return await chat_members.customer_conversations_since(tx, event.address.key, since)


async def _is_sole_participant(
    tx: Transaction, event: MessageReceived, conversation: Conversation | None, *, is_reply: bool
) -> bool:
    """Return whether a message follows up in a conversation of its author and the bot alone."""
    if conversation is None or not event.allows_follow_up or (event.threads_by_reply and not is_reply):
        return False
    speakers = await authors.load_ids(tx, conversation.id)
    others = speakers - {event.author.id}
    others -= await chat_members.filter_staff(tx, event.address.key, others)
    if event.author.id not in speakers or others or event.unsupported_content is not None:
        return False
    return await _bot_participates(tx, conversation)


async def _bot_participates(tx: Transaction, conversation: Conversation) -> bool:
    """Return whether the bot has answered in a conversation, or certainly will."""
    if await turns.get_latest(tx, conversation.id) is not None:
        return True
    pending = await inbox.load_open_items(tx, QueueKey(conversation.id, Lane.TURNS), limit=MAX_PENDING)
    return any(
        isinstance(item.event, MessageReceived) and not item.event.needs_intent_check for item in pending
    )


async def _has_messages(tx: Transaction, conversation: Conversation) -> bool:
    return bool(await authors.load_ids(tx, conversation.id))


async def _last_staff_message_at(tx: Transaction, conversation: Conversation | None) -> datetime | None:
    return None if conversation is None else await chat_members.last_staff_activity(tx, conversation.id)


def _closed_notice_sent(rules: ChatRules, member: chat_members.MemberRecord, at: datetime) -> bool:
    since = rules.hours.closed_since(at) if rules.hours is not None and rules.closed_text else None
    return since is not None and member.closed_notice_since == since
