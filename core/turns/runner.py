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
from typing import Protocol, assert_never

import structlog

from core.answering.answerer import Answerer
from core.answering.turn_question import Question
from core.chat_settings import ChatSettings
from core.commands import CommandDispatcher, CommandReply
from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.message_operations import AnswerButtons
from core.delivery.message_target import MessageTarget
from core.delivery.streamed_message import StreamedMessage
from core.domain.bot_messages import MessageRef
from core.domain.buttons import ActionButton, Button, OptionButton
from core.domain.clock import Clock
from core.domain.errors import LeaseLost, PlatformError, StoreUnavailable
from core.domain.events import ButtonPressed, CommandReceived, MessageReceived
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason, KimiFailure, Outcome, TurnOutcome, TurnState
from core.observer import NOOP_OBSERVER, Observer
from core.ports.platform import Backfill, MessageChannel
from core.store import Database, Transaction, conversations, history, inbox, turns
from core.text.notices import REFUSAL_NOTICES, UNSUPPORTED_CONTENT_NOTICES, Notice
from core.turns.backfill import backfill_thread
from core.turns.claimer import MAX_MERGED, ClaimedTurn, IntentClassifier, TurnClaimer
from core.turns.telemetry import TurnTelemetry, track_turn
from core.work_queue.active_answers import ActiveAnswers

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 12  #: an event that was taken this often, crashes included, is closed with an apology
SAVE_REFS_TIMEOUT_S = 60.0  #: how long storing a posted message's reference is tried


class PredefinedAnswer(Protocol):
    """A part of the product that may answer a question itself, before Kimi is asked."""

    async def __call__(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return what the bot itself says to a question; None leaves it to the next, then to Kimi.

        Asked again after a crash: it decides by what is stored.
        """


class AnswerButtonProvider(Protocol):
    """A part of the product that puts a button of its own under answers."""

    async def __call__(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> tuple[OptionButton, ...]:
        """Return the buttons that stand under the answer to a question which ended so."""


class AfterAnswerHook(Protocol):
    """A part of the product that goes on once an answer stands on the screen."""

    async def __call__(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> None:
        """Do what follows from a question's outcome; it may be called twice after a crash."""


class TurnRunner:
    """Implements :data:`core.work_queue.port.ProcessNext` for questions and commands."""

    def __init__(
        self,
        database: Database,
        dispatcher: DeliveryDispatcher,
        answerer: Answerer,
        commands: CommandDispatcher,
        active_answers: ActiveAnswers,
        clock: Clock,
        *,
        channels: Mapping[str, MessageChannel],
        backfills: Mapping[str, Backfill],
        settings: ChatSettings,
        predefined_answers: Sequence[PredefinedAnswer] = (),
        after_answer_hooks: Sequence[AfterAnswerHook] = (),
        button_providers: Sequence[AnswerButtonProvider] = (),
        classifier: IntentClassifier | None = None,
        observer: Observer = NOOP_OBSERVER,
    ) -> None:
        """``predefined_answers`` are asked in order before Kimi is; all hooks follow each answer."""
        self._predefined_answers, self._after_answer_hooks = predefined_answers, after_answer_hooks
        self._button_providers = button_providers
        self._observer = observer
        self._database = database
        self._dispatcher = dispatcher
        self._answerer = answerer
        self._commands = commands
        self._active_answers = active_answers
        self._clock = clock
        self._channels = channels
        self._backfills = backfills
        self._claimer = TurnClaimer(
            database, clock, platforms=channels.keys(), settings=settings, classifier=classifier
        )
        self._backfill_max_messages = settings.backfill_max_messages
        self._show_buttons = settings.show_buttons

    async def __call__(self, queue_key: QueueKey) -> bool:
        """Process a queue's oldest open turn; return False if there is none.

        Raises:
            StoreUnavailable: the turn stays open.
        """
        running = (
            self._active_answers.register(queue_key.conversation_id) if queue_key.lane is Lane.TURNS else None
        )
        try:
            claimed = await self._claimer.claim(queue_key)
            if claimed is None:
                return False
            with track_turn(self._observer, self._clock, claimed) as telemetry:
                await self._run_turn(claimed, telemetry)
        except LeaseLost:
            return False
        finally:
            if running is not None:
                self._active_answers.remove(queue_key.conversation_id, running)
        return True

    async def _run_turn(self, claimed: ClaimedTurn, telemetry: TurnTelemetry) -> None:
        delivery = self._open_delivery(claimed)
        running = self._active_answers.get(claimed.conversation.id)
        if claimed.turn.cancel_reason and running is not None:
            running.cancel(claimed.turn.cancel_reason)
        try:
            outcome = await self._produce_answer(claimed, delivery)
            if self._show_buttons and claimed.question is not None and not delivery.final_buttons:
                delivery.final_buttons = await self._answer_buttons(claimed, outcome)
            outcome = await self._deliver(claimed, delivery, outcome)
        finally:
            delivery.close()
        async with self._database.begin() as tx:
            await turns.finish(tx, claimed.turn, outcome=outcome)
            await inbox.set_status(tx, await self._answered_event_ids(tx, claimed), EventStatus.DONE)
        telemetry.finished(outcome, delivery)
        log.info("turn.finished", outcome=str(outcome), pages=delivery.message_count)
        if claimed.question is not None:
            await self._answerer.prepare_next(claimed.conversation, claimed.turn)
            for afterwards in self._after_answer_hooks:
                await afterwards(claimed, outcome)

    async def _answer_buttons(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> tuple[Button, ...]:
        """Return the buttons under an answer; none where it needs none."""
        controls: tuple[Button, ...] = buttons_for(outcome)
        for under in self._button_providers if controls else ():
            controls += await under(claimed, outcome)
        return controls

    async def _answered_event_ids(self, tx: Transaction, claimed: ClaimedTurn) -> list[int]:
        """Return the events that are answered now: one, or all that were merged into it."""
        turn = claimed.turn
        if turn.seq <= turn.inbox_id:
            return [turn.inbox_id]
        work = QueueKey(turn.conversation_id, Lane.TURNS)
        items = await inbox.load_open_items(tx, work, limit=MAX_MERGED)
        return [item.id for item in items if item.id <= turn.seq]

    async def _produce_answer(self, claimed: ClaimedTurn, delivery: StreamedMessage) -> TurnOutcome:
        """Put the turn's text into the delivery and store it; return the outcome."""
        turn = claimed.turn
        if turn.state is TurnState.ANSWERED and turn.outcome is not None:
            delivery.append(turn.partial)
            return turn.outcome
        said = await self._predefined_reply(claimed)
        if said is None:
            await self._backfill(claimed)
            question = Question(
                turn=turn,
                conversation=claimed.conversation,
                person_id=claimed.asker_id,
                language=claimed.language,
                available_context=claimed.available_context,
            )
            running = self._active_answers.get(claimed.conversation.id)
            assert running is not None  # noqa: S101 (registered by __call__ for this very lane)
            delivery.completion.on_end(lambda: running.cancel(CancelReason.UNDELIVERABLE))
            return await self._answerer.answer(question, delivery, running)
        async with self._database.begin() as tx:
            await turns.save_answer(tx, turn, text=said.text, outcome=said.outcome)
            if said.outcome is not Outcome.NOTICE:
                await history.save_answer(tx, turn.conversation_id, turn.seq, turn.id, said.text)
        delivery.append(said.text)
        delivery.final_buttons = said.options
        return said.outcome

    async def _predefined_reply(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return what the bot itself says; None where Kimi is to be asked."""
        if claimed.turn.attempt > MAX_ATTEMPTS:
            log.error("turn.attempts_exhausted", runs=claimed.turn.attempt)
            return CommandReply(text=Notice.FAILED.text(claimed.language))
        if claimed.refusal is not None:
            return CommandReply(text=REFUSAL_NOTICES[claimed.refusal].text(claimed.language))
        if claimed.notice_text:
            return CommandReply(text=claimed.notice_text)
        match claimed.event:
            case MessageReceived(text=text, unsupported_content=kind) if (
                kind is not None and not text.strip()
            ):
                return CommandReply(text=UNSUPPORTED_CONTENT_NOTICES[kind].text(claimed.language))
            case CommandReceived() | ButtonPressed() if claimed.command is not None:
                reply = await self._commands.dispatch(claimed.command)
                return reply or CommandReply(text=Notice.HELP.text(claimed.language))
            case _ if claimed.question is None:
                return CommandReply(text=Notice.NOTHING_TO_RETRY.text(claimed.language))
            case _:
                return await self._first_predefined_answer(claimed)

    async def _first_predefined_answer(self, claimed: ClaimedTurn) -> CommandReply | None:
        for own_words in self._predefined_answers:
            if (reply := await own_words(claimed)) is not None:
                return reply
        return None

    async def _backfill(self, claimed: ClaimedTurn) -> None:
        backfill = self._backfills.get(claimed.conversation.key.platform)
        if backfill is None or claimed.conversation.backfilled or claimed.question is None:
            return
        await backfill_thread(
            self._database,
            backfill,
            claimed.conversation,
            claimed.question,
            before_seq=claimed.turn.inbox_id,
            limit=self._backfill_max_messages,
        )

    def _open_delivery(self, claimed: ClaimedTurn) -> StreamedMessage:
        turn = claimed.turn
        question_id = claimed.question.message_id if claimed.question is not None else ""
        target = MessageTarget(
            channel=self._channels[claimed.conversation.key.platform],
            address=claimed.address,
            idempotency_key=f"{turn.id}",
            on_refs_changed=partial(self._save_refs, claimed),
            question_id=question_id,
            refs=turn.refs,
            known_message_ids=claimed.known_message_ids,
            post_uncertain=turn.attempt > 1,
        )
        running = turn.state is TurnState.RUNNING
        stop = (ActionButton.STOP,) if self._show_buttons and running else ()
        return self._dispatcher.open(target, buttons=AnswerButtons(running=stop), show_status=running)

    async def _save_refs(self, claimed: ClaimedTurn, refs: Sequence[MessageRef]) -> None:
        """Store the references; a posted message must not be forgotten over a database's hiccup."""
        deadline = self._clock.time() + SAVE_REFS_TIMEOUT_S
        while True:
            try:
                async with self._database.begin() as tx:
                    await turns.save_refs(tx, claimed.turn, refs)
                    for ref in refs:
                        # The channel may have got another id since the question was asked.
                        key = replace(claimed.address.key, channel=ref.channel)
                        await conversations.save_ref(
                            tx, key, ref.message_id, claimed.conversation.id, claimed.turn.id
                        )
            except StoreUnavailable:
                if self._clock.time() >= deadline:
                    raise
                await self._clock.sleep(0.25)
            else:
                return

    async def _deliver(
        self, claimed: ClaimedTurn, delivery: StreamedMessage, outcome: TurnOutcome
    ) -> TurnOutcome:
        """Bring the last words onto the screen; return the outcome."""
        try:
            await delivery.finish()
        except PlatformError as exc:
            log.warning("turn.undelivered", platform=claimed.conversation.key.platform, error=str(exc))
            return Outcome.UNDELIVERED
        return outcome


def buttons_for(outcome: TurnOutcome) -> tuple[ActionButton, ...]:
    """Return the buttons that stand under an answer which ended so."""
    match outcome:
        case Outcome.COMPLETE | Outcome.CANNED:
            return (ActionButton.RETRY, ActionButton.GOOD, ActionButton.BAD)
        case Outcome.LENGTH_LIMIT:
            return (ActionButton.CONTINUE, ActionButton.RETRY, ActionButton.GOOD, ActionButton.BAD)
        case (
            Outcome.NOTICE
            | Outcome.NO_KNOWLEDGE
            | Outcome.QUESTION_TOO_LONG
            | Outcome.INTERRUPTED
            | Outcome.CHANNEL_CLOSED
        ):
            return ()
        case Outcome.EMPTY | Outcome.STOPPED | Outcome.FILES_UNREADABLE | Outcome.UNDELIVERED | KimiFailure():
            return (ActionButton.RETRY,)
        case _:
            assert_never(outcome)
