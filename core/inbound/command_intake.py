"""Intake of commands and button presses: who may give them, and their effect on the running answer."""

from typing import Final, Literal, TypeAlias

import structlog

from core.access import AccessLists, Actor
from core.domain.addresses import ChatType
from core.domain.bot_messages import FeedbackVerdict
from core.domain.buttons import ActionButton, DecideTools
from core.domain.command_names import CommandName
from core.domain.events import ButtonPressed, CommandReceived
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason
from core.inbound.button_offers import is_offered
from core.inbound.digest_intake import intake_digest
from core.inbound.handler import Handled
from core.inbound.message_intake import store_without_work
from core.store import (
    Transaction,
    authors,
    conversation_settings,
    conversations,
    feedback,
    files,
    inbox,
    turns,
)
from core.store.conversation_settings import START_PAYLOAD
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.turns import Turn

log = structlog.get_logger(__name__)

Continue: TypeAlias = Literal[ActionButton.CONTINUE]
"""The one request that only a button can make."""

MAX_START_PAYLOAD_CHARS: Final = (
    64  #: Telegram's limit (https://core.telegram.org/bots/features#deep-linking)
)
_NEW_ANSWER: Final = (CommandName.RETRY, ActionButton.CONTINUE)  #: they ask Kimi, in order with questions
_ON_ANSWER: Final = (CommandName.STOP, *_NEW_ANSWER)  #: they change the conversation's latest answer


class CommandIntake:
    """Stores commands and button presses, and cancels the running answer if they end it."""

    def __init__(self, access: AccessLists) -> None:
        """``access`` names the admins, who may stop and retry anybody's answer."""
        self._access = access

    async def handle_command(self, tx: Transaction, event: CommandReceived, context: EventContext) -> Handled:
        """Store a command in the conversation that it concerns."""
        if event.command is CommandName.DIGEST and event.chat_type is ChatType.GROUP:
            return Handled(queue_key=await intake_digest(tx, event))
        key = event.address.key
        conversation = context.replied_conversation or context.conversation
        if conversation is None or not await turns.get_latest(tx, conversation.id):
            # A command outside a thread concerns the asker's latest conversation in this channel.
            latest = await conversations.find_latest_in_channel(tx, key, event.author.id)
            conversation = latest or await conversations.get_or_create(tx, key, event.chat_type)
        return await self._enqueue(tx, event, event.command, conversation)

    async def handle_button(self, tx: Transaction, event: ButtonPressed, *, by_chat_admin: bool) -> Handled:
        """Store a button press in the conversation of the message that carries the button.

        A press of a button that the message does not offer to this person changes nothing.
        ``by_chat_admin`` says that the person may set the chat's rules.
        """
        key = event.address.key
        if not await is_offered(tx, event, self._access, by_chat_admin=by_chat_admin):
            log.info("button.not_offered", platform=key.platform)
            return await store_without_work(tx, event, EventStatus.SKIPPED)
        conversation = await conversations.find_by_message(tx, key, event.message_id)
        # Stop counts before the reference to the message is stored.
        conversation = conversation or await conversations.find(tx, key)
        if conversation is None:
            return await store_without_work(tx, event, EventStatus.SKIPPED)
        match event.action:
            case ActionButton.GOOD:
                return await _save_feedback(tx, event, FeedbackVerdict.GOOD)
            case ActionButton.BAD:
                return await _save_feedback(tx, event, FeedbackVerdict.BAD)
            case ActionButton.STOP:
                return await self._enqueue(tx, event, CommandName.STOP, conversation)
            case ActionButton.RETRY:
                return await self._enqueue(tx, event, CommandName.RETRY, conversation)
            case ActionButton.CONTINUE:
                return await self._enqueue(tx, event, event.action, conversation)
            case DecideTools():
                return await _enqueue_option(tx, event, conversation, Lane.TURNS)
            case _:
                return await _enqueue_option(tx, event, conversation, Lane.COMMANDS)

    async def _enqueue(
        self,
        tx: Transaction,
        event: CommandReceived | ButtonPressed,
        command: CommandName | Continue,
        conversation: Conversation,
    ) -> Handled:
        """Store a command, and apply its effect on the conversation at once."""
        if not await self._may_run(tx, event, command, conversation):
            log.info("command.refused", conversation=conversation.id)
            return await store_without_work(tx, event, EventStatus.SKIPPED)
        lane = Lane.TURNS if command in _NEW_ANSWER else Lane.COMMANDS
        seq = await inbox.add(tx, event, conversation_id=conversation.id, lane=lane, status=EventStatus.OPEN)
        cancel_reason = None
        match command:
            case CommandName.STOP:
                cancel_reason = await _stop(tx, event, conversation, seq)
            case CommandName.START if isinstance(event, CommandReceived) and event.argument:
                payload = event.argument[:MAX_START_PAYLOAD_CHARS]
                await conversation_settings.save(tx, conversation.id, START_PAYLOAD, payload)
            case CommandName.NEW:
                cancel_reason = await _clear_history(tx, conversation, seq)
            case CommandName.RETRY:
                running = await turns.request_cancel(tx, conversation.id, CancelReason.RETRY)
                cancel_reason = CancelReason.RETRY if running is not None else None
            case _:
                pass
        return Handled(queue_key=QueueKey(conversation.id, lane), cancel_reason=cancel_reason)

    async def _may_run(
        self,
        tx: Transaction,
        event: CommandReceived | ButtonPressed,
        command: CommandName | Continue,
        conversation: Conversation,
    ) -> bool:
        """Return whether a person may give a command that changes what others of a group see."""
        if conversation.chat_type is ChatType.DIRECT or self._access.is_admin(Actor.of(event)):
            return True
        if command in _ON_ANSWER:
            latest = await turns.get_latest(tx, conversation.id)
            return latest is None or latest.asker_id == event.author.id
        if command is CommandName.NEW:
            speakers = await authors.load_ids(tx, conversation.id)
            return not speakers or event.author.id in speakers
        return True


async def _stop(
    tx: Transaction, event: CommandReceived | ButtonPressed, conversation: Conversation, seq: int
) -> CancelReason | None:
    running = await turns.request_cancel(tx, conversation.id, CancelReason.STOP)
    if running is not None or isinstance(event, ButtonPressed):
        # The answer itself says that it was stopped.
        await inbox.set_status(tx, [seq], EventStatus.DONE)
    return CancelReason.STOP if running is not None else None


async def _clear_history(tx: Transaction, conversation: Conversation, seq: int) -> CancelReason | None:
    running: Turn | None = await turns.request_cancel(tx, conversation.id, CancelReason.NEW)
    await conversations.set_history_cutoff(tx, conversation.id, seq)
    await files.remove_up_to(tx, conversation.id, up_to_seq=seq)
    answering = [running.inbox_id] if running is not None else []
    await inbox.drop_open(tx, conversation.id, except_ids=answering)
    return CancelReason.NEW if running is not None else None


async def _enqueue_option(
    tx: Transaction, event: ButtonPressed, conversation: Conversation, lane: Lane
) -> Handled:
    await inbox.add(tx, event, conversation_id=conversation.id, lane=lane, status=EventStatus.OPEN)
    return Handled(queue_key=QueueKey(conversation.id, lane))


async def _save_feedback(tx: Transaction, event: ButtonPressed, verdict: FeedbackVerdict) -> Handled:
    handled = await store_without_work(tx, event, EventStatus.RECORDED)
    turn_id = await conversations.find_turn_id(tx, event.address.key, event.message_id)
    if turn_id is not None:
        await feedback.save(tx, turn_id=turn_id, person_id=event.author.id, verdict=verdict)
    return handled
