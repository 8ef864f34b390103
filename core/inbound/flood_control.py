"""The first door: who is blocked gets nothing, and who asks too much at once has to wait.

Each is told once, politely and at once, and not once a message. What comes after that is not even
stored. Asking to be forgotten is heard from everybody.
"""

import hashlib
import hmac
from dataclasses import replace
from typing import Final, TypeAlias

import structlog

from core.access import Access, Over, Who
from core.access.flood_limits import PaceLimits, Verdict, judge
from core.chat_policy import Trigger
from core.domain.events import (
    Addressed,
    CommandName,
    Control,
    Deleted,
    Edited,
    Event,
    Joined,
    Moved,
    Ordered,
    Pressed,
    Said,
    Unparsed,
)
from core.inbound.handler import Admitted, Ruling
from core.llm.pseudonymizing_model import KEY
from core.store import Lane, Transaction, Work, chat_members, conversations, guard, handoffs, history, inbox
from core.store.clock import utc_now
from core.store.event_context import Arrival
from core.store.inbox import Mark
from core.store.keys import key_of

log = structlog.get_logger(__name__)

Spoken: TypeAlias = Said | Ordered | Pressed | Edited

TURNED_AWAY: Final = Ruling(None)
_UNCALLED: Final = (Trigger.QUESTION, Trigger.ALWAYS)  #: the bot speaks without being called


class Doorkeeper:
    """Implements :class:`core.inbound.handler.Door`; it stands before all others."""

    def __init__(self, access: Access, limits: PaceLimits) -> None:
        self._access = access
        self._limits = limits
        self._key: bytes | None = None

    async def __call__(self, tx: Transaction, event: Event, arrival: Arrival) -> Ruling | None:
        """Turn somebody away, or let the event go on."""
        match event:
            case Moved():
                await guard.move(tx, platform=event.platform, old=event.old_channel, new=event.new_channel)
                return None
            case Unparsed() | Joined() | Deleted():
                return None
        who = who_of(event)
        if self._access.is_admin(who) or _wants_to_be_forgotten(event):
            return None
        if arrival.blocked and (block := await guard.block_of(tx, who)) is not None:
            tells = not block.told and _awaits_a_word(event) and await guard.tell(tx, who)
            return await _tell(tx, event, Over.BLOCKED) if tells else TURNED_AWAY
        return await self._paced(tx, event, who, arrival)

    async def _paced(self, tx: Transaction, event: Spoken, who: Who, arrival: Arrival) -> Ruling | None:
        limits = self._limits
        if not (limits.flood or limits.repeats):
            return None
        found = arrival.group_rules
        if found is not None and (await chat_members.of(tx, event.address.key, who.person_id)).staff:
            return None
        if not await _asks(tx, event, arrival):
            return None
        album = event.album if isinstance(event, Said) else ""
        mark = await self._mark(tx, event, album)
        now, since = utc_now().timestamp(), arrival.pace_at
        pace, verdict = judge(arrival.pace, limits, now=now, mark=mark, once=bool(album))
        if since is None or not await guard.keep_pace(tx, who, pace, since=since):
            # The first question, or another replica counts one of theirs at this moment.
            pace, verdict = judge(await guard.pace_of(tx, who), limits, now=now, mark=mark, once=bool(album))
            await guard.keep_pace(tx, who, pace)
        match verdict:
            case Verdict.PASS:
                return None
            case Verdict.SILENT:
                return TURNED_AWAY
            case Verdict.FLOOD:
                over = Over.FLOOD
            case Verdict.REPEAT:
                over = Over.REPEAT
        log.info("person_slowed_down", why=over.value, platform=who.platform)
        return await _tell(tx, event, over)

    async def _mark(self, tx: Transaction, event: Spoken, album: str) -> str:
        """Return a keyed hash of what is asked; "" where it is like nothing else."""
        words = " ".join(event.text.casefold().split()) if isinstance(event, Said) else ""
        asked = f"album:{album}" if album else f"words:{words}" if words else ""
        if not asked or (isinstance(event, Said) and event.attachments and not album):
            return ""
        if self._key is None:
            self._key = await key_of(tx, KEY)
        return hmac.new(self._key, asked.encode(), hashlib.sha256).hexdigest()[:16]


def who_of(event: Spoken) -> Who:
    """Return who says something, and where."""
    key = event.address.key
    return Who.at(key, event.author.id)


async def _tell(tx: Transaction, event: Spoken, over: Over) -> Ruling:
    """Have the person told; at once, and not behind the answers that they wait for."""
    key = event.address.key
    known = None
    if isinstance(event, Pressed):
        known = await conversations.by_message(tx, key, event.message_id)
    known = known or await conversations.find(tx, key)
    conversation = known or await conversations.ensure(tx, key, event.scene)
    if isinstance(event, Said):
        event = replace(event, attachments=(), quoted=None, more_follows=False, album="")
    seq = await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.ORDERS, mark=Mark.OPEN)
    if seq is None:
        return TURNED_AWAY
    await guard.refuse(tx, seq, over.value)
    return Ruling(Admitted(Work(conversation.id, Lane.ORDERS)))


async def _asks(tx: Transaction, event: Spoken, arrival: Arrival) -> bool:
    """Return whether an event asks Kimi something, as far as that can be told so early."""
    found, known = arrival.group_rules, arrival.conversation
    handed_over = isinstance(event, Said) and arrival.handover
    if handed_over and await handoffs.active_of(tx, event.address.key, event.author.id) is not None:
        return False  # it goes to a person
    match event:
        case Said(addressed=Addressed.OVERHEARD) if found is not None and found.trigger in _UNCALLED:
            return True
        case Said(addressed=Addressed.OVERHEARD, continues=True):
            return known is not None and await history.speakers(tx, known.id) <= {event.author.id}
        case Said(addressed=Addressed.OVERHEARD):
            return False
        case Said() | Ordered(command=CommandName.RETRY):
            return True
        case Pressed(control=control):
            return control in (Control.RETRY, Control.CONTINUE)
        case _:
            return False


def _awaits_a_word(event: Spoken) -> bool:
    """Return whether somebody speaks to the bot, and not only where it hears."""
    match event:
        case Said(addressed=addressed):
            return addressed is not Addressed.OVERHEARD
        case Ordered():
            return True
        case _:
            return False


def _wants_to_be_forgotten(event: Spoken) -> bool:
    match event:
        case Ordered(command=command):
            return command is CommandName.FORGET
        case Pressed(choice=choice):
            return choice.startswith(f"{CommandName.FORGET}:")
        case _:
            return False
