"""One turn's answer: from the stored question to the stored, whole text."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import structlog

from core.answering.checkpoint import Checkpoints
from core.answering.file_notices import partly_told, reading_notice, told
from core.answering.outcome import TOO_LONG_FOR_KIMI, Ended, ended_of
from core.answering.queue_notices import Waiting
from core.answering.reasoning_display import Thinking
from core.chat_settings import ChatSettings
from core.delivery.delivery import Delivery
from core.domain.clock import Clock
from core.domain.errors import LeaseLost
from core.files.reader import FileReader, FileReadResult, FilesUnreadable
from core.kimi import ToolCall
from core.knowledge.prompt_passages import format_sources
from core.llm.asker import asker_of
from core.llm.pricing import priced
from core.llm.resumable_stream import ChatModel, Written, write
from core.prompting.context_builder import Contexts
from core.prompting.generation_options import Terms, gone_note
from core.prompting.prepared_request import Prepared
from core.prompting.token_ratio import Ratios
from core.store import Database, Transaction, conversation_settings, history, turns, usage
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.open_work import AvailableContext
from core.store.turns import Turn
from core.store.usage import CallUsage
from core.text.language import Language
from core.text.tokens import estimate_tokens
from core.tools.registry import Toolbox, sources_note, telling
from core.tools.runner import ToolUse
from core.work_queue.active_answers import ActiveAnswer

log = structlog.get_logger(__name__)

Show: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be answered, and for whom."""

    turn: Turn
    conversation: Conversation
    asker_id: str
    language: Language
    background: AvailableContext


class Answerer:
    """Asks Kimi and stores what it says."""

    def __init__(
        self,
        database: Database,
        model: ChatModel,
        contexts: Contexts,
        ratios: Ratios,
        settings: ChatSettings,
        clock: Clock,
        *,
        toolbox: Toolbox,
        reader: FileReader | None = None,
    ) -> None:
        self._toolbox = toolbox
        self._reader = reader
        self._database = database
        self._model = model
        self._contexts = contexts
        self._ratios = ratios
        self._settings = settings
        self._clock = clock
        self._roomy: set[int] = set()  # turns after which there is nothing to get ready
        self._checkpoints = Checkpoints(database, clock, every_s=settings.checkpoint_interval_s)

    async def answer(self, question: Question, delivery: Delivery, running: ActiveAnswer) -> str:
        """Stream the answer into ``delivery`` and store it; return what was added under it.

        When this returns, the turn is "answered": only showing the last words is left.

        Raises:
            Fenced: another run owns the turn.
            StoreUnavailable: the answer could not be stored.
        """
        written = Written(text=question.turn.partial, reasoning=question.turn.reasoning)
        preparing = await self._prepare(question, delivery, running)
        prepared: Prepared | None = None
        if preparing.cancelled() or preparing.exception() is not None:
            ended = ended_of(preparing, written, running.cancel_reason, question.language)
        else:
            prepared = preparing.result()
            ended = await self._run(question, prepared, written, delivery, running)
            if ended.outcome == TOO_LONG_FOR_KIMI and not written.text:
                ended = await self._run_shorter(question, written, delivery, running)
            notes = (ended.note, gone_note(prepared.terms, question.language), prepared.note)
            ended = replace(ended, note=" ".join(note for note in notes if note))
        if ended.outcome == "fenced":
            raise LeaseLost(f"turn {question.turn.id} was taken over")  # not a word more in its message
        if written.text and not delivery.streamed.text:
            delivery.append(written.text)  # an earlier run's words, ended before Kimi went on with them
        note = f"\n\n*{ended.note}*" if ended.note and written.text else ended.note
        note += f"\n\n{ended.links}" if ended.links else ""
        if note:
            delivery.append(note)
        await self._store(question, prepared, written, ended, shown=written.text + note)
        if prepared is not None and prepared.roomy:
            self._roomy.add(question.turn.id)
        if prepared is not None and written.usage is not None and written.calls == 1:
            await self._ratios.learn(
                prepared.terms.model.id,
                estimated=prepared.estimated_tokens,
                counted=written.usage.prompt_tokens,
            )
        return ended.outcome

    async def shown(self, conversation: Conversation, turn: Turn) -> None:
        """Use the time after an answer was shown: get ready for the next question. Raises nothing."""
        if turn.id in self._roomy:
            self._roomy.discard(turn.id)
        else:
            await self._contexts.answered(conversation, turn)

    async def _run_shorter(
        self, question: Question, written: Written, delivery: Delivery, running: ActiveAnswer
    ) -> Ended:
        """Ask once more with a prompt that Kimi does not find too long."""
        preparing = await self._prepare(question, delivery, running, refused=True)
        if preparing.cancelled() or preparing.exception() is not None:
            return ended_of(preparing, written, running.cancel_reason, question.language)
        return await self._run(question, preparing.result(), written, delivery, running)

    async def _prepare(
        self, question: Question, delivery: Delivery, running: ActiveAnswer, *, refused: bool = False
    ) -> "asyncio.Task[Prepared]":
        """Find out what to ask; it may wait for files and for notes on a long conversation.

        It can be stopped.
        """
        preparing = asyncio.create_task(self._made_ready(question, delivery, refused=refused))
        running.task = preparing
        if running.cancel_reason:
            preparing.cancel()
        try:
            await asyncio.wait({preparing})
        finally:
            preparing.cancel()
        return preparing

    async def _made_ready(self, question: Question, delivery: Delivery, *, refused: bool) -> Prepared:
        """Read the question's files, and put together what Kimi is asked.

        Raises:
            FilesUnreadable: the question is about nothing but files that cannot be read.
        """
        reading = FileReadResult()
        terms = await self._contexts.terms(question.conversation, question.background)
        if self._reader is not None and question.background.has_files:
            reading = await self._reader.read(
                question.conversation,
                question.turn,
                model=terms.model,
                on_reading=lambda names: delivery.show_placeholder(reading_notice(names, question.language)),
            )
        if reading.only_unreadable:
            raise FilesUnreadable(reading.problems)
        prepared = await self._contexts.prepare(
            question.conversation, question.turn, question.background, terms=terms, refused=refused
        )
        notes = (told(reading.problems, question.language), partly_told(prepared.partly, question.language))
        return replace(prepared, note=" ".join(note for note in notes if note))

    async def _run(
        self,
        question: Question,
        prepared: Prepared,
        written: Written,
        delivery: Delivery,
        running: ActiveAnswer,
    ) -> Ended:
        """Stream until Kimi, the person or the platform ends it."""
        show, think = self._shown(question, delivery)
        waiting = Waiting(delivery.show_placeholder, question.language, self._clock)
        tools = await self._tools(question, prepared, delivery)
        stream = asyncio.create_task(
            write(
                self._model,
                prepared.request,
                written,
                show,
                self._clock,
                resume_attempts=self._settings.max_resumes,
                continuations=self._settings.max_continuations,
                think=think,
                asker=asker_of(question.conversation, question.asker_id, self._settings.fair_share_weights),
                on_place=waiting.place,
                on_wait=waiting.failed,
                tools=tools,
                fit=prepared.fitted,
            ),
            name=f"kimi-{question.turn.id}",
        )
        keeper = asyncio.create_task(self._checkpoints.keep(question.turn, written, running))
        running.task = stream
        if running.cancel_reason:
            stream.cancel()
        try:
            await asyncio.wait({stream})
            ended = ended_of(stream, written, running.cancel_reason, question.language)
            links = [format_sources(written.text, prepared.found, question.language)]
            links += [sources_note(tools.sources, question.language)] if tools is not None else []
            return replace(ended, links="\n\n".join(filter(None, links)) if written.text else "")
        except asyncio.CancelledError:
            stream.cancel()  # not a word more than what is stored now may be shown
            await asyncio.wait({stream})
            await self._checkpoints.last(question.turn, written)
            raise
        finally:
            for task in (stream, keeper):
                task.cancel()
            await asyncio.gather(stream, keeper, return_exceptions=True)

    async def _tools(self, question: Question, prepared: Prepared, delivery: Delivery) -> ToolUse | None:
        thinks = prepared.terms.model.thinks and prepared.request.thinking is not False
        tools = await self._toolbox.tools(prepared.terms.searches, thinks=thinks)
        if not tools:
            return None

        def tell(call: ToolCall) -> None:
            delivery.show_placeholder(telling(call, question.language))

        return ToolUse(tools, self._clock, tell=tell)

    def _shown(self, question: Question, delivery: Delivery) -> tuple[Show, Show]:
        """Return where words go, and where thoughts go."""
        if not self._settings.show_thinking:
            return delivery.append, lambda _: None
        thinking = Thinking(delivery.channel.thinking_style, question.language, self._clock)

        def show(text: str) -> None:
            delivery.append(thinking.answer_begins() + text)

        def think(text: str) -> None:
            if shown := thinking.thought(text):
                delivery.append(shown)

        return show, think

    async def _store(
        self, question: Question, prepared: Prepared | None, written: Written, ended: Ended, *, shown: str
    ) -> None:
        turn = question.turn
        async with self._database.begin() as tx:
            await turns.save_answer(tx, turn, text=shown, outcome=ended.outcome)
            if turn.attempt > 1 or turn.seq < turn.inbox_id:  # else it is the first answer to its question
                await history.supersede_answer(tx, turn.conversation_id, turn.seq)
            if written.text:
                line = HistoryMessage(
                    seq=turn.seq,
                    role="assistant",
                    author_id="",
                    author="",
                    text=written.text,
                    tokens=estimate_tokens(written.text),
                )
                await history.append(tx, line, conversation_id=turn.conversation_id, turn_id=turn.id)
            if written.calls and prepared is not None:
                await self._account(tx, question, prepared.terms, written, ended.outcome)
            if prepared is not None and prepared.terms.gone:
                await conversation_settings.save(
                    tx, turn.conversation_id, conversation_settings.MODEL, ""
                )  # told once

    async def _account(
        self, tx: Transaction, question: Question, terms: Terms, written: Written, outcome: str
    ) -> None:
        used = written.usage
        now = self._clock.time()
        first_word_s = None if written.first_word_at is None else written.first_word_at - written.asked_at
        spent = CallUsage(
            model=terms.model.id,
            prompt_tokens=used.prompt_tokens if used else 0,
            cached_tokens=used.cached_tokens if used else 0,
            completion_tokens=used.completion_tokens if used else estimate_tokens(written.text),
            reasoning_tokens=used.reasoning_tokens if used else 0,
            first_word_s=first_word_s,
            duration_s=now - written.asked_at,
            outcome=outcome,
        )
        spent = priced(spent, self._settings.prices)
        await usage.add(
            tx,
            spent,
            conversation_id=question.conversation.id,
            turn_id=question.turn.id,
            person_id=question.asker_id,
        )
