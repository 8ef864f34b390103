"""How an answer ended, and what a person is told of that."""

import asyncio
from dataclasses import dataclass
from typing import Any

import structlog

from core.answering.file_notices import told
from core.files.reader import FilesUnreadable
from core.kimi import KimiContextTooLong, KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm.resumable_stream import Written
from core.prompting.prompt import QuestionTooLong
from core.text.language import Language
from core.text.notices import Notice

log = structlog.get_logger(__name__)

TOO_LONG_FOR_KIMI = f"failed:{KimiContextTooLong.code}"

#: Outcomes of answers that were ended from outside, by :attr:`ActiveAnswer.why`; else "stopped".
ENDED_BY = {"interrupt": "interrupted", "closed": "closed", "fenced": "fenced"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an answer ended: what is shown below it, and what becomes of it."""

    outcome: str  #: "complete", "length", "stopped", "interrupted", "failed:<code>", …
    note: str = ""  #: shown under the text
    links: str = ""  #: the sources, shown under everything


def ended_of(stream: "asyncio.Task[Any]", written: Written, why: str, language: Language) -> Ended:
    """Read off how the answer ended: from a finished stream, or from preparations that failed."""
    if stream.cancelled():
        if why == "interrupt" and not written.text:
            return Ended(outcome="interrupted")  # nothing was said: the next answer says it all
        return Ended(outcome=ENDED_BY.get(why, "stopped"), note=Notice.STOPPED.text(language))
    error = stream.exception()
    if isinstance(error, QuestionTooLong):
        return Ended(outcome="too_long", note=Notice.TOO_LONG.text(language))
    if isinstance(error, FilesUnreadable):
        return Ended(outcome="unreadable", note=told(error.problems, language))
    if isinstance(error, KimiError):
        # The limiter tells the operator once that the account is used up.
        tell = log.debug if _is_used_up(error) else log.warning
        tell("kimi_failed", code=error.code, request_id=error.request_id, error=str(error))
        hint = f" {Notice.RETRY_HINT.text(language)}" if error.retryable else ""
        return Ended(outcome=f"failed:{error.code}", note=f"{error.notice(language)}{hint}")
    if error is not None:
        raise error
    if not written.text:
        return Ended(outcome="empty", note=Notice.EMPTY_ANSWER.text(language))
    if written.finish_reason == "length":
        return Ended(outcome="length", note=Notice.LENGTH_LIMIT.text(language))
    return Ended(outcome="complete")


def _is_used_up(error: KimiError) -> bool:
    daily = isinstance(error, KimiRateLimited) and error.limit == "tpd"
    return daily or isinstance(error, KimiQuotaExhausted)
