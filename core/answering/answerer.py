"""Answers one turn: from the stored question to the stored, whole text."""

import asyncio
from dataclasses import replace

import structlog

from core.answering.answer_streamer import AnswerStreamer
from core.answering.approvals import with_waiting_calls
from core.answering.outcome import CONTENT_FILTERED, CONTEXT_TOO_LONG, AnswerOutcome, outcome_of
from core.answering.person_request import with_person_rule
from core.answering.refused_history import INVALID_REQUEST, explain_refusal, reduced_request
from core.answering.request_preparer import RequestPreparer
from core.answering.turn_question import Question
from core.delivery.streamed_message import StreamedMessage
from core.domain.errors import LeaseLost, StoreRefusedData
from core.domain.message_content import MessageContent, MessageRole
from core.domain.turn_states import CancelReason, KimiFailure, Outcome, TurnOutcome
from core.kimi import KimiError
from core.knowledge.prompt_passages import used_passages
from core.llm.streamed_answer import StreamedAnswer
from core.llm.usage_meter import UsageMeter, UsageOwner
from core.prompting.generation_options import unavailable_model_text
from core.prompting.prepared_request import PreparedRequest
from core.prompting.prompt_builder import PromptBuilder
from core.prompting.token_ratio import TokenRatios
from core.store import Database, Transaction, answer_steps, conversation_settings, files, history, turns
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.turns import Turn
from core.text.notices import Notice
from core.work_queue.active_answers import ActiveAnswer

log = structlog.get_logger(__name__)


class Answerer:
    """Asks Kimi and stores the answers."""

    def __init__(
        self,
        database: Database,
        preparer: RequestPreparer,
        streamer: AnswerStreamer,
        prompt_builder: PromptBuilder,
        token_ratios: TokenRatios,
        usage_meter: UsageMeter,
    ) -> None:
        self._database = database
        self._preparer = preparer
        self._streamer = streamer
        self._prompt_builder = prompt_builder
        self._token_ratios = token_ratios
        self._usage_meter = usage_meter
        self._well_below_limit: set[int] = set()  # turns whose conversations need no summary

    async def answer(
        self, question: Question, delivery: StreamedMessage, running: ActiveAnswer
    ) -> TurnOutcome:
        """Stream the answer into ``delivery`` and store it; return how it ended.

        When this returns, the turn is "answered": only the last text remains to be shown.

        Raises:
            LeaseLost: another attempt owns the turn.
            StoreUnavailable: the answer cannot be stored.
        """
        answer = StreamedAnswer(text=question.turn.partial, reasoning=question.turn.reasoning)
        prepared, ended = await self._ask(question, answer, delivery, running)
        if running.cancel_reason is CancelReason.LEASE_LOST:
            raise LeaseLost(f"turn {question.turn.id} was taken over")  # nothing more in its message
        delivery.final_buttons = ended.options
        if ended.outcome is Outcome.EMPTY:
            answer.text = ""  # invisible characters are no answer, and no history
        if answer.text and not delivery.text:
            delivery.append(answer.text)  # of an earlier attempt, ended before Kimi continued it
        if ended.outcome is Outcome.NO_KNOWLEDGE:
            reply = await question.no_knowledge()
            _append_own_words(answer, delivery, reply.text)
            delivery.final_buttons = reply.buttons
        if ended.outcome is Outcome.PERSON_WANTED:
            _append_own_words(answer, delivery, Notice.CALLING_PERSON.text(question.language))
        note = _text_below(answer.text, ended)
        if note:
            invisible = ended.outcome is Outcome.EMPTY and delivery.text
            delivery.append(f"\n\n{note}" if invisible else note)
        try:
            await self._save(question, prepared, answer, ended, shown_text=answer.text + note)
        except StoreRefusedData as exc:
            log.error("answer.not_storable", error=str(exc))
            answer.text = answer.reasoning = ""
            failure = KimiError("the answer cannot be stored")
            ended = AnswerOutcome(outcome=KimiFailure(failure.code), note=failure.notice(question.language))
            delivery.append(f"\n\n*{ended.note}*")
            await self._save(question, prepared, answer, ended, shown_text=ended.note)
        if prepared is not None and prepared.well_below_limit:
            self._well_below_limit.add(question.turn.id)
        if prepared is not None and answer.usage is not None and answer.request_count == 1:
            await self._token_ratios.update_from_usage(
                prepared.options.model.id,
                estimated=prepared.estimated_tokens,
                counted=answer.usage.prompt_tokens,
            )
        return ended.outcome

    async def prepare_next(self, conversation: Conversation, turn: Turn) -> None:
        """Prepare the conversation for its next question, after an answer was shown. Raises nothing."""
        if turn.id in self._well_below_limit:
            self._well_below_limit.discard(turn.id)
        else:
            await self._prompt_builder.compact_if_large(conversation, turn)

    async def _ask(
        self, question: Question, answer: StreamedAnswer, delivery: StreamedMessage, running: ActiveAnswer
    ) -> tuple[PreparedRequest | None, AnswerOutcome]:
        """Prepare the request and stream the answer; the request is None if there was none to send."""
        preparing = await self._prepare(question, delivery, running)
        if preparing.cancelled() or preparing.exception() is not None:
            return None, outcome_of(preparing, answer, running.cancel_reason, question.language)
        prepared = with_person_rule(preparing.result(), question.person_code)
        ended = await self._streamer.stream(question, prepared, answer, delivery, running)
        if ended.outcome == CONTEXT_TOO_LONG and not answer.text:
            ended = await self._retry_shorter(question, answer, delivery, running)
        reduced = reduced_request(prepared, ended.outcome) if not answer.text else None
        if reduced is not None:
            log.info("answer.asked_without_history", outcome=str(ended.outcome))
            without_media = ended.outcome == INVALID_REQUEST and prepared.has_older_media
            prepared = reduced
            ended = await self._streamer.stream(question, prepared, answer, delivery, running)
            if without_media and answer.text:
                await self._refuse_older_media(question.turn)
        ended = explain_refusal(prepared, ended, question.language)
        notes = (
            ended.note,
            unavailable_model_text(prepared.options, question.language),
            prepared.reading_note,
        )
        return prepared, replace(ended, note=" ".join(note for note in notes if note))

    async def _refuse_older_media(self, turn: Turn) -> None:
        """Leave older pictures out of later prompts, after a host accepted a request without them only."""
        log.info("answer.media_refused")
        async with self._database.begin() as tx:
            await files.refuse_media(tx, turn.conversation_id, before_seq=turn.first_seq)

    async def _record_refusal(self, tx: Transaction, turn: Turn, ended: AnswerOutcome) -> None:
        """Take a question that Kimi refused as high risk out of later prompts, which it would spoil.

        A later attempt that is not refused puts it back.
        """
        was_refused = ended.outcome == CONTENT_FILTERED
        if was_refused or turn.attempt > 1:
            await history.set_question_superseded(
                tx,
                turn.conversation_id,
                first_seq=turn.first_seq,
                last_seq=turn.seq,
                superseded=was_refused,
            )

    async def _retry_shorter(
        self, question: Question, answer: StreamedAnswer, delivery: StreamedMessage, running: ActiveAnswer
    ) -> AnswerOutcome:
        """Ask once more with a prompt that Kimi does not find too long."""
        preparing = await self._prepare(question, delivery, running, was_too_long=True)
        if preparing.cancelled() or preparing.exception() is not None:
            return outcome_of(preparing, answer, running.cancel_reason, question.language)
        prepared = with_person_rule(preparing.result(), question.person_code)
        return await self._streamer.stream(question, prepared, answer, delivery, running)

    async def _prepare(
        self,
        question: Question,
        delivery: StreamedMessage,
        running: ActiveAnswer,
        *,
        was_too_long: bool = False,
    ) -> "asyncio.Task[PreparedRequest]":
        """Return the ended task that prepared the request; the person may have stopped it."""
        preparing = running.start(
            self._preparer.prepare(
                question, show_placeholder=delivery.show_placeholder, was_too_long=was_too_long
            )
        )
        try:
            await asyncio.wait({preparing})
        finally:
            preparing.cancel()
        return preparing

    async def _save(
        self,
        question: Question,
        prepared: PreparedRequest | None,
        answer: StreamedAnswer,
        ended: AnswerOutcome,
        *,
        shown_text: str,
    ) -> None:
        """Store the answer, its usage and the turn's new state, all or nothing."""
        turn = question.turn
        async with self._database.begin() as tx:
            await turns.save_answer(
                tx,
                turn,
                text=shown_text,
                outcome=ended.outcome,
                options=ended.options,
                approval=ended.approval,
            )
            if turn.attempt > 1 or turn.seq < turn.inbox_id:  # else it is the first answer to its question
                await history.supersede_answer(tx, turn.conversation_id, turn.seq)
            if text := with_waiting_calls(answer.text, ended.approval):
                message = HistoryMessage(
                    seq=turn.seq, role=MessageRole.ASSISTANT, content=MessageContent(text=text)
                )
                await history.append(tx, message, conversation_id=turn.conversation_id, turn_id=turn.id)
            await self._record_refusal(tx, turn, ended)
            used = used_passages(answer.text, prepared.passages) if prepared is not None else ()
            await answer_steps.save(tx, turn.id, used, answer.tool_reports)
            if answer.request_count and prepared is not None:
                await self._usage_meter.record(
                    tx,
                    answer,
                    model_id=prepared.options.model.id,
                    owner=UsageOwner(
                        conversation_id=turn.conversation_id, turn_id=turn.id, person_id=question.person_id
                    ),
                    outcome=ended.outcome,
                )
            if prepared is not None and prepared.options.unavailable_model:
                # The person has been told once; from now on the default model counts as chosen.
                await conversation_settings.save(tx, turn.conversation_id, conversation_settings.MODEL, "")


def _text_below(text: str, ended: AnswerOutcome) -> str:
    """Return the lines below an answer's text: its note, its sources or its question."""
    note = f"\n\n*{ended.note}*" if ended.note and text else ended.note
    note += f"\n\n{ended.sources}" if ended.sources else ""
    return note if text else note.lstrip("\n")


def _append_own_words(answer: StreamedAnswer, delivery: StreamedMessage, text: str) -> None:
    """Complete an answer with words of the bot's own."""
    text = f"\n\n{text}" if answer.text else text
    answer.text += text
    delivery.append(text)
