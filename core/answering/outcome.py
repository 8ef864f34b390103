"""How an answer ended, and what a person is told of that."""

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog

from core.answering.file_notices import file_problems_text
from core.files.reader import FilesUnreadable
from core.kimi import KimiContextTooLong, KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm.resumable_stream import StreamedAnswer
from core.prompting.prompt import QuestionTooLong
from core.text.language import Language
from core.text.notices import Notice

log = structlog.get_logger(__name__)

CONTEXT_TOO_LONG = f"failed:{KimiContextTooLong.code}"

#: Outcomes of answers that were ended from outside, by :attr:`ActiveAnswer.why`; else "stopped".
OUTCOME_BY_CANCEL_REASON = {"interrupt": "interrupted", "closed": "closed", "fenced": "fenced"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOutcome:
    """How an answer ended: what is shown below it, and what becomes of it."""

    code: str  #: "complete", "length", "stopped", "interrupted", "failed:<code>", …
    note: str = ""  #: shown under the text
    sources: str = ""  #: the sources, shown under everything


def outcome_of(
    stream: "asyncio.Task[Any]", answer: StreamedAnswer, cancel_reason: str, language: Language
) -> AnswerOutcome:
    """Read off how the answer ended: from a finished stream, or from preparations that failed."""
    if stream.cancelled():
        if cancel_reason == "interrupt" and not answer.text:
            return AnswerOutcome(code="interrupted")  # nothing was said: the next answer says it all
        return AnswerOutcome(
            code=OUTCOME_BY_CANCEL_REASON.get(cancel_reason, "stopped"), note=Notice.STOPPED.text(language)
        )
    error = stream.exception()
    if isinstance(error, QuestionTooLong):
        return AnswerOutcome(code="too_long", note=Notice.TOO_LONG.text(language))
    if isinstance(error, FilesUnreadable):
        return AnswerOutcome(code="unreadable", note=file_problems_text(error.problems, language))
    if isinstance(error, KimiError):
        # The limiter tells the operator once that the account is used up.
        tell = log.debug if _is_quota_error(error) else log.warning
        tell("kimi.request_failed", code=error.code, request_id=error.request_id, error=str(error))
        hint = f" {Notice.RETRY_HINT.text(language)}" if error.retryable else ""
        return AnswerOutcome(code=f"failed:{error.code}", note=f"{error.notice(language)}{hint}")
    if error is not None:
        raise error
    if not answer.text:
        return AnswerOutcome(code="empty", note=Notice.EMPTY_ANSWER.text(language))
    if answer.finish_reason == "length":
        return AnswerOutcome(code="length", note=Notice.LENGTH_LIMIT.text(language))
    return AnswerOutcome(code="complete")


def _is_quota_error(error: KimiError) -> bool:
    daily = isinstance(error, KimiRateLimited) and error.limit == "tpd"
    return daily or isinstance(error, KimiQuotaExhausted)
