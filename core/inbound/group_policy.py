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

from core.chat_policy import ChatRules, Heard, Verdict, speaks
from core.domain.events import Addressed, Quoted, Said, Scene, ThreadKey
from core.store import (
    Lane,
    Transaction,
    Work,
    chat_members,
    conversation_settings,
    conversations,
    history,
    inbox,
    rules,
    turns,
)
from core.store.conversations import Conversation
from core.store.event_context import Arrival

BURST_MARGIN_S = 1.0  #: Telegram tells whole seconds
MOST_WAITING = 40  #: messages of one burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What becomes of a message."""

    said: Said  #: as it is stored
    conversation: Conversation | None  #: None where it belongs to none that is known
    verdict: Verdict
    continued: bool  #: it replies to a message of that conversation


async def rules_for(tx: Transaction, key: ThreadKey, scene: Scene) -> ChatRules | None:
    """Return the rules of a group or channel; None where it has none, and for direct conversations."""
    return await rules.of(tx, key) if scene is Scene.GROUP else None


async def hear(
    tx: Transaction, event: Said, found: ChatRules, arrival: Arrival, *, by_staff: bool
) -> Hearing:
    """Decide about a message as it comes in, and remember that its person spoke."""
    key, author = event.address.key, event.author.id
    person = await chat_members.of(tx, key, author)
    replied = arrival.replied
    event = await _in_burst(tx, event, found, person)
    conversation = replied or await _placed(tx, event, by_staff=by_staff)
    called = event.addressed in (Addressed.MENTION, Addressed.DIRECT)
    if by_staff and not called:
        await chat_members.staff_spoke(tx, await _meant(tx, event, found, conversation), event.sent_at)
    elif called and conversation is not None:
        await chat_members.called(tx, conversation.id)
    mine = None if by_staff or conversation is None else conversation.id
    await chat_members.heard(tx, key, author, conversation_id=mine, at=event.sent_at, staff=by_staff)
    heard = Heard(
        text=event.text,
        at=event.sent_at,
        addressed=event.addressed,
        by_staff=by_staff,
        alone=await _alone(tx, event, conversation, replied=replied is not None),
        staff_at=await _staff_at(tx, conversation),
        told_closed=_told_closed(found, person, event.sent_at),
    )
    verdict = speaks(found, heard)
    if verdict is Verdict.NOTE and conversation is not None and not await _used(tx, conversation):
        conversation = None  # nobody has spoken to us there: nothing of it is kept
    return Hearing(
        said=replace(event, unsure=verdict is Verdict.ASK),
        conversation=conversation,
        verdict=verdict,
        continued=replied is not None,
    )


async def hear_again(
    tx: Transaction, conversation: Conversation, found: ChatRules, asked: Sequence[Said]
) -> Verdict:
    """Decide about messages of one person that are one question, right before it is answered."""
    last = asked[-1]
    person = await chat_members.of(tx, conversation.key, last.author.id)
    sure = any(not said.unsure for said in asked)
    called = next((said.addressed for said in asked if said.addressed is Addressed.MENTION), None)
    heard = Heard(
        text="\n".join(said.text for said in asked),
        at=last.sent_at,
        addressed=called or last.addressed,
        by_staff=person.staff,
        alone=sure,
        staff_at=await chat_members.staff_at(tx, conversation.id),
        told_closed=_told_closed(found, person, last.sent_at),
    )
    return speaks(found, heard)


async def tell_closed(tx: Transaction, key: ThreadKey, found: ChatRules, said: Said, inbox_id: int) -> str:
    """Return what somebody is told who asks outside of the business hours; "" where it was told before.

    It is told once in each closed period; to the same question again after a crash.
    """
    since = found.hours.closed_since(said.sent_at) if found.hours is not None else None
    if since is None or not found.closed_text:
        return ""
    person = await chat_members.of(tx, key, said.author.id)
    if person.staff or (person.closed_since == since and person.closed_seq != inbox_id):
        return ""
    await chat_members.told_closed(tx, key, said.author.id, since=since, seq=inbox_id)
    opens = found.hours.opens(said.sent_at) if found.hours is not None else None
    return found.closed_text.replace("{opens}", f"{opens:%Y-%m-%d %H:%M}" if opens else "…")


async def hushed(tx: Transaction, conversation: Conversation, at: datetime) -> bool:
    """Return whether the staff's word keeps the bot from speaking up in a conversation by itself."""
    found = await rules_for(tx, conversation.key, conversation.scene)
    staff_at = None if found is None else await chat_members.staff_at(tx, conversation.id)
    return found is not None and staff_at is not None and at - staff_at < timedelta(seconds=found.quiet_s)


def near(one: Said, other: Said, gather_s: float) -> bool:
    """Return whether two messages are of one burst: of one person, one right after the other."""
    apart_s = abs((other.sent_at - one.sent_at).total_seconds())
    return gather_s > 0 and one.author.id == other.author.id and apart_s <= gather_s + BURST_MARGIN_S


async def _placed(tx: Transaction, event: Said, *, by_staff: bool) -> Conversation | None:
    """Return the conversation of a message that replies to none we know."""
    key = event.address.key
    if not event.follows_replies:
        return await conversations.find(tx, key)
    owner = event.author.id
    if by_staff and event.addressed is Addressed.OVERHEARD:
        match event.quoted:
            case Quoted(author_id=quoted, by_bot=False) if quoted:
                owner = quoted  # a word to that customer
            case _:
                return None
    return await conversations.ensure(tx, own_key(key, owner), event.scene)


def own_key(key: ThreadKey, person_id: str) -> ThreadKey:
    """Return a person's own conversation in a group whose platform makes none."""
    digest = hashlib.blake2s(f"{key.tenant}:{key.channel}:{person_id}".encode(), digest_size=12)
    return replace(key, thread=f"person:{digest.hexdigest()}")


async def _in_burst(tx: Transaction, event: Said, found: ChatRules, person: chat_members.Known) -> Said:
    """Let a message that begins a thread right after its person's last one belong to that one's.

    So in a Slack channel, where each message that is no reply begins a thread of its own.
    """
    begins = not event.follows_replies and event.address.key.thread == event.message_id
    if not begins or person.conversation_id is None:
        return event
    work = Work(person.conversation_id, Lane.TURNS)
    waiting = [item.event for item in await inbox.open_items(tx, work, limit=MOST_WAITING)]
    match waiting[:1], waiting[-1:]:
        case [Said() as first], [Said() as last] if near(last, event, found.gather_s):
            if first.address.key.thread == first.message_id:
                return replace(event, address=first.address)
    return event


async def _meant(
    tx: Transaction, event: Said, found: ChatRules, conversation: Conversation | None
) -> list[int]:
    """Return the conversations that a word of the staff belongs to.

    In a group whose platform makes no threads, a word that replies to nobody may be meant for
    everybody who has spoken there a short time ago.
    """
    if conversation is not None:
        return [conversation.id]
    if not event.follows_replies:
        return [(await conversations.ensure(tx, event.address.key, event.scene)).id]
    since = event.sent_at - timedelta(seconds=found.quiet_s)
    return await chat_members.customers_since(tx, event.address.key, since)


async def _alone(tx: Transaction, event: Said, conversation: Conversation | None, *, replied: bool) -> bool:
    """Return whether a message goes on with a conversation that only its person has with the bot."""
    if conversation is None or not event.continues or (event.follows_replies and not replied):
        return False
    spoke = await history.speakers(tx, conversation.id)
    others = spoke - {event.author.id}
    others -= await chat_members.staff_among(tx, event.address.key, others)
    if event.author.id not in spoke or others or event.unreadable is not None:
        return False
    return await _begun(tx, conversation)


async def _begun(tx: Transaction, conversation: Conversation) -> bool:
    """Return whether the bot has answered in a conversation, or is certain to."""
    if await turns.latest(tx, conversation.id) is not None:
        return True
    waiting = await inbox.open_items(tx, Work(conversation.id, Lane.TURNS), limit=MOST_WAITING)
    return any(isinstance(item.event, Said) and not item.event.unsure for item in waiting)


async def _used(tx: Transaction, conversation: Conversation) -> bool:
    return bool(await history.speakers(tx, conversation.id))


async def _staff_at(tx: Transaction, conversation: Conversation | None) -> datetime | None:
    return None if conversation is None else await chat_members.staff_at(tx, conversation.id)


def _told_closed(found: ChatRules, person: chat_members.Known, at: datetime) -> bool:
    since = found.hours.closed_since(at) if found.hours is not None and found.closed_text else None
    return since is not None and person.closed_since == since


def usual_choices(rules: ChatRules) -> dict[str, str]:
    """Return what a conversation of a chat with these rules has where it chose nothing itself."""
    search = None if rules.search is None else "on" if rules.search else "off"
    usual = {
        conversation_settings.MODEL: rules.model,
        conversation_settings.PERSONA: rules.persona,
        conversation_settings.SEARCH: search,
    }
    return {name: value for name, value in usual.items() if value}
