"""What a chat's rules make of something that is said: on the way in, and before its turn is taken.

::

    on the way in     which conversation it belongs to; answered, perhaps answered, noted
    before its turn   whether that still holds: the staff may have spoken, the day may have ended

What the rules look at is stored with the message, so that a restart decides the same.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from core.chat_policy import ChatRules, MessageFacts, ReplyDecision, decide_reply
from core.domain.addresses import ChatType, ThreadKey
from core.domain.events import Mention, MessageReceived
from core.domain.message_content import ReplyContext
from core.store import (
    Lane,
    QueueKey,
    Transaction,
    chat_members,
    conversation_settings,
    conversations,
    history,
    inbox,
    rules,
    turns,
)
from core.store.conversations import Conversation
from core.store.event_context import EventContext

BURST_MARGIN_S = 1.0  #: Telegram tells whole seconds
MAX_PENDING = 40  #: messages of one burst


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPolicyResult:
    """What becomes of a message."""

    message: MessageReceived  #: as it is stored
    conversation: Conversation | None  #: None where it belongs to none that is known
    decision: ReplyDecision
    is_reply: bool  #: it replies to a message of that conversation


async def load_rules(tx: Transaction, key: ThreadKey, chat_type: ChatType) -> ChatRules | None:
    """Return the rules of a group or channel; None where it has none, and for direct conversations."""
    return await rules.load(tx, key) if chat_type is ChatType.GROUP else None


async def evaluate(
    tx: Transaction, event: MessageReceived, rules: ChatRules, context: EventContext, *, by_staff: bool
) -> GroupPolicyResult:
    """Decide about a message as it comes in, and remember that its person spoke."""
    key, author = event.address.key, event.author.id
    person = await chat_members.get(tx, key, author)
    replied = context.replied_conversation
    event = await _join_burst(tx, event, rules, person)
    conversation = replied or await _resolve_conversation(tx, event, by_staff=by_staff)
    called = event.mention in (Mention.BY_NAME, Mention.DIRECT)
    if by_staff and not called:
        await chat_members.record_staff_activity(
            tx, await _addressed_conversations(tx, event, rules, conversation), event.sent_at
        )
    elif called and conversation is not None:
        await chat_members.clear_staff_activity(tx, conversation.id)
    mine = None if by_staff or conversation is None else conversation.id
    await chat_members.record_message(tx, key, author, conversation_id=mine, at=event.sent_at, staff=by_staff)
    heard = MessageFacts(
        text=event.text,
        at=event.sent_at,
        mention=event.mention,
        by_staff=by_staff,
        sole_participant=await _is_sole_participant(tx, event, conversation, is_reply=replied is not None),
        last_staff_message_at=await _last_staff_message_at(tx, conversation),
        closed_notice_sent=_closed_notice_sent(rules, person, event.sent_at),
    )
    verdict = decide_reply(rules, heard)
    if (
        verdict is ReplyDecision.IGNORE
        and conversation is not None
        and not await _has_messages(tx, conversation)
    ):
        conversation = None  # nobody has spoken to us there: nothing of it is kept
    return GroupPolicyResult(
        message=replace(event, needs_intent_check=verdict is ReplyDecision.ASK_CLASSIFIER),
        conversation=conversation,
        decision=verdict,
        is_reply=replied is not None,
    )


async def recheck(
    tx: Transaction, conversation: Conversation, rules: ChatRules, messages: Sequence[MessageReceived]
) -> ReplyDecision:
    """Decide about messages of one person that are one question, right before it is answered."""
    last = messages[-1]
    person = await chat_members.get(tx, conversation.key, last.author.id)
    sure = any(not said.needs_intent_check for said in messages)
    called = next((said.mention for said in messages if said.mention is Mention.BY_NAME), None)
    heard = MessageFacts(
        text="\n".join(said.text for said in messages),
        at=last.sent_at,
        mention=called or last.mention,
        by_staff=person.staff,
        sole_participant=sure,
        last_staff_message_at=await chat_members.last_staff_activity(tx, conversation.id),
        closed_notice_sent=_closed_notice_sent(rules, person, last.sent_at),
    )
    return decide_reply(rules, heard)


async def claim_closed_notice(
    tx: Transaction, key: ThreadKey, rules: ChatRules, message: MessageReceived, inbox_id: int
) -> str:
    """Return what somebody is told who asks outside of the business hours; "" where it was told before.

    It is told once in each closed period; to the same question again after a crash.
    """
    since = rules.hours.closed_since(message.sent_at) if rules.hours is not None else None
    if since is None or not rules.closed_text:
        return ""
    person = await chat_members.get(tx, key, message.author.id)
    if person.staff or (person.closed_since == since and person.closed_seq != inbox_id):
        return ""
    await chat_members.record_closed_notice(tx, key, message.author.id, since=since, seq=inbox_id)
    opens = rules.hours.next_start(message.sent_at) if rules.hours is not None else None
    return rules.closed_text.replace("{opens}", f"{opens:%Y-%m-%d %H:%M}" if opens else "…")


async def muted_by_staff(tx: Transaction, conversation: Conversation, at: datetime) -> bool:
    """Return whether the staff's word keeps the bot from speaking up in a conversation by itself."""
    found = await load_rules(tx, conversation.key, conversation.chat_type)
    staff_at = None if found is None else await chat_members.last_staff_activity(tx, conversation.id)
    return found is not None and staff_at is not None and at - staff_at < timedelta(seconds=found.quiet_s)


def in_same_burst(one: MessageReceived, other: MessageReceived, window_s: float) -> bool:
    """Return whether two messages are of one burst: of one person, one right after the other."""
    apart_s = abs((other.sent_at - one.sent_at).total_seconds())
    return window_s > 0 and one.author.id == other.author.id and apart_s <= window_s + BURST_MARGIN_S


async def _resolve_conversation(
    tx: Transaction, event: MessageReceived, *, by_staff: bool
) -> Conversation | None:
    """Return the conversation of a message that replies to none we know."""
    key = event.address.key
    if not event.threads_by_reply:
        return await conversations.find(tx, key)
    owner = event.author.id
    if by_staff and event.mention is Mention.NONE:
        match event.quoted:
            case ReplyContext(author_id=quoted, by_bot=False) if quoted:
                owner = quoted  # a word to that customer
            case _:
                return None
    return await conversations.get_or_create(tx, person_thread_key(key, owner), event.chat_type)


def person_thread_key(key: ThreadKey, person_id: str) -> ThreadKey:
    """Return a person's own conversation in a group whose platform makes none."""
    digest = hashlib.blake2s(f"{key.tenant}:{key.channel}:{person_id}".encode(), digest_size=12)
    return replace(key, thread=f"person:{digest.hexdigest()}")


async def _join_burst(
    tx: Transaction, event: MessageReceived, rules: ChatRules, person: chat_members.MemberRecord
) -> MessageReceived:
    """Let a message that begins a thread right after its person's last one belong to that one's.

    So in a Slack channel, where each message that is no reply begins a thread of its own.
    """
    begins = not event.threads_by_reply and event.address.key.thread == event.message_id
    if not begins or person.conversation_id is None:
        return event
    work = QueueKey(person.conversation_id, Lane.TURNS)
    waiting = [item.event for item in await inbox.load_open_items(tx, work, limit=MAX_PENDING)]
    match waiting[:1], waiting[-1:]:
        case [MessageReceived() as first], [MessageReceived() as last] if in_same_burst(
            last, event, rules.gather_s
        ):
            if first.address.key.thread == first.message_id:
                return replace(event, address=first.address)
    return event


async def _addressed_conversations(
    tx: Transaction, event: MessageReceived, rules: ChatRules, conversation: Conversation | None
) -> list[int]:
    """Return the conversations that a word of the staff belongs to.

    In a group whose platform makes no threads, a word that replies to nobody may be meant for
    everybody who has spoken there a short time ago.
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
    """Return whether a message goes on with a conversation that only its person has with the bot."""
    if conversation is None or not event.allows_follow_up or (event.threads_by_reply and not is_reply):
        return False
    spoke = await history.load_speaker_ids(tx, conversation.id)
    others = spoke - {event.author.id}
    others -= await chat_members.filter_staff(tx, event.address.key, others)
    if event.author.id not in spoke or others or event.unsupported_content is not None:
        return False
    return await _bot_participates(tx, conversation)


async def _bot_participates(tx: Transaction, conversation: Conversation) -> bool:
    """Return whether the bot has answered in a conversation, or is certain to."""
    if await turns.get_latest(tx, conversation.id) is not None:
        return True
    waiting = await inbox.load_open_items(tx, QueueKey(conversation.id, Lane.TURNS), limit=MAX_PENDING)
    return any(
        isinstance(item.event, MessageReceived) and not item.event.needs_intent_check for item in waiting
    )


async def _has_messages(tx: Transaction, conversation: Conversation) -> bool:
    return bool(await history.load_speaker_ids(tx, conversation.id))


async def _last_staff_message_at(tx: Transaction, conversation: Conversation | None) -> datetime | None:
    return None if conversation is None else await chat_members.last_staff_activity(tx, conversation.id)


def _closed_notice_sent(rules: ChatRules, person: chat_members.MemberRecord, at: datetime) -> bool:
    since = rules.hours.closed_since(at) if rules.hours is not None and rules.closed_text else None
    return since is not None and person.closed_since == since


def default_conversation_settings(rules: ChatRules) -> dict[str, str]:
    """Return what a conversation of a chat with these rules has where it chose nothing itself."""
    search = None if rules.search is None else "on" if rules.search else "off"
    usual = {
        conversation_settings.MODEL: rules.model,
        conversation_settings.PERSONA: rules.persona,
        conversation_settings.SEARCH: search,
    }
    return {name: value for name, value in usual.items() if value}
