"""The drain: takes a conversation's open events in order and brings each to its end.

::

    take    the turn's run number is raised: whoever had it before can write nothing more
    ask     Kimi's words go into the growing message
    store   the whole text, before its last frame is shown
    show    the last frame; then turn and event are closed in one transaction

A crash at any of these points is taken up at the next start from what was stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Protocol

import structlog

from core.answering.answerer import Answerer, Question
from core.chat_settings import ChatSettings
from core.commands import OrderReply, Orders
from core.delivery.delivery import Delivery
from core.delivery.dispatcher import Courier
from core.domain.clock import Clock
from core.domain.errors import Fenced, StoreUnavailable, SurfaceError
from core.domain.events import Button, Choice, Control, MessageRef, Ordered, Pressed, Said
from core.observer import SILENT, Observer
from core.ports.platform import Backfill, Surface
from core.store import Database, Lane, Transaction, Work, conversations, history, inbox, turns
from core.store.inbox import Mark
from core.text.notices import NOT_YET, USED_UP, Notice
from core.turns.backfill import read_earlier
from core.turns.claimer import MOST_MERGED, Judge, Taken, Taker
from core.turns.telemetry import Watch, watched
from core.work_queue.active_answers import RunningAnswers
from core.work_queue.port import Drain

log = structlog.get_logger(__name__)

MOST_RUNS = 12  #: an event that was taken this often, crashes included, is closed with an apology
REFS_PATIENCE_S = 60.0  #: how long storing a posted message's reference is tried


class OwnWords(Protocol):
    """A part of the product that may answer a question itself, before Kimi is asked."""

    async def __call__(self, taken: Taken) -> OrderReply | None:
        """Return what the bot itself says to a question; None leaves it to the next, then to Kimi.

        Asked again after a crash: it decides by what is stored.
        """


class Under(Protocol):
    """A part of the product that puts a button of its own under answers."""

    async def __call__(self, taken: Taken, outcome: str) -> tuple[Choice, ...]:
        """Return the buttons that stand under the answer to a question which ended so."""


class Afterwards(Protocol):
    """A part of the product that goes on once an answer stands on the screen."""

    async def __call__(self, taken: Taken, outcome: str) -> None:
        """Do what follows from a question's outcome; it may be called twice after a crash."""


class TurnRunner:
    """Implements :data:`core.work_queue.port.Drain`."""

    def __init__(
        self,
        database: Database,
        courier: Courier,
        answerer: Answerer,
        orders: Orders,
        running: RunningAnswers,
        clock: Clock,
        *,
        surfaces: Mapping[str, Surface],
        backfills: Mapping[str, Backfill],
        settings: ChatSettings,
        own_words: Sequence[OwnWords] = (),
        afterwards: Sequence[Afterwards] = (),
        under: Sequence[Under] = (),
        lanes: Mapping[Lane, Drain] = MappingProxyType({}),
        judge: Judge | None = None,
        observer: Observer = SILENT,
    ) -> None:
        """``own_words`` are asked in order before Kimi is; all ``afterwards`` follow each answer.

        ``lanes`` are lines of work that are not answers, with what works them off.
        """
        self._others_words, self._afterwards, self._lanes = own_words, afterwards, lanes
        self._under = under
        self._observer = observer
        self._database = database
        self._courier = courier
        self._answerer = answerer
        self._orders = orders
        self._running = running
        self._clock = clock
        self._surfaces = surfaces
        self._backfills = backfills
        self._taker = Taker(database, clock, platforms=surfaces.keys(), settings=settings, judge=judge)
        self._backfill_lines = settings.backfill_lines
        self._buttons = settings.buttons
        self.stopping = False

    async def __call__(self, work: Work) -> None:
        """Work off everything that is open in one line of work, in order.

        Raises:
            StoreUnavailable: what is open stays open.
        """
        if (drain := self._lanes.get(work.lane)) is not None:
            if not self.stopping:
                await drain(work)
            return
        while not self.stopping:
            running = self._running.begin(work.conversation_id) if work.lane is Lane.TURNS else None
            try:
                taken = await self._taker.take(work)
                if taken is None:
                    return
                with watched(self._observer, self._clock, taken) as watch:
                    await self._bring_to_end(taken, watch)
            except Fenced:
                return
            finally:
                if running is not None:
                    self._running.end(work.conversation_id, running)

    async def _bring_to_end(self, taken: Taken, watch: Watch) -> None:
        delivery = self._open(taken)
        running = self._running.of(taken.conversation.id)
        if taken.turn.cancel and running is not None:
            running.cancel(taken.turn.cancel)
        try:
            outcome = await self._fill(taken, delivery)
            if self._buttons and taken.said is not None and not delivery.growing.final_controls:
                delivery.growing.final_controls = await self._controls(taken, outcome)
            outcome = await self._show(taken, delivery, outcome)
        finally:
            delivery.close()
        async with self._database.begin() as tx:
            await turns.finish(tx, taken.turn, outcome=outcome)
            await inbox.mark(tx, await self._closes(tx, taken), Mark.DONE)
        watch.ended(outcome, delivery)
        log.info("turn_done", outcome=outcome, pages=len(delivery.growing.slots))
        if taken.said is not None:
            await self._answerer.shown(taken.conversation, taken.turn)
            for afterwards in self._afterwards:
                await afterwards(taken, outcome)

    async def _controls(self, taken: Taken, outcome: str) -> tuple[Button, ...]:
        """Return the buttons under an answer; none where it needs none."""
        controls: tuple[Button, ...] = controls_for(outcome)
        for under in self._under if controls else ():
            controls += await under(taken, outcome)
        return controls

    async def _closes(self, tx: Transaction, taken: Taken) -> list[int]:
        """Return the events that are answered now: one, or all that were merged into it."""
        turn = taken.turn
        if turn.seq <= turn.inbox_id:
            return [turn.inbox_id]
        work = Work(turn.conversation_id, Lane.TURNS)
        items = await inbox.open_items(tx, work, limit=MOST_MERGED)
        return [item.id for item in items if item.id <= turn.seq]

    async def _fill(self, taken: Taken, delivery: Delivery) -> str:
        """Put the turn's text into the delivery and store it; return the outcome."""
        turn = taken.turn
        if turn.state == "answered":
            delivery.append(turn.partial)
            return turn.outcome
        said = await self._own_words(taken)
        if said is None:
            await self._read_earlier(taken)
            question = Question(
                turn=turn,
                conversation=taken.conversation,
                asker_id=taken.asker_id,
                language=taken.language,
                background=taken.background,
            )
            running = self._running.of(taken.conversation.id)
            assert running is not None  # noqa: S101 (registered by __call__ for this very lane)
            delivery.finished.add_done_callback(lambda _: running.cancel("closed"))
            return await self._answerer.answer(question, delivery, running)
        async with self._database.begin() as tx:
            await turns.save_answer(tx, turn, text=said.text, outcome=said.outcome)
            if said.outcome != "notice":
                await history.answered(tx, turn.conversation_id, turn.seq, turn.id, said.text)
        delivery.append(said.text)
        delivery.growing.final_controls = said.choices
        return said.outcome

    async def _own_words(self, taken: Taken) -> OrderReply | None:
        """Return what the bot itself says; None where Kimi is to be asked."""
        if taken.turn.run > MOST_RUNS:
            log.error("turn_given_up", runs=taken.turn.run)
            return OrderReply(text=Notice.FAILED.text(taken.language))
        if taken.over is not None:
            return OrderReply(text=USED_UP[taken.over].text(taken.language))
        if taken.own:
            return OrderReply(text=taken.own)
        match taken.event:
            case Said(text=text, unreadable=kind) if kind is not None and not text.strip():
                return OrderReply(text=NOT_YET[kind].text(taken.language))
            case Ordered() | Pressed() if taken.order is not None:
                reply = await self._orders.reply(taken.order)
                return reply or OrderReply(text=Notice.HELP.text(taken.language))
            case _ if taken.said is None:
                return OrderReply(text=Notice.NOTHING_TO_RETRY.text(taken.language))
            case _:
                return await self._said_by_others(taken)

    async def _said_by_others(self, taken: Taken) -> OrderReply | None:
        for own_words in self._others_words:
            if (reply := await own_words(taken)) is not None:
                return reply
        return None

    async def _read_earlier(self, taken: Taken) -> None:
        backfill = self._backfills.get(taken.conversation.key.platform)
        if backfill is None or taken.conversation.backfilled or taken.said is None:
            return
        await read_earlier(
            self._database,
            backfill,
            taken.conversation,
            taken.said,
            before_seq=taken.turn.inbox_id,
            limit=self._backfill_lines,
        )

    def _open(self, taken: Taken) -> Delivery:
        turn = taken.turn
        question_id = taken.said.message_id if taken.said is not None else ""
        return self._courier.open(
            self._surfaces[taken.conversation.key.platform],
            taken.address,
            marker=f"{turn.id}",
            on_refs=partial(self._save_refs, taken),
            question_id=question_id,
            refs=turn.refs,
            known=taken.known,
            lost_post=turn.run > 1,
            show_status=turn.state == "running",
            running_controls=(Control.STOP,) if self._buttons and turn.state == "running" else (),
        )

    async def _save_refs(self, taken: Taken, refs: Sequence[MessageRef]) -> None:
        """Store the references; a posted message must not be forgotten over a database's hiccup."""
        deadline = self._clock.time() + REFS_PATIENCE_S
        while True:
            try:
                async with self._database.begin() as tx:
                    await turns.save_refs(tx, taken.turn, refs)
                    for ref in refs:
                        # The channel may have got another id since the question was asked.
                        key = replace(taken.address.key, channel=ref.channel)
                        await conversations.remember_ref(
                            tx, key, ref.message_id, taken.conversation.id, taken.turn.id
                        )
            except StoreUnavailable:
                if self._clock.time() >= deadline:
                    raise
                await self._clock.sleep(0.25)
            else:
                return

    async def _show(self, taken: Taken, delivery: Delivery, outcome: str) -> str:
        """Bring the last words onto the screen; return the outcome."""
        try:
            await delivery.finish()
        except SurfaceError as exc:
            log.warning("answer_undelivered", platform=taken.conversation.key.platform, error=str(exc))
            return "undelivered"
        return outcome


def controls_for(outcome: str) -> tuple[Control, ...]:
    """Return the buttons that stand under an answer which ended so."""
    match outcome:
        case "complete":
            return (Control.RETRY, Control.GOOD, Control.BAD)
        case "length":
            return (Control.CONTINUE, Control.RETRY, Control.GOOD, Control.BAD)
        case "canned":
            return (Control.RETRY, Control.GOOD, Control.BAD)
        case "notice" | "unknown" | "too_long" | "interrupted" | "closed":
            return ()
        case _:
            return (Control.RETRY,)
