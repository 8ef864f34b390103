"""Ingest: one event, one transaction, committed before the event is acknowledged."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final, assert_never

import structlog

from core.access import AccessLists, Actor
from core.access.closed_places import ClosedPlaces
from core.concurrency.recent_set import RecentSet
from core.domain.errors import DuplicateEvent
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
    PersonEvent,
    ReactionChanged,
    UnparsedEvent,
    origin_of,
)
from core.domain.queue import EventStatus
from core.inbound.app_intake import is_question_of_app
from core.inbound.channel_migration import migrate_channel
from core.inbound.command_intake import CommandIntake
from core.inbound.deletion_intake import intake_deletion
from core.inbound.early_presses import EarlyPresses
from core.inbound.edit_intake import find_late_question, intake_edit
from core.inbound.handler import IGNORED, EventHandler, Handled
from core.inbound.message_intake import (
    intake_app_message,
    intake_bot_access,
    intake_member_joined,
    intake_message,
    is_stale,
    store_without_work,
)
from core.inbound.recordings import with_recordings
from core.inbound.staff import StaffDirectory
from core.observer import NOOP_OBSERVER, Observer
from core.store import Database, Transaction, channel_moves, event_context
from core.store.clock import utc_now
from core.store.event_context import EventContext
from core.store.inbox import client_delivery_id
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)

MAX_RECENT: Final = 10_000  #: stored messages that are known without a query if they are delivered again
MOVES_TTL_S: Final = 60.0  #: until moves of channels are read from the store again


class Ingestor:
    """Implements :class:`core.ports.platform.EventSink`."""

    def __init__(
        self,
        database: Database,
        work_queue: WorkQueue,
        *,
        interrupt_running: bool = False,
        answer_edits: bool = True,
        backlog: timedelta | None = None,
        access: AccessLists | None = None,
        handlers: Sequence[EventHandler] = (),
        staff: StaffDirectory | None = None,
        early_presses: EarlyPresses | None = None,
        closed_places: ClosedPlaces | None = None,
        hears_recordings: bool = False,
        observer: Observer = NOOP_OBSERVER,
    ) -> None:
        """Build the event sink of one process.

        Args:
            database: where events are stored.
            work_queue: what runs the turns of stored events.
            interrupt_running: whether a new message ends the running answer.
            answer_edits: whether the latest question is answered anew if its author edits it.
            backlog: age beyond which a message in a group is context and not answered; None: never.
            access: who is answered, and who may stop and retry anybody's answer.
            handlers: asked in order; the first that takes an event ends its way.
            staff: who counts as staff in chats that have rules; None: nobody.
            early_presses: waits for messages that are pressed before they are stored; None: nothing waits.
            closed_places: opened again when the bot's access to them changes.
            hears_recordings: whether recordings are read as the words in them.
            observer: counts and traces events.
        """
        self._hears_recordings = hears_recordings
        self._closed_places = closed_places
        self._database = database
        self._work_queue = work_queue
        self._interrupt_running = interrupt_running
        self._answer_edits = answer_edits
        self._backlog = backlog
        self._access = access or AccessLists()
        self._handlers = handlers
        self._staff = staff
        self._early_presses = early_presses
        self._observer = observer
        self._commands = CommandIntake(self._access)
        self._recent: RecentSet[tuple[tuple[str, str], str]] = RecentSet(MAX_RECENT)  # origins, delivery ids
        self._moves_known_until = 0.0  # on the monotonic clock

    async def __call__(self, event: Event) -> bool:
        """Persist and deduplicate one event; True if it is new and concerns us."""
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
        delivery = (origin_of(event), event.delivery_id)
        if delivery in self._recent:
            return False
        event = with_recordings(event, hears=self._hears_recordings)
        await self._refresh_moves(event)
        if self._early_presses is not None and self._may_ask(event):
            await self._early_presses.wait_for_message(event)
        by_staff = self._staff is not None and await self._staff.is_from_staff(event)  # may ask the platform
        wake_up = None
        try:
            async with self._database.begin() as tx:
                handled = await self._handle(tx, event, by_staff=by_staff)
                if handled.stored:
                    await _record_client_id(tx, event)
                if handled.queue_key is not None:
                    wake_up = await self._work_queue.enqueue(tx, handled.queue_key)
        except DuplicateEvent:
            return False
        if handled.stored and isinstance(event, MessageReceived):
            self._recent.add(delivery)
        if handled.queue_key is not None and handled.cancel_reason is not None:
            self._work_queue.cancel(handled.queue_key.conversation_id, handled.cancel_reason)
        if wake_up is not None:
            wake_up()
            await asyncio.sleep(0)  # the turn takes its first step before the adapter goes on
        return handled.stored

    async def _refresh_moves(self, event: Event) -> None:
        """Record the move that an event reports; now and then, read those that other replicas have stored."""
        if isinstance(event, ChannelMigrated):
            self._access.moves.add(event.platform, event.old_channel, event.new_channel)
        now = time.monotonic()
        if now < self._moves_known_until:
            return
        async with self._database.read() as tx:
            self._access.moves.add_all(await channel_moves.load(tx))
        self._moves_known_until = now + MOVES_TTL_S

    async def _handle(self, tx: Transaction, event: Event, *, by_staff: bool) -> Handled:
        if isinstance(event, ChannelMigrated | UnparsedEvent):
            context = EventContext()
        elif self._may_ask(event):
            context = await event_context.load_event_context(tx, event)
        else:
            await _record_denied(tx, event)
            return IGNORED
        if context.is_duplicate:
            raise DuplicateEvent(event.delivery_id)
        if isinstance(event, MessageReceived) and event.by_app:
            if not await is_question_of_app(tx, event, context):
                return await intake_app_message(tx, event, context)
            return await self._dispatch(tx, event, context, by_staff=by_staff)
        for handler in self._handlers:
            if (handled := await handler(tx, event, context)) is not None:
                return handled
        return await self._dispatch(tx, event, context, by_staff=by_staff)

    def _may_ask(self, event: Event) -> bool:
        """Return whether a person is answered by the deployment's lists."""
        if isinstance(event, ChannelMigrated | UnparsedEvent):
            return False
        return self._access.is_allowed(Actor.of(event))

    async def _dispatch(
        self, tx: Transaction, event: Event, context: EventContext, *, by_staff: bool
    ) -> Handled:
        match event:
            case MessageReceived():
                return await intake_message(
                    tx,
                    event,
                    context,
                    by_staff=by_staff,
                    interrupt=self._interrupt_running,
                    is_stale=self._backlog is not None and is_stale(event, self._backlog, now=utc_now()),
                )
            case CommandReceived():
                return await self._commands.handle_command(tx, event, context)
            case ButtonPressed():
                return await self._commands.handle_button(tx, event, by_chat_admin=by_staff)
            case MessageEdited():
                if (question := await find_late_question(tx, event)) is not None:
                    return await self._handle(tx, question, by_staff=by_staff)
                return await intake_edit(tx, event, answer_again=self._answer_edits)
            case _:
                return await self._dispatch_change(tx, event, context)

    async def _dispatch_change(
        self,
        tx: Transaction,
        event: MemberJoined
        | BotAccessChanged
        | MessageDeleted
        | ReactionChanged
        | ChannelMigrated
        | UnparsedEvent,
        context: EventContext,
    ) -> Handled:
        """Handle an event by which nobody asks anything."""
        match event:
            case MemberJoined():
                return await intake_member_joined(tx, event, context)
            case BotAccessChanged():
                if self._closed_places is not None:
                    self._closed_places.reopen(event.address.key)
                return await intake_bot_access(tx, event)
            case MessageDeleted():
                return await intake_deletion(tx, event)
            case ReactionChanged():
                return IGNORED
            case ChannelMigrated():
                return await migrate_channel(tx, event)
            case UnparsedEvent():
                log.warning("event.unparsed", delivery_id=event.delivery_id, fault=event.error)
                return await store_without_work(tx, event, EventStatus.SKIPPED)
            case _:
                assert_never(event)


async def _record_client_id(tx: Transaction, event: Event) -> None:
    """Store the id that a client gave a message, by which a second sending of it is recognised.

    Raises:
        DuplicateEvent: another replica has stored the other sending meanwhile.
    """
    if client_id := client_delivery_id(event):
        await _store_delivery_id(tx, event, client_id, EventStatus.RECORDED, reason="sent by a client")


async def _record_denied(tx: Transaction, event: PersonEvent) -> None:
    """Store only the delivery id of an event by an author who is not allowed, so that it is logged once."""
    overheard = isinstance(event, MessageReceived) and event.mention is Mention.NONE
    if overheard or isinstance(event, ReactionChanged):
        return
    await _store_delivery_id(tx, event, event.delivery_id, EventStatus.SKIPPED, reason="not let in")
    log.info("event.access_denied", platform=event.address.key.platform)


async def _store_delivery_id(
    tx: Transaction, event: Event, delivery_id: str, status: EventStatus, *, reason: str
) -> None:
    """Store an id by which a later delivery of an event is recognised, without what the event says."""
    platform, tenant = origin_of(event)
    seen = UnparsedEvent(delivery_id=delivery_id, platform=platform, tenant=tenant, raw="", error=reason)
    await store_without_work(tx, seen, status)
