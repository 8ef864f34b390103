"""One turn's answer: from the stored question to the stored, whole text."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import structlog

from core.answering.checkpoint import Checkpoints
from core.answering.file_notices import file_problems_text, partial_files_text, reading_files_text
from core.answering.outcome import CONTEXT_TOO_LONG, AnswerOutcome, outcome_of
from core.answering.queue_notices import QueueNotice
from core.answering.reasoning_display import ReasoningDisplay
from core.chat_settings import ChatSettings
from core.delivery.delivery import Delivery
from core.domain.clock import Clock
from core.domain.errors import LeaseLost
from core.domain.turn_states import CancelReason, TurnOutcome
from core.files.reader import FileReader, FileReadResult, FilesUnreadable
from core.kimi import ToolCall
from core.knowledge.prompt_passages import format_sources
from core.llm.pricing import with_cost
from core.llm.requester import requester_of
from core.llm.resumable_stream import ChatModel, StreamedAnswer, stream_with_resume
from core.prompting.context_builder import PromptBuilder
from core.prompting.generation_options import GenerationOptions, unavailable_model_text
from core.prompting.prepared_request import PreparedRequest
from core.prompting.token_ratio import TokenRatios
from core.store import Database, Transaction, conversation_settings, history, turns, usage
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.open_work import AvailableContext
from core.store.turns import Turn
from core.store.usage import CallUsage
from core.text.language import Language
from core.text.tokens import estimate_tokens
from core.tools.registry import ToolRegistry, sources_text, tool_status_text
from core.tools.tool_runner import ToolRunner
from core.work_queue.active_answers import ActiveAnswer

log = structlog.get_logger(__name__)

OnText: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is to be answered, and for whom."""

    turn: Turn
    conversation: Conversation
    person_id: str
    language: Language
    available_context: AvailableContext


class Answerer:
    """Asks Kimi and stores what it says."""

    def __init__(
        self,
        database: Database,
        model: ChatModel,
        prompt_builder: PromptBuilder,
        token_ratios: TokenRatios,
        settings: ChatSettings,
        clock: Clock,
        *,
        tool_registry: ToolRegistry,
        file_reader: FileReader | None = None,
    ) -> None:
        self._tool_registry = tool_registry
        self._file_reader = file_reader
        self._database = database
        self._model = model
        self._prompt_builder = prompt_builder
        self._token_ratios = token_ratios
        self._settings = settings
        self._clock = clock
        self._well_below_limit: set[int] = set()  # turns after which there is nothing to get ready
        self._checkpoints = Checkpoints(database, clock, interval_s=settings.checkpoint_interval_s)

    async def answer(self, question: Question, delivery: Delivery, running: ActiveAnswer) -> TurnOutcome:
        """Stream the answer into ``delivery`` and store it; return what was added under it.

        When this returns, the turn is "answered": only showing the last words is left.

        Raises:
            Fenced: another run owns the turn.
            StoreUnavailable: the answer could not be stored.
        """
        written = StreamedAnswer(text=question.turn.partial, reasoning=question.turn.reasoning)
        preparing = await self._prepare(question, delivery, running)
        prepared: PreparedRequest | None = None
        if preparing.cancelled() or preparing.exception() is not None:
            ended = outcome_of(preparing, written, running.cancel_reason, question.language)
        else:
            prepared = preparing.result()
            ended = await self._stream(question, prepared, written, delivery, running)
            if ended.outcome == CONTEXT_TOO_LONG and not written.text:
                ended = await self._retry_shorter(question, written, delivery, running)
            notes = (
                ended.note,
                unavailable_model_text(prepared.options, question.language),
                prepared.files_note,
            )
            ended = replace(ended, note=" ".join(note for note in notes if note))
        if running.cancel_reason is CancelReason.LEASE_LOST:
            raise LeaseLost(f"turn {question.turn.id} was taken over")  # not a word more in its message
        if written.text and not delivery.streamed.text:
            delivery.append(written.text)  # an earlier run's words, ended before Kimi went on with them
        note = f"\n\n*{ended.note}*" if ended.note and written.text else ended.note
        note += f"\n\n{ended.sources}" if ended.sources else ""
        if note:
            delivery.append(note)
        await self._save(question, prepared, written, ended, shown_text=written.text + note)
        if prepared is not None and prepared.well_below_limit:
            self._well_below_limit.add(question.turn.id)
        if prepared is not None and written.usage is not None and written.request_count == 1:
            await self._token_ratios.update_from_usage(
                prepared.options.model.id,
                estimated=prepared.estimated_tokens,
                counted=written.usage.prompt_tokens,
            )
        return ended.outcome

    async def prepare_next(self, conversation: Conversation, turn: Turn) -> None:
        """Use the time after an answer was shown: get ready for the next question. Raises nothing."""
        if turn.id in self._well_below_limit:
            self._well_below_limit.discard(turn.id)
        else:
            await self._prompt_builder.compact_if_large(conversation, turn)

    async def _retry_shorter(
        self, question: Question, answer: StreamedAnswer, delivery: Delivery, running: ActiveAnswer
    ) -> AnswerOutcome:
        """Ask once more with a prompt that Kimi does not find too long."""
        preparing = await self._prepare(question, delivery, running, was_too_long=True)
        if preparing.cancelled() or preparing.exception() is not None:
            return outcome_of(preparing, answer, running.cancel_reason, question.language)
        return await self._stream(question, preparing.result(), answer, delivery, running)

    async def _prepare(
        self, question: Question, delivery: Delivery, running: ActiveAnswer, *, was_too_long: bool = False
    ) -> "asyncio.Task[PreparedRequest]":
        """Find out what to ask; it may wait for files and for notes on a long conversation.

        It can be stopped.
        """
        preparing = asyncio.create_task(self._build_request(question, delivery, was_too_long=was_too_long))
        running.task = preparing
        if running.cancel_reason:
            preparing.cancel()
        try:
            await asyncio.wait({preparing})
        finally:
            preparing.cancel()
        return preparing

    async def _build_request(
        self, question: Question, delivery: Delivery, *, was_too_long: bool
    ) -> PreparedRequest:
        """Read the question's files, and put together what Kimi is asked.

        Raises:
            FilesUnreadable: the question is about nothing but files that cannot be read.
        """
        reading = FileReadResult()
        terms = await self._prompt_builder.load_options(question.conversation, question.available_context)
        if self._file_reader is not None and question.available_context.has_files:
            reading = await self._file_reader.read(
                question.conversation,
                question.turn,
                model=terms.model,
                on_reading=lambda names: delivery.show_placeholder(
                    reading_files_text(names, question.language)
                ),
            )
        if reading.only_unreadable:
            raise FilesUnreadable(reading.problems)
        prepared = await self._prompt_builder.prepare(
            question.conversation,
            question.turn,
            question.available_context,
            options=terms,
            was_too_long=was_too_long,
        )
        notes = (
            file_problems_text(reading.problems, question.language),
            partial_files_text(prepared.partial_files, question.language),
        )
        return replace(prepared, files_note=" ".join(note for note in notes if note))

    async def _stream(
        self,
        question: Question,
        prepared: PreparedRequest,
        answer: StreamedAnswer,
        delivery: Delivery,
        running: ActiveAnswer,
    ) -> AnswerOutcome:
        """Stream until Kimi, the person or the platform ends it."""
        show, think = self._output_callbacks(question, delivery)
        waiting = QueueNotice(delivery.show_placeholder, question.language, self._clock)
        tools = await self._build_tool_runner(question, prepared, delivery)
        stream = asyncio.create_task(
            stream_with_resume(
                self._model,
                prepared.request,
                answer,
                show,
                self._clock,
                max_resumes=self._settings.max_resumes,
                max_continuations=self._settings.max_continuations,
                on_reasoning=think,
                requester=requester_of(
                    question.conversation, question.person_id, self._settings.fair_share_weights
                ),
                on_queue_position=waiting.on_queue_position,
                on_retry=waiting.on_retry,
                tools=tools,
                clamp_reply_tokens=prepared.clamp_reply_tokens,
            ),
            name=f"kimi-{question.turn.id}",
        )
        keeper = asyncio.create_task(self._checkpoints.run(question.turn, answer, running))
        running.task = stream
        if running.cancel_reason:
            stream.cancel()
        try:
            await asyncio.wait({stream})
            ended = outcome_of(stream, answer, running.cancel_reason, question.language)
            links = [format_sources(answer.text, prepared.passages, question.language)]
            links += [sources_text(tools.sources, question.language)] if tools is not None else []
            return replace(ended, sources="\n\n".join(filter(None, links)) if answer.text else "")
        except asyncio.CancelledError:
            stream.cancel()  # not a word more than what is stored now may be shown
            await asyncio.wait({stream})
            await self._checkpoints.flush(question.turn, answer)
            raise
        finally:
            for task in (stream, keeper):
                task.cancel()
            await asyncio.gather(stream, keeper, return_exceptions=True)

    async def _build_tool_runner(
        self, question: Question, prepared: PreparedRequest, delivery: Delivery
    ) -> ToolRunner | None:
        thinks = prepared.options.model.thinks and prepared.request.thinking is not False
        tools = await self._tool_registry.tools_for_answer(prepared.options.web_search, model_thinks=thinks)
        if not tools:
            return None

        def tell(call: ToolCall) -> None:
            delivery.show_placeholder(tool_status_text(call, question.language))

        return ToolRunner(tools, self._clock, on_call=tell)

    def _output_callbacks(self, question: Question, delivery: Delivery) -> tuple[OnText, OnText]:
        """Return where words go, and where thoughts go."""
        if not self._settings.show_thinking:
            return delivery.append, lambda _: None
        thinking = ReasoningDisplay(delivery.channel.thinking_style, question.language, self._clock)

        def show(text: str) -> None:
            delivery.append(thinking.finish() + text)

        def think(text: str) -> None:
            if shown := thinking.add_reasoning(text):
                delivery.append(shown)

        return show, think

    async def _save(
        self,
        question: Question,
        prepared: PreparedRequest | None,
        answer: StreamedAnswer,
        outcome: AnswerOutcome,
        *,
        shown_text: str,
    ) -> None:
        turn = question.turn
        async with self._database.begin() as tx:
            await turns.save_answer(tx, turn, text=shown_text, outcome=outcome.outcome)
            if turn.attempt > 1 or turn.seq < turn.inbox_id:  # else it is the first answer to its question
                await history.supersede_answer(tx, turn.conversation_id, turn.seq)
            if answer.text:
                line = HistoryMessage(
                    seq=turn.seq,
                    role="assistant",
                    author_id="",
                    author="",
                    text=answer.text,
                    tokens=estimate_tokens(answer.text),
                )
                await history.append(tx, line, conversation_id=turn.conversation_id, turn_id=turn.id)
            if answer.request_count and prepared is not None:
                await self._record_usage(tx, question, prepared.options, answer, outcome.outcome)
            if prepared is not None and prepared.options.unavailable_model:
                await conversation_settings.save(
                    tx, turn.conversation_id, conversation_settings.MODEL, ""
                )  # told once

    async def _record_usage(
        self,
        tx: Transaction,
        question: Question,
        options: GenerationOptions,
        answer: StreamedAnswer,
        outcome: TurnOutcome,
    ) -> None:
        used = answer.usage
        now = self._clock.time()
        first_word_s = None if answer.first_token_at is None else answer.first_token_at - answer.started_at
        spent = CallUsage(
            model=options.model.id,
            prompt_tokens=used.prompt_tokens if used else 0,
            cached_tokens=used.cached_tokens if used else 0,
            completion_tokens=used.completion_tokens if used else estimate_tokens(answer.text),
            reasoning_tokens=used.reasoning_tokens if used else 0,
            first_word_s=first_word_s,
            duration_s=now - answer.started_at,
            outcome=outcome,
        )
        spent = with_cost(spent, self._settings.prices)
        await usage.add(
            tx,
            spent,
            conversation_id=question.conversation.id,
            turn_id=question.turn.id,
            person_id=question.person_id,
        )
