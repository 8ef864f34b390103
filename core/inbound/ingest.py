"""The way in: one event, one transaction, committed before it is acknowledged."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from core.access import AccessLists, Actor
from core.domain.addresses import ChatType
from core.domain.bot_messages import FeedbackVerdict
from core.domain.buttons import ActionButton
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
from core.domain.turn_states import CancelReason
from core.inbound.handler import Enqueued, EventHandler
from core.inbound.messages import intake_edit, intake_member_joined, intake_message, store_without_work
from core.inbound.staff import StaffDirectory
from core.knowledge.scope import migrate_channel as migrate_knowledge
from core.observer import NOOP_OBSERVER, Observer
from core.store import (
    Database,
    Lane,
    QueueKey,
    Transaction,
    chat_members,
    conversations,
    event_context,
    feedback,
    files,
    history,
    inbox,
    rules,
    turns,
)
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.inbox import EventStatus
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)

#: What a button under an answer orders; the others are verdicts or go on with the answer.
COMMANDS_BY_BUTTON = {ActionButton.STOP: CommandName.STOP, ActionButton.RETRY: CommandName.RETRY}
CANCEL_REASONS = {
    CommandName.STOP: CancelReason.STOP,
    CommandName.NEW: CancelReason.NEW,
    CommandName.RETRY: CancelReason.RETRY,
}
"""Commands that end the running answer at once."""
FEEDBACK_BY_BUTTON = {ActionButton.GOOD: FeedbackVerdict.GOOD, ActionButton.BAD: FeedbackVerdict.BAD}

#: Rounds of the loop that a turn gets before whoever brought the event goes on: their next poll or reply
#: is half a millisecond of work, which the person would wait for. procrastinate's worker needs 13 of them.
YIELD_ITERATIONS = 16
YIELD_MAX_S = 0.002  #: after so long the loop has other work, and whoever brought the event goes on


class Ingestor:
    """Implements :class:`core.ports.platform.EventSink`."""

    def __init__(
        self,
        database: Database,
        work_queue: WorkQueue,
        *,
        interrupt_running: bool = False,
        answer_edits: bool = True,
        access: AccessLists | None = None,
        handlers: Sequence[EventHandler] = (),
        staff: StaffDirectory | None = None,
        observer: Observer = NOOP_OBSERVER,
    ) -> None:
        """``access`` tells who is answered, and who may stop and retry anybody's answer.

        ``doors`` are asked in order whether an event is theirs. ``staff`` tells who counts as staff
        in chats that have rules; without it nobody does.

        With ``interrupt`` a new message ends the running answer; with ``answer_edits`` the latest
        question is answered anew when its author changes it.
        """
        self._database = database
        self._work_queue = work_queue
        self._interrupt_running = interrupt_running
        self._answer_edits = answer_edits
        self._access = access or AccessLists()
        self._handlers = handlers
        self._staff = staff
        self._observer = observer

    async def __call__(self, event: Event) -> bool:
        """Persist and deduplicate one event; True where it was new and concerns us."""
        began, result = time.perf_counter(), "failed"
        with self._observer.span("event", event=event) as span:
            try:
                new = await self._ingest(event)
                result = "new" if new else "ignored"
            finally:
                self._observer.event_received(event, result=result, duration_s=time.perf_counter() - began)
                span.set_attributes(result=result)
        return new

    async def _ingest(self, event: Event) -> bool:
        by_staff = self._staff is not None and await self._staff.is_from_staff(event)  # may ask the platform
        async with self._database.begin() as tx:
            admitted = await self._handle(tx, event, by_staff=by_staff)
            if admitted is not None and admitted.queue_key is not None:
                await self._work_queue.enqueue(tx, admitted.queue_key)
        if admitted is None:
            return False
        if admitted.queue_key is not None:
            if admitted.cancel_reason:
                self._work_queue.cancel(admitted.queue_key.conversation_id, admitted.cancel_reason)
            self._work_queue.wake(admitted.queue_key)
            await _yield_to_turn()
        return True

    async def _handle(self, tx: Transaction, event: Event, *, by_staff: bool) -> Enqueued | None:
        if not isinstance(event, ChannelMigrated | UnparsedEvent) and not self._access.is_allowed(
            _actor_of(event)
        ):
            await _record_denied(tx, event)
            return None
        arrival = (
            EventContext()
            if isinstance(event, ChannelMigrated | UnparsedEvent)
            else await event_context.load_event_context(tx, event)
        )
        if arrival.is_duplicate:
            return None  # the platform tells it again
        for door in self._handlers:
            if (ruling := await door(tx, event, arrival)) is not None:
                return ruling.enqueued
        return await self._dispatch(tx, event, arrival, by_staff=by_staff)

    async def _dispatch(
        self, tx: Transaction, event: Event, context: EventContext, *, by_staff: bool
    ) -> Enqueued | None:
        match event:
            case MessageReceived():
                return await intake_message(
                    tx, event, context, by_staff=by_staff, interrupt=self._interrupt_running
                )
            case CommandReceived():
                return await self._handle_command(tx, event, context)
            case ButtonPressed():
                return await self._handle_button(tx, event)
            case MessageEdited():
                return await intake_edit(tx, event, answer_again=self._answer_edits)
            case MemberJoined():
                return await intake_member_joined(tx, event, context)
            case MessageDeleted():
                return None  # nobody behind a door wanted it
            case ChannelMigrated():
                return await self._migrate_channel(tx, event)
            case UnparsedEvent():
                log.warning("event.unparsed", delivery_id=event.delivery_id, fault=event.error)
                return await store_without_work(tx, event, EventStatus.SKIPPED)

    async def _handle_command(
        self, tx: Transaction, event: CommandReceived, context: EventContext
    ) -> Enqueued | None:
        key = event.address.key
        conversation = context.replied_conversation or context.conversation
        if conversation is None or not await turns.get_latest(tx, conversation.id):
            # A command outside a thread means the asker's last one in this channel.
            latest = await conversations.find_latest_in_channel(tx, key, event.author.id)
            conversation = latest or await conversations.get_or_create(tx, key, event.chat_type)
        return await self._enqueue_command(tx, event, event.command, conversation)

    async def _handle_button(self, tx: Transaction, event: ButtonPressed) -> Enqueued | None:
        key = event.address.key
        conversation = await conversations.find_by_message(tx, key, event.message_id)
        # A finger may be quicker than our note of which message stands where.
        conversation = conversation or await conversations.find(tx, key)
        if conversation is None:
            return await store_without_work(tx, event, EventStatus.SKIPPED)
        if not isinstance(event.action, ActionButton):
            return await self._handle_option(tx, event, conversation)
        if event.action in FEEDBACK_BY_BUTTON:
            return await self._save_feedback(tx, event, FEEDBACK_BY_BUTTON[event.action])
        command = COMMANDS_BY_BUTTON.get(event.action)
        return await self._enqueue_command(tx, event, command, conversation)

    async def _handle_option(
        self, tx: Transaction, event: ButtonPressed, conversation: Conversation
    ) -> Enqueued | None:
        seq = await inbox.add(
            tx,
            event,
            conversation_id=conversation.id,
            lane=Lane.COMMANDS,
            status=EventStatus.OPEN,
        )
        return None if seq is None else Enqueued(QueueKey(conversation.id, Lane.COMMANDS))

    async def _save_feedback(
        self, tx: Transaction, event: ButtonPressed, verdict: FeedbackVerdict
    ) -> Enqueued | None:
        key = event.address.key
        admitted = await store_without_work(tx, event, EventStatus.RECORDED)
        turn_id = await conversations.find_turn_id(tx, key, event.message_id)
        if admitted is not None and turn_id is not None:
            await feedback.save(tx, turn_id=turn_id, person_id=event.author.id, verdict=verdict)
        return admitted

    async def _enqueue_command(
        self,
        tx: Transaction,
        event: CommandReceived | ButtonPressed,
        command: CommandName | None,
        conversation: Conversation,
    ) -> Enqueued | None:
        """Store a command and let its effect on the conversation begin at once.

        ``command`` is None for a button that goes on with an answer.
        """
        touches_answer = command in (None, CommandName.STOP, CommandName.RETRY)
        refused = touches_answer and not await self._may_control_answer(tx, event, conversation)
        if refused or (
            command is CommandName.NEW and not await self._may_clear_history(tx, event, conversation)
        ):
            log.info("command.refused", conversation=conversation.id)
            return await store_without_work(tx, event, EventStatus.SKIPPED)
        # A second try is an answer like any other and keeps the order; all else is handled at once.
        lane = Lane.TURNS if command in (None, CommandName.RETRY) else Lane.COMMANDS
        seq = await inbox.add(
            tx,
            event,
            conversation_id=conversation.id,
            lane=lane,
            status=EventStatus.OPEN,
        )
        if seq is None:
            return None
        cancel: CancelReason | None = None
        if command is not None and (reason := CANCEL_REASONS.get(command)) is not None:
            running = await turns.request_cancel(tx, conversation.id, reason)
            cancel = reason if running is not None else None
            if command is CommandName.STOP and (running is not None or isinstance(event, ButtonPressed)):
                await inbox.set_status(
                    tx, [seq], EventStatus.DONE
                )  # the answer itself will say that it was stopped
            if command is CommandName.NEW:
                await conversations.set_history_cutoff(tx, conversation.id, seq)
                await files.remove_up_to(tx, conversation.id, up_to_seq=seq)
                answering = [running.inbox_id] if running is not None else []
                await inbox.drop_open(tx, conversation.id, except_ids=answering)
        return Enqueued(QueueKey(conversation.id, lane), cancel)

    async def _may_control_answer(
        self, tx: Transaction, event: CommandReceived | ButtonPressed, conversation: Conversation
    ) -> bool:
        """Return whether this person may stop or repeat the conversation's latest answer."""
        if conversation.chat_type is ChatType.DIRECT or self._access.is_admin(_actor_of(event)):
            return True
        latest = await turns.get_latest(tx, conversation.id)
        return latest is None or latest.asker_id == event.author.id

    async def _may_clear_history(
        self, tx: Transaction, event: CommandReceived | ButtonPressed, conversation: Conversation
    ) -> bool:
        """Return whether this person may have a conversation forgotten: in a group only who is in it."""
        if conversation.chat_type is ChatType.DIRECT or self._access.is_admin(_actor_of(event)):
            return True
        return event.author.id in (await history.load_speaker_ids(tx, conversation.id) or (event.author.id,))

    async def _migrate_channel(self, tx: Transaction, event: ChannelMigrated) -> Enqueued | None:
        admitted = await store_without_work(tx, event, EventStatus.RECORDED)
        if admitted is not None:
            moved = await conversations.migrate_channel(
                tx,
                platform=event.platform,
                tenant=event.tenant,
                old=event.old_channel,
                new=event.new_channel,
            )
            place = {"platform": event.platform, "tenant": event.tenant}
            await rules.migrate_channel(tx, **place, old=event.old_channel, new=event.new_channel)
            await chat_members.migrate_channel(tx, **place, old=event.old_channel, new=event.new_channel)
            await migrate_knowledge(tx, **place, old_channel=event.old_channel, new_channel=event.new_channel)
            log.info("channel.migrated", platform=event.platform, conversations=moved)
        return admitted


async def _yield_to_turn() -> None:
    until = time.perf_counter() + YIELD_MAX_S
    for _ in range(YIELD_ITERATIONS):
        await asyncio.sleep(0)
        if time.perf_counter() > until:
            return


def _actor_of(
    event: MessageReceived | CommandReceived | ButtonPressed | MessageEdited | MessageDeleted | MemberJoined,
) -> Actor:
    key = event.address.key
    return Actor.at(key, event.author.id)


async def _record_denied(
    tx: Transaction,
    event: MessageReceived | CommandReceived | ButtonPressed | MessageEdited | MessageDeleted | MemberJoined,
) -> None:
    """Note that an event of somebody who is not let in has been seen, and nothing of what it holds."""
    if isinstance(event, MessageReceived) and event.mention is Mention.NONE:
        return
    key = event.address.key
    seen = UnparsedEvent(
        delivery_id=event.delivery_id, platform=key.platform, tenant=key.tenant, raw="", error="not let in"
    )
    if await store_without_work(tx, seen, EventStatus.SKIPPED) is not None:
        log.info("event.access_denied", platform=key.platform)
