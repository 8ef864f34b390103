"""The way in: one event, one transaction, committed before it is acknowledged."""

import asyncio
import time
from collections.abc import Sequence

import structlog

from core.access import Access, Who
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
    Scene,
    Unparsed,
)
from core.inbound.handler import Admitted, Door
from core.inbound.messages import change, close, take_in, welcome
from core.inbound.staff import Staff
from core.knowledge.scope import moved as what_it_knows_moved
from core.observer import SILENT, Observer
from core.store import (
    Database,
    Lane,
    Transaction,
    Work,
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
from core.store.event_context import Arrival
from core.store.inbox import Mark
from core.work_queue.port import Engine

log = structlog.get_logger(__name__)

#: What a button under an answer orders; the others are verdicts or go on with the answer.
ORDERS_OF_CONTROLS = {Control.STOP: CommandName.STOP, Control.RETRY: CommandName.RETRY}
VERDICTS = {Control.GOOD: "good", Control.BAD: "bad"}

#: Rounds of the loop that a turn gets before whoever brought the event goes on: their next poll or reply
#: is half a millisecond of work, which the person would wait for. procrastinate's worker needs 13 of them.
HEAD_START = 16
HEAD_START_S = 0.002  #: after so long the loop has other work, and whoever brought the event goes on


class Ingestor:
    """Implements :class:`core.ports.platform.Ingest`."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        *,
        interrupt: bool = False,
        answer_edits: bool = True,
        access: Access | None = None,
        doors: Sequence[Door] = (),
        staff: Staff | None = None,
        observer: Observer = SILENT,
    ) -> None:
        """``access`` tells who is answered, and who may stop and retry anybody's answer.

        ``doors`` are asked in order whether an event is theirs. ``staff`` tells who counts as staff
        in chats that have rules; without it nobody does.

        With ``interrupt`` a new message ends the running answer; with ``answer_edits`` the latest
        question is answered anew when its author changes it.
        """
        self._database = database
        self._engine = engine
        self._interrupt = interrupt
        self._answer_edits = answer_edits
        self._access = access or Access()
        self._doors = doors
        self._staff = staff
        self._observer = observer

    async def __call__(self, event: Event) -> bool:
        """Persist and deduplicate one event; True where it was new and concerns us."""
        began, result = time.perf_counter(), "failed"
        with self._observer.span("event", of=event) as span:
            try:
                new = await self._take(event)
                result = "new" if new else "ignored"
            finally:
                self._observer.event(event, result=result, took_s=time.perf_counter() - began)
                span.note(result=result)
        return new

    async def _take(self, event: Event) -> bool:
        by_staff = self._staff is not None and await self._staff.said(event)  # may ask the platform
        async with self._database.begin() as tx:
            admitted = await self._admit(tx, event, by_staff=by_staff)
            if admitted is not None and admitted.work is not None:
                await self._engine.enlist(tx, admitted.work)
        if admitted is None:
            return False
        if admitted.work is not None:
            if admitted.cancel:
                self._engine.cancel(admitted.work.conversation_id, admitted.cancel)
            self._engine.wake(admitted.work)
            await _head_start()
        return True

    async def _admit(self, tx: Transaction, event: Event, *, by_staff: bool) -> Admitted | None:
        if not isinstance(event, Moved | Unparsed) and not self._access.lets_in(_who(event)):
            await _turn_away(tx, event)
            return None
        arrival = Arrival() if isinstance(event, Moved | Unparsed) else await event_context.look(tx, event)
        if arrival.seen:
            return None  # the platform tells it again
        for door in self._doors:
            if (ruling := await door(tx, event, arrival)) is not None:
                return ruling.admitted
        return await self._taken_in(tx, event, arrival, by_staff=by_staff)

    async def _taken_in(
        self, tx: Transaction, event: Event, arrival: Arrival, *, by_staff: bool
    ) -> Admitted | None:
        match event:
            case Said():
                return await take_in(tx, event, arrival, by_staff=by_staff, interrupt=self._interrupt)
            case Ordered():
                return await self._ordered(tx, event, arrival)
            case Pressed():
                return await self._pressed(tx, event)
            case Edited():
                return await change(tx, event, answers=self._answer_edits)
            case Joined():
                return await welcome(tx, event, arrival)
            case Deleted():
                return None  # nobody behind a door wanted it
            case Moved():
                return await self._moved(tx, event)
            case Unparsed():
                log.warning("event_unparsed", delivery_id=event.delivery_id, fault=event.fault)
                return await close(tx, event, Mark.SKIPPED)

    async def _ordered(self, tx: Transaction, event: Ordered, arrival: Arrival) -> Admitted | None:
        key = event.address.key
        conversation = arrival.replied or arrival.conversation
        if conversation is None or not await turns.latest(tx, conversation.id):
            # A command outside a thread means the asker's last one in this channel.
            latest = await conversations.latest_in_channel(tx, key, event.author.id)
            conversation = latest or await conversations.ensure(tx, key, event.scene)
        return await self._order(tx, event, event.command, conversation)

    async def _pressed(self, tx: Transaction, event: Pressed) -> Admitted | None:
        key = event.address.key
        conversation = await conversations.by_message(tx, key, event.message_id)
        # A finger may be quicker than our note of which message stands where.
        conversation = conversation or await conversations.find(tx, key)
        if conversation is None:
            return await close(tx, event, Mark.SKIPPED)
        if event.control is None:
            return await self._chosen(tx, event, conversation)
        if event.control in VERDICTS:
            return await self._verdict(tx, event, VERDICTS[event.control])
        command = ORDERS_OF_CONTROLS.get(event.control)
        return await self._order(tx, event, command, conversation)

    async def _chosen(self, tx: Transaction, event: Pressed, conversation: Conversation) -> Admitted | None:
        seq = await inbox.add(
            tx,
            event,
            conversation_id=conversation.id,
            lane=Lane.ORDERS,
            mark=Mark.OPEN,
        )
        return None if seq is None else Admitted(Work(conversation.id, Lane.ORDERS))

    async def _verdict(self, tx: Transaction, event: Pressed, verdict: str) -> Admitted | None:
        key = event.address.key
        admitted = await close(tx, event, Mark.NOTED)
        turn_id = await conversations.turn_of_message(tx, key, event.message_id)
        if admitted is not None and turn_id is not None:
            await feedback.give(tx, turn_id=turn_id, person_id=event.author.id, verdict=verdict)
        return admitted

    async def _order(
        self,
        tx: Transaction,
        event: Ordered | Pressed,
        command: CommandName | None,
        conversation: Conversation,
    ) -> Admitted | None:
        """Store a command and let its effect on the conversation begin at once.

        ``command`` is None for a button that goes on with an answer.
        """
        touches_answer = command in (None, CommandName.STOP, CommandName.RETRY)
        refused = touches_answer and not await self._may(tx, event, conversation)
        if refused or (command is CommandName.NEW and not await self._takes_part(tx, event, conversation)):
            log.info("order_refused", conversation=conversation.id)
            return await close(tx, event, Mark.SKIPPED)
        # A second try is an answer like any other and keeps the order; all else is handled at once.
        lane = Lane.TURNS if command in (None, CommandName.RETRY) else Lane.ORDERS
        seq = await inbox.add(
            tx,
            event,
            conversation_id=conversation.id,
            lane=lane,
            mark=Mark.OPEN,
        )
        if seq is None:
            return None
        cancel = ""
        if command in (CommandName.STOP, CommandName.NEW, CommandName.RETRY):
            running = await turns.ask_to_end(tx, conversation.id, command.value)
            cancel = command.value if running is not None else ""
            if command is CommandName.STOP and (running is not None or isinstance(event, Pressed)):
                await inbox.mark(tx, [seq], Mark.DONE)  # the answer itself will say that it was stopped
            if command is CommandName.NEW:
                await conversations.forget_history(tx, conversation.id, seq)
                await files.forget(tx, conversation.id, up_to_seq=seq)
                answering = [running.inbox_id] if running is not None else []
                await inbox.drop_open(tx, conversation.id, except_ids=answering)
        return Admitted(Work(conversation.id, lane), cancel)

    async def _may(self, tx: Transaction, event: Ordered | Pressed, conversation: Conversation) -> bool:
        """Return whether this person may stop or repeat the conversation's latest answer."""
        if conversation.scene is Scene.DIRECT or self._access.is_admin(_who(event)):
            return True
        latest = await turns.latest(tx, conversation.id)
        return latest is None or latest.asker_id == event.author.id

    async def _takes_part(self, tx: Transaction, event: Ordered | Pressed, talk: Conversation) -> bool:
        """Return whether this person may have a conversation forgotten: in a group only who is in it."""
        if talk.scene is Scene.DIRECT or self._access.is_admin(_who(event)):
            return True
        return event.author.id in (await history.speakers(tx, talk.id) or (event.author.id,))

    async def _moved(self, tx: Transaction, event: Moved) -> Admitted | None:
        admitted = await close(tx, event, Mark.NOTED)
        if admitted is not None:
            moved = await conversations.move(
                tx,
                platform=event.platform,
                tenant=event.tenant,
                old=event.old_channel,
                new=event.new_channel,
            )
            place = {"platform": event.platform, "tenant": event.tenant}
            await rules.move(tx, **place, old=event.old_channel, new=event.new_channel)
            await chat_members.move(tx, **place, old=event.old_channel, new=event.new_channel)
            await what_it_knows_moved(tx, **place, old=event.old_channel, new=event.new_channel)
            log.info("channel_moved", platform=event.platform, conversations=moved)
        return admitted


async def _head_start() -> None:
    until = time.perf_counter() + HEAD_START_S
    for _ in range(HEAD_START):
        await asyncio.sleep(0)
        if time.perf_counter() > until:
            return


def _who(event: Said | Ordered | Pressed | Edited | Deleted | Joined) -> Who:
    key = event.address.key
    return Who.at(key, event.author.id)


async def _turn_away(tx: Transaction, event: Said | Ordered | Pressed | Edited | Deleted | Joined) -> None:
    """Note that an event of somebody who is not let in has been seen, and nothing of what it holds."""
    if isinstance(event, Said) and event.addressed is Addressed.OVERHEARD:
        return
    key = event.address.key
    seen = Unparsed(
        delivery_id=event.delivery_id, platform=key.platform, tenant=key.tenant, raw="", fault="not let in"
    )
    if await close(tx, seen, Mark.SKIPPED) is not None:
        log.info("event_turned_away", platform=key.platform)
