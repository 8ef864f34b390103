"""Derives from a finished stream how an answer ended and which note the person reads."""

import asyncio
from dataclasses import dataclass
from typing import Any, assert_never

import structlog

from core.answering.file_notices import file_problems_text
from core.digests.message_reader import NothingToDigest
from core.domain.buttons import OptionButton
from core.domain.tool_approval import ToolApproval
from core.domain.turn_states import CancelReason, KimiFailure, Outcome, TurnOutcome
from core.files.reader import FilesUnreadable
from core.kimi import (
    KimiContentFiltered,
    KimiContextTooLong,
    KimiError,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiStreamInterrupted,
)
from core.llm.reply_marker import NoAnswerGiven, PersonWanted
from core.llm.streamed_answer import StreamedAnswer
from core.prompting.prompt import QuestionTooLong
from core.text.language import Language
from core.text.notices import Notice
from core.text.reply_checks import is_empty_reply, repeats_itself

log = structlog.get_logger(__name__)

CONTEXT_TOO_LONG = KimiFailure(KimiContextTooLong.code)
CONTENT_FILTERED = KimiFailure(KimiContentFiltered.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOutcome:
    """How an answer ended, and the texts that are shown below it."""

    outcome: TurnOutcome
    note: str = ""  #: below the text
    sources: str = ""  #: below the note
    options: tuple[OptionButton, ...] = ()  #: offered below everything
    approval: ToolApproval | None = None  #: that the options decide


def outcome_of(
    stream: "asyncio.Task[Any]",
    answer: StreamedAnswer,
    cancel_reason: CancelReason | None,
    language: Language,
) -> AnswerOutcome:
    """Return how an answer ended.

    Args:
        stream: the task that streamed it or prepared its request; it has ended.
        answer: the answer as far as it came.
        cancel_reason: why it was cancelled from outside; None if it was not.
        language: of the note.

    Raises:
        Exception: the task's, if it is none that an answer may end with.
    """
    if stream.cancelled():
        if cancel_reason is CancelReason.INTERRUPT and not answer.text:
            return AnswerOutcome(outcome=Outcome.INTERRUPTED)  # nothing was said: the next answer says it all
        return AnswerOutcome(outcome=_cancelled_outcome(cancel_reason), note=Notice.STOPPED.text(language))
    error = stream.exception()
    if (unsent := _unsent_outcome(error, language)) is not None:
        return unsent
    if isinstance(error, NoAnswerGiven):
        return AnswerOutcome(outcome=Outcome.NO_KNOWLEDGE)
    if isinstance(error, PersonWanted):
        return AnswerOutcome(outcome=Outcome.PERSON_WANTED)
    if isinstance(error, KimiError):
        # The limiter logs once that the account is used up.
        write = log.debug if _is_quota_error(error) else log.warning
        write("kimi.request_failed", code=error.code, request_id=error.request_id, error=str(error))
        hint = f" {Notice.RETRY_HINT.text(language)}" if error.retryable else ""
        return AnswerOutcome(outcome=KimiFailure(error.code), note=f"{error.notice(language)}{hint}")
    if error is not None:
        raise error
    if is_empty_reply(answer.text):
        return _empty_outcome(answer.finish_reason, language)
    return _ended_outcome(answer, language)


def _unsent_outcome(error: BaseException | None, language: Language) -> AnswerOutcome | None:
    """Return the outcome of a request that could not be prepared; None if it was."""
    match error:
        case QuestionTooLong():
            return AnswerOutcome(outcome=Outcome.QUESTION_TOO_LONG, note=Notice.TOO_LONG.text(language))
        case NothingToDigest():
            return AnswerOutcome(outcome=Outcome.NOTICE, note=str(error))
        case FilesUnreadable(problems=problems):
            return AnswerOutcome(
                outcome=Outcome.FILES_UNREADABLE, note=file_problems_text(problems, language)
            )
        case _:
            return None


def _empty_outcome(finish_reason: str, language: Language) -> AnswerOutcome:
    """Return the outcome of a reply that shows nothing."""
    if finish_reason == "content_filter":
        error = KimiContentFiltered("finish reason content_filter")
        return AnswerOutcome(outcome=KimiFailure(error.code), note=error.notice(language))
    if finish_reason == "length":
        return AnswerOutcome(outcome=Outcome.EMPTY, note=Notice.THINKING_TOOK_ALL.text(language))
    return AnswerOutcome(outcome=Outcome.EMPTY, note=Notice.EMPTY_ANSWER.text(language))


def _ended_outcome(answer: StreamedAnswer, language: Language) -> AnswerOutcome:
    """Return the outcome of a reply with text: only "stop" and "tool_calls" are clean ends."""
    match answer.finish_reason:
        case "stop" | "tool_calls":
            return AnswerOutcome(outcome=Outcome.COMPLETE)
        case "length":
            notice = Notice.REPEATS if repeats_itself(answer.text) else Notice.LENGTH_LIMIT
            return AnswerOutcome(outcome=Outcome.LENGTH_LIMIT, note=notice.text(language))
        case "content_filter":
            return AnswerOutcome(
                outcome=KimiFailure(KimiContentFiltered.code), note=Notice.FILTERED.text(language)
            )
        case _:
            return AnswerOutcome(
                outcome=KimiFailure(KimiStreamInterrupted.code), note=Notice.ENDED_EARLY.text(language)
            )


def _cancelled_outcome(reason: CancelReason | None) -> Outcome:
    match reason:
        case CancelReason.INTERRUPT:
            return Outcome.INTERRUPTED
        case CancelReason.UNDELIVERABLE:
            return Outcome.CHANNEL_CLOSED
        case CancelReason.STOP | CancelReason.NEW | CancelReason.RETRY | CancelReason.LEASE_LOST | None:
            return Outcome.STOPPED
        case _:
            assert_never(reason)


def _is_quota_error(error: KimiError) -> bool:
    daily = isinstance(error, KimiRateLimited) and error.limit == "tpd"
    return daily or isinstance(error, KimiQuotaExhausted)
