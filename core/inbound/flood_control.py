"""The first door: who is blocked gets nothing, and who asks too much at once has to wait.

Each is told once, politely and at once, and not once a message. What comes after that is not even
stored. Asking to be forgotten is heard from everybody.
"""

import hashlib
import hmac
from dataclasses import replace
from typing import Final, TypeAlias

import structlog

from core.access import AccessLists, Actor, RefusalReason
from core.access.flood_limits import FloodDecision, FloodLimits, check_flood
from core.chat_policy import Trigger
from core.domain.buttons import ActionButton, ConfirmForget
from core.domain.command_names import CommandName
from core.domain.events import (
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    Mention,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    UnparsedEvent,
)
from core.inbound.handler import Enqueued, Handled
from core.llm.pseudonymizing_model import KEY_NAME
from core.store import (
    Lane,
    QueueKey,
    Transaction,
    chat_members,
    conversations,
    guard,
    handoffs,
    history,
    inbox,
)
from core.store.clock import utc_now
from core.store.event_context import EventContext
from core.store.inbox import EventStatus
from core.store.keys import get_or_create_key

log = structlog.get_logger(__name__)

PersonEvent: TypeAlias = MessageReceived | CommandReceived | ButtonPressed | MessageEdited

REJECTED: Final = Handled(None)
_UNPROMPTED_TRIGGERS: Final = (Trigger.QUESTION, Trigger.ALWAYS)  #: the bot speaks without being called


class FloodControl:
    """Implements :class:`core.inbound.handler.EventHandler`; it stands before all others."""

    def __init__(self, access: AccessLists, limits: FloodLimits) -> None:
        self._access = access
        self._limits = limits
        self._key: bytes | None = None

    async def __call__(self, tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        """Turn somebody away, or let the event go on."""
        match event:
            case ChannelMigrated():
                await guard.migrate_channel(
                    tx, platform=event.platform, old=event.old_channel, new=event.new_channel
                )
                return None
            case UnparsedEvent() | MemberJoined() | MessageDeleted():
                return None
        who = actor_of(event)
        if self._access.is_admin(who) or _is_forget_request(event):
            return None
        if context.is_blocked and (block := await guard.get_block(tx, who)) is not None:
            tells = not block.notified and _expects_reply(event) and await guard.mark_notified(tx, who)
            return await _notify(tx, event, RefusalReason.BLOCKED) if tells else REJECTED
        return await self._check_flood(tx, event, who, context)

    async def _check_flood(
        self, tx: Transaction, event: PersonEvent, actor: Actor, context: EventContext
    ) -> Handled | None:
        limits = self._limits
        if not (limits.questions_per_minute or limits.duplicates_per_10_min):
            return None
        found = context.group_rules
        if found is not None and (await chat_members.get(tx, event.address.key, actor.person_id)).staff:
            return None
        if not await _is_question(tx, event, context):
            return None
        album = event.media_group_id if isinstance(event, MessageReceived) else ""
        mark = await self._fingerprint(tx, event, album)
        now, since = utc_now().timestamp(), context.flood_counter_at
        pace, verdict = check_flood(
            context.flood_counter, limits, now=now, fingerprint=mark, count_once=bool(album)
        )
        if since is None or not await guard.save_flood_counter(tx, actor, pace, unchanged_since=since):
            # The first question, or another replica counts one of theirs at this moment.
            pace, verdict = check_flood(
                await guard.lock_flood_counter(tx, actor),
                limits,
                now=now,
                fingerprint=mark,
                count_once=bool(album),
            )
            await guard.save_flood_counter(tx, actor, pace)
        match verdict:
            case FloodDecision.ALLOW:
                return None
            case FloodDecision.DROP:
                return REJECTED
            case FloodDecision.FLOOD:
                over = RefusalReason.FLOOD
            case FloodDecision.DUPLICATE:
                over = RefusalReason.DUPLICATE
        log.info("flood.person_limited", why=over.value, platform=actor.platform)
        return await _notify(tx, event, over)

    async def _fingerprint(self, tx: Transaction, event: PersonEvent, media_group_id: str) -> str:
        """Return a keyed hash of what is asked; "" where it is like nothing else."""
        words = " ".join(event.text.casefold().split()) if isinstance(event, MessageReceived) else ""
        asked = f"album:{media_group_id}" if media_group_id else f"words:{words}" if words else ""
        if not asked or (isinstance(event, MessageReceived) and event.attachments and not media_group_id):
            return ""
        if self._key is None:
            self._key = await get_or_create_key(tx, KEY_NAME)
        return hmac.new(self._key, asked.encode(), hashlib.sha256).hexdigest()[:16]


def actor_of(event: PersonEvent) -> Actor:
    """Return who says something, and where."""
    key = event.address.key
    return Actor.at(key, event.author.id)


async def _notify(tx: Transaction, event: PersonEvent, reason: RefusalReason) -> Handled:
    """Have the person told; at once, and not behind the answers that they wait for."""
    key = event.address.key
    known = None
    if isinstance(event, ButtonPressed):
        known = await conversations.find_by_message(tx, key, event.message_id)
    known = known or await conversations.find(tx, key)
    conversation = known or await conversations.get_or_create(tx, key, event.chat_type)
    if isinstance(event, MessageReceived):
        event = replace(event, attachments=(), quoted=None, maybe_truncated=False, media_group_id="")
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.COMMANDS, status=EventStatus.OPEN
    )
    if seq is None:
        return REJECTED
    await guard.save_refusal(tx, seq, reason)
    return Handled(Enqueued(QueueKey(conversation.id, Lane.COMMANDS)))


async def _is_question(tx: Transaction, event: PersonEvent, context: EventContext) -> bool:
    """Return whether an event asks Kimi something, as far as that can be told so early."""
    found, known = context.group_rules, context.conversation
    handed_over = isinstance(event, MessageReceived) and context.may_concern_handoff
    if (
        handed_over
        and await handoffs.get_active_of_customer(tx, event.address.key, event.author.id) is not None
    ):
        return False  # it goes to a person
    match event:
        case MessageReceived(mention=Mention.NONE) if (
            found is not None and found.trigger in _UNPROMPTED_TRIGGERS
        ):
            return True
        case MessageReceived(mention=Mention.NONE, allows_follow_up=True):
            return known is not None and await history.load_speaker_ids(tx, known.id) <= {event.author.id}
        case MessageReceived(mention=Mention.NONE):
            return False
        case MessageReceived() | CommandReceived(command=CommandName.RETRY):
            return True
        case ButtonPressed(action=action):
            return action in (ActionButton.RETRY, ActionButton.CONTINUE)
        case _:
            return False


def _expects_reply(event: PersonEvent) -> bool:
    """Return whether somebody speaks to the bot, and not only where it hears."""
    match event:
        case MessageReceived(mention=addressed):
            return addressed is not Mention.NONE
        case CommandReceived():
            return True
        case _:
            return False


def _is_forget_request(event: PersonEvent) -> bool:
    match event:
        case CommandReceived(command=command):
            return command is CommandName.FORGET
        case ButtonPressed(action=ConfirmForget()):
            return True
        case _:
            return False
