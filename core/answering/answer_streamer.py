"""Streams one answer from Kimi into the message that shows it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from core.answering.approvals import Approvals, decision_text
from core.answering.checkpoint import Checkpoints
from core.answering.outcome import AnswerOutcome, outcome_of
from core.answering.queue_notices import QueueNotice
from core.answering.reasoning_display import ReasoningDisplay
from core.answering.turn_question import Question
from core.chat_settings import ChatSettings
from core.delivery.streamed_message import StreamedMessage
from core.domain.clock import Clock
from core.domain.turn_states import Outcome
from core.kimi import Message
from core.knowledge.prompt_passages import format_sources
from core.llm.continuation import ContinuationMemory
from core.llm.message_links import LinkingModel
from core.llm.reply_marker import MarkedModel, ReplyMarker
from core.llm.requester import requester_of
from core.llm.resumable_stream import stream_with_resume
from core.llm.streamed_answer import OnText, StreamedAnswer, StreamOptions
from core.ports.chat_model import CallContext, ChatModel
from core.ports.tools import Approval, SourceLink
from core.prompting.prepared_request import PreparedRequest
from core.tools.registry import ToolRegistry, sources_text, task_card
from core.tools.tool_runner import ToolProgress, ToolRunner
from core.tools.transcripts import decode_transcript
from core.work_queue.active_answers import ActiveAnswer


class AnswerStreamer:
    """Streams answers and stores checkpoints of them meanwhile."""

    def __init__(
        self,
        model: ChatModel,
        tool_registry: ToolRegistry,
        checkpoints: Checkpoints,
        approvals: Approvals,
        settings: ChatSettings,
        clock: Clock,
    ) -> None:
        self._model = model
        self._tool_registry = tool_registry
        self._checkpoints = checkpoints
        self._approvals = approvals
        self._settings = settings
        self._clock = clock
        self._continuations = ContinuationMemory(clock)

    async def stream(
        self,
        question: Question,
        prepared: PreparedRequest,
        answer: StreamedAnswer,
        delivery: StreamedMessage,
        running: ActiveAnswer,
    ) -> AnswerOutcome:
        """Stream until Kimi, a person or the platform ends the answer; return how it ended.

        Args:
            question: the question.
            prepared: its request.
            answer: receives the answer; may begin with the text of an earlier attempt.
            delivery: the message that shows it.
            running: ends it from outside.
        """
        tools = await self._build_tool_runner(question, prepared, delivery)
        if note := self._tool_registry.unreachable_text(prepared.options.tools):
            prepared = prepared.with_message_before_question(Message(role="system", content=note))
        stream = running.start(
            self._stream(question, prepared, answer, delivery, tools), name=f"kimi-{question.turn.id}"
        )
        checkpoints = asyncio.create_task(self._checkpoints.run(question.turn, answer, running))
        try:
            await asyncio.wait({stream})
        except asyncio.CancelledError:
            stream.cancel()  # nothing more may be shown than is stored now
            await asyncio.wait({stream})
            await self._checkpoints.flush(question.turn, answer)
            raise
        finally:
            for task in (stream, checkpoints):
                task.cancel()
            await asyncio.gather(stream, checkpoints, return_exceptions=True)
        if tools is not None:
            answer.tool_reports += tools.reports
        outcome = outcome_of(stream, answer, running.cancel_reason, question.language)
        decided = decision_text(question.turn.decided_approval, question.language)
        if tools is not None and tools.pending and not stream.cancelled() and stream.exception() is None:
            card = self._approvals.ask(question, tools, answer.text)
            return AnswerOutcome(
                outcome=Outcome.APPROVAL,
                sources="\n\n".join(filter(None, (decided, card.text))),
                options=card.options,
                approval=card.approval,
            )
        note = " ".join(filter(None, (outcome.note, decided)))
        return replace(outcome, note=note, sources=_sources(question, prepared, answer, tools))

    def _stream(
        self,
        question: Question,
        prepared: PreparedRequest,
        answer: StreamedAnswer,
        delivery: StreamedMessage,
        tools: ToolRunner | None,
    ) -> Coroutine[Any, Any, None]:
        on_text, on_reasoning = self._output_callbacks(question, delivery)
        notice = QueueNotice(delivery.show_placeholder, question.language, self._clock)
        context = CallContext(
            requester=requester_of(
                question.conversation,
                question.person_id,
                self._settings.fair_share_weights,
                self._settings.access.moves,
            ),
            on_queue_position=notice.on_queue_position,
            on_retry=notice.on_retry,
        )
        options = StreamOptions(
            max_resumes=self._settings.max_resumes,
            max_continuations=self._settings.max_continuations,
            on_text=on_text,
            on_reasoning=on_reasoning,
            tools=tools,
            continuations=self._continuations,
            clamp_reply_tokens=prepared.clamp_reply_tokens,
        )
        model = self._model
        if prepared.links:
            model = LinkingModel(model, prepared.links)
        if prepared.marker_code:
            model = MarkedModel(model, ReplyMarker.NO_ANSWER, prepared.marker_code)
        if prepared.person_code:
            model = MarkedModel(model, ReplyMarker.PERSON, prepared.person_code)
        return self._stream_on(question, model, prepared, answer, context, options)

    async def _stream_on(
        self,
        question: Question,
        model: ChatModel,
        prepared: PreparedRequest,
        answer: StreamedAnswer,
        context: CallContext,
        options: StreamOptions,
    ) -> None:
        """Carry out the turn's decision about tools, if it has one, and stream."""
        approval = question.turn.decided_approval
        if options.tools is not None and approval is not None:
            is_first = answer.text == approval.text  # nothing was written after the decision
            if is_first and answer.text:
                options.on_text(answer.text)  # the card goes; the text stays while the calls are made
            transcript = await self._approvals.resume(question, options.tools)
            start = len(approval.text)
            options = replace(options, transcript=transcript, segment_start=start, text_is_shown=is_first)
        await stream_with_resume(model, prepared.request, answer, context, self._clock, options)

    async def _build_tool_runner(
        self, question: Question, prepared: PreparedRequest, delivery: StreamedMessage
    ) -> ToolRunner | None:
        if not prepared.offers_tools:
            return None
        thinks = prepared.options.model.thinks and prepared.request.thinking is not False
        options = prepared.options
        tools = await self._tool_registry.tools_for_answer(
            options.web_search, model_thinks=thinks, selection=options.tools
        )
        approval = question.turn.decided_approval
        if not tools and approval is None:
            return None
        asks = any(tool.approval is Approval.ASK for tool in tools)

        def show(progress: ToolProgress) -> None:
            delivery.show_task(task_card(progress, question.language))

        return ToolRunner(
            tools,
            self._clock,
            on_progress=show,
            reads_images=options.model.supports_images,
            granted=await self._approvals.load_granted(question.conversation) if asks else (),
            transcript=() if approval is None else decode_transcript(approval.transcript),
            sources=()
            if approval is None
            else [SourceLink(url=url, title=title) for url, title in approval.sources],
        )

    def _output_callbacks(self, question: Question, delivery: StreamedMessage) -> tuple[OnText, OnText]:
        """Return the callbacks that show text and reasoning."""
        if not self._settings.show_thinking:
            return delivery.append, lambda _: None
        display = ReasoningDisplay(delivery.thinking_style, question.language, self._clock)

        def show_text(text: str) -> None:
            delivery.append(display.finish() + text)

        def show_reasoning(text: str) -> None:
            if shown := display.add_reasoning(text):
                delivery.append(shown)

        return show_text, show_reasoning


def _sources(
    question: Question, prepared: PreparedRequest, answer: StreamedAnswer, tools: ToolRunner | None
) -> str:
    """Return the sources to show below an answer: cited passages and pages that tools found."""
    if not answer.text:
        return ""
    sources = [format_sources(answer.text, prepared.passages, question.language)]
    sources += [sources_text(tools.sources, question.language)] if tools is not None else []
    return "\n\n".join(filter(None, sources))
