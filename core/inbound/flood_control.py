"""Flood control: the first handler. Blocked people get nothing, and those who ask too fast must wait.

Each is told once, at once; their further messages are not even stored. Commands, presses and edits count
as questions do, and are dropped without a notice. Everybody may always ask to be forgotten, and stop an
answer that is being written.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final, TypeAlias

import structlog

from core.access import AccessLists, Actor, RefusalReason
from core.access.flood_limits import FloodCounter, FloodDecision, FloodLimits, check_flood, check_request
from core.chat_policy import Trigger
from core.domain.addresses import ChatType
from core.domain.buttons import ActionButton, ConfirmForget
from core.domain.command_names import CommandName
from core.domain.events import (
    BotAccessChanged,
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    Mention,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    UnparsedEvent,
)
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import TurnState
from core.inbound.edit_intake import asks_again, intake_edit
from core.inbound.handler import IGNORED, Handled
from core.llm.pseudonymizing_model import KEY_NAME
from core.store import (
    Transaction,
    authors,
    blocked_people,
    chat_members,
    conversations,
    flood_counters,
    handoffs,
    inbox,
    turns,
)
from core.store.clock import utc_now
from core.store.event_context import EventContext
from core.store.keys import get_or_create_key

log = structlog.get_logger(__name__)

ActiveEvent: TypeAlias = MessageReceived | CommandReceived | ButtonPressed | MessageEdited
"""An event by which a person can ask for something."""

_UNPROMPTED_TRIGGERS: Final = (Trigger.QUESTION, Trigger.ALWAYS)  #: the bot answers without being addressed
NEVER_ASKED: Final = FloodCounter()

Check: TypeAlias = Callable[[FloodCounter], tuple[FloodCounter, FloodDecision]]
"""Counts one more request of a person and decides on it."""


class FloodControl:
    """Implements :class:`core.inbound.handler.EventHandler`; it must be the first handler."""

    def __init__(
        self, access: AccessLists, limits: FloodLimits, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        """``now`` returns the time that replicas agree on, in UTC."""
        self._access = access
        self._limits = limits
        self._now = now
        self._key: bytes | None = None

    async def __call__(self, tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        """Refuse an event of a blocked or flooding person; None lets it pass."""
        match event:
            case ChannelMigrated() | UnparsedEvent() | MemberJoined() | MessageDeleted() | BotAccessChanged():
                return None
            case ReactionChanged():
                return IGNORED if context.is_blocked else None
        actor = Actor.of(event)
        if self._access.is_admin(actor) or _is_forget_request(event):
            return None
        if context.is_blocked and (block := await blocked_people.get_block(tx, actor)) is not None:
            notify = (
                not block.notified and _expects_reply(event) and await blocked_people.mark_notified(tx, actor)
            )
            return await _notify(tx, event, RefusalReason.BLOCKED) if notify else IGNORED
        return await self._check_flood(tx, event, actor, context)

    async def _check_flood(
        self, tx: Transaction, event: ActiveEvent, actor: Actor, context: EventContext
    ) -> Handled | None:
        if not (self._limits.questions_per_minute or self._limits.duplicates_per_10_min):
            return None
        if context.group_rules is not None:
            member = await chat_members.get(tx, event.address.key, actor.person_id)
            if member.is_staff:
                return None
        if not await _is_question(tx, event, context):
            return await self._check_request(tx, event, actor, context)
        fingerprint, media_group_id = await self._fingerprint(tx, event)
        check = partial(
            check_flood,
            limits=self._limits,
            now=self._now().timestamp(),
            fingerprint=fingerprint,
            count_once=bool(media_group_id),
        )
        match await _count(tx, actor, context, check):
            case FloodDecision.ALLOW:
                return None
            case FloodDecision.DROP:
                return IGNORED
            case FloodDecision.FLOOD:
                reason = RefusalReason.FLOOD
            case FloodDecision.DUPLICATE:
                reason = RefusalReason.DUPLICATE
        log.info("flood.person_limited", reason=reason.value, platform=actor.platform)
        return await _notify(tx, event, reason)

    async def _check_request(
        self, tx: Transaction, event: ActiveEvent, actor: Actor, context: EventContext
    ) -> Handled | None:
        """Count a command, a press or an edit; one too many is dropped, an edit only changes the history."""
        if not await _makes_calls(tx, event, context):
            return None
        check = partial(
            check_request,
            limits=self._limits,
            now=self._now().timestamp(),
            group_command=(
                isinstance(event, CommandReceived)
                and event.chat_type is ChatType.GROUP
                and not context.may_concern_handoff  # the team's own commands come quickly
            ),
        )
        if await _count(tx, actor, context, check) is FloodDecision.ALLOW:
            return None
        log.info("flood.request_dropped", kind=type(event).__name__, platform=actor.platform)
        return (
            await intake_edit(tx, event, answer_again=False) if isinstance(event, MessageEdited) else IGNORED
        )

    async def _fingerprint(self, tx: Transaction, event: ActiveEvent) -> tuple[str, str]:
        """Return a keyed hash, equal for equal questions, and the media group that it is of, if any.

        The hash is "" for a question that nothing can repeat.
        """
        media_group_id = event.media_group_id if isinstance(event, MessageReceived) else ""
        words = " ".join(event.text.casefold().split()) if isinstance(event, MessageReceived) else ""
        content = f"album:{media_group_id}" if media_group_id else f"words:{words}" if words else ""
        if not content or (isinstance(event, MessageReceived) and event.attachments and not media_group_id):
            return "", media_group_id
        if self._key is None:
            self._key = await get_or_create_key(tx, KEY_NAME)
        return hmac.new(self._key, content.encode(), hashlib.sha256).hexdigest()[:16], media_group_id


async def _count(tx: Transaction, actor: Actor, context: EventContext, check: Check) -> FloodDecision:
    """Count one more request of a person for all replicas together, and return the decision on it."""
    stored = context.flood
    counter, decision = check(NEVER_ASKED if stored is None else stored.counter)
    if stored is not None and await flood_counters.save(
        tx, actor, counter, unchanged_since=stored.updated_at
    ):
        return decision
    # It is the person's first request, or another replica counts one of theirs at the same time.
    counter, decision = check(await flood_counters.lock(tx, actor))
    await flood_counters.save(tx, actor, counter)
    return decision


async def _notify(tx: Transaction, event: ActiveEvent, reason: RefusalReason) -> Handled:
    """Store an event to be refused with a notice, at once and not behind answers that are awaited."""
    key = event.address.key
    conversation = None
    if isinstance(event, ButtonPressed):
        conversation = await conversations.find_by_message(tx, key, event.message_id)
    conversation = conversation or await conversations.find(tx, key)
    conversation = conversation or await conversations.get_or_create(tx, key, event.chat_type)
    if isinstance(event, MessageReceived):
        event = replace(event, attachments=(), quoted=None, maybe_truncated=False, media_group_id="")
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.COMMANDS, status=EventStatus.OPEN
    )
    await inbox.save_refusal(tx, seq, reason)
    return Handled(queue_key=QueueKey(conversation.id, Lane.COMMANDS))


async def _is_question(tx: Transaction, event: ActiveEvent, context: EventContext) -> bool:
    """Return whether an event asks Kimi something, as far as it is known before the other handlers."""
    rules, conversation = context.group_rules, context.conversation
    if (
        isinstance(event, MessageReceived)
        and context.may_concern_handoff
        and await handoffs.get_active_of_customer(tx, event.address.key, event.author.id) is not None
    ):
        return False  # a person answers it
    match event:
        case MessageReceived(mention=Mention.NONE) if (
            rules is not None and rules.trigger in _UNPROMPTED_TRIGGERS
        ):
            return True
        case MessageReceived(mention=Mention.NONE, allows_follow_up=True):
            return conversation is not None and await authors.load_ids(tx, conversation.id) <= {
                event.author.id
            }
        case MessageReceived(mention=Mention.NONE):
            return False
        case MessageReceived() | CommandReceived(command=CommandName.RETRY | CommandName.DIGEST):
            return True
        case ButtonPressed(action=action):
            return action in (ActionButton.RETRY, ActionButton.CONTINUE)
        case _:
            return False


async def _makes_calls(tx: Transaction, event: ActiveEvent, context: EventContext) -> bool:
    """Return whether an event that is no question makes the service call Kimi or a platform."""
    match event:
        case CommandReceived(command=CommandName.STOP) | ButtonPressed(action=ActionButton.STOP):
            return not await _is_answer_running(tx, event, context)
        case CommandReceived() | ButtonPressed():
            return True
        case MessageEdited():
            late_mention = event.message is not None and event.message.mention is Mention.BY_NAME
            return late_mention or await asks_again(tx, event)
        case MessageReceived():
            return False


async def _is_answer_running(
    tx: Transaction, event: CommandReceived | ButtonPressed, context: EventContext
) -> bool:
    conversation = context.replied_conversation or context.conversation
    if isinstance(event, ButtonPressed):
        conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
    if conversation is None:
        conversation = await conversations.find_latest_in_channel(tx, event.address.key, event.author.id)
    latest = None if conversation is None else await turns.get_latest(tx, conversation.id)
    return latest is not None and latest.state is TurnState.RUNNING


def _expects_reply(event: ActiveEvent) -> bool:
    """Return whether a person addresses the bot, so that silence would surprise them."""
    match event:
        case MessageReceived(mention=mention):
            return mention is not Mention.NONE
        case CommandReceived():
            return True
        case _:
            return False


def _is_forget_request(event: ActiveEvent) -> bool:
    match event:
        case CommandReceived(command=command):
            return command is CommandName.FORGET
        case ButtonPressed(action=ConfirmForget()):
            return True
        case _:
            return False
