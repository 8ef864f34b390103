"""How an answer ended, and the note that the person reads."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.answering.outcome import outcome_of
from core.domain.file_states import FileFault
from core.domain.turn_states import CancelReason, KimiFailure, Outcome, TurnOutcome
from core.files.reader import FileProblem, FilesUnreadable
from core.kimi import KimiContentFiltered, KimiError, KimiOverloaded, KimiQuotaExhausted, KimiRateLimited
from core.llm.streamed_answer import StreamedAnswer
from core.prompting.prompt import QuestionTooLong
from core.text.notices import Notice

pytestmark = pytest.mark.virtual_time


async def ended(work: Coroutine[Any, Any, None], *, cancel: bool = False) -> "asyncio.Task[None]":
    """Return a task that has ended."""
    task = asyncio.create_task(work)
    if cancel:
        task.cancel()
    await asyncio.wait({task})
    return task


async def succeed() -> None:
    """Do nothing."""


async def fail(error: Exception) -> None:
    """Raise an error."""
    raise error


@pytest.mark.parametrize(
    ("answer", "outcome", "note"),
    [
        (StreamedAnswer(text="Yes.", finish_reason="stop"), Outcome.COMPLETE, ""),
        (StreamedAnswer(finish_reason="stop"), Outcome.EMPTY, Notice.EMPTY_ANSWER.text("en")),
        (
            StreamedAnswer(text="Yes", finish_reason="length"),
            Outcome.LENGTH_LIMIT,
            Notice.LENGTH_LIMIT.text("en"),
        ),
        (
            StreamedAnswer(text="哈" * 3000, finish_reason="length"),
            Outcome.LENGTH_LIMIT,
            Notice.REPEATS.text("en"),
        ),
        (
            StreamedAnswer(reasoning="Hm.", finish_reason="length"),
            Outcome.EMPTY,
            Notice.THINKING_TOOK_ALL.text("en"),
        ),
        (
            StreamedAnswer(text="Half", finish_reason="content_filter"),
            KimiFailure("content_filtered"),
            Notice.FILTERED.text("en"),
        ),
        (
            StreamedAnswer(finish_reason="content_filter"),
            KimiFailure("content_filtered"),
            KimiContentFiltered.en,
        ),
        (
            StreamedAnswer(text="Half", finish_reason="other"),
            KimiFailure("stream_interrupted"),
            Notice.ENDED_EARLY.text("en"),
        ),
    ],
)
async def test_a_finished_stream(answer: StreamedAnswer, outcome: TurnOutcome, note: str) -> None:
    """Only "stop" and "tool_calls" are clean ends; every other end is told for what it is."""
    result = outcome_of(await ended(succeed()), answer, None, "en")
    assert (result.outcome, result.note) == (outcome, note)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (CancelReason.STOP, Outcome.STOPPED),
        (CancelReason.NEW, Outcome.STOPPED),
        (CancelReason.RETRY, Outcome.STOPPED),
        (CancelReason.INTERRUPT, Outcome.INTERRUPTED),
        (CancelReason.UNDELIVERABLE, Outcome.CHANNEL_CLOSED),
    ],
)
async def test_a_cancelled_stream_says_that_it_was_stopped(reason: CancelReason, outcome: Outcome) -> None:
    """The note is the same, the outcome says why."""
    task = await ended(asyncio.sleep(60), cancel=True)
    result = outcome_of(task, StreamedAnswer(text="One"), reason, "en")
    assert (result.outcome, result.note) == (outcome, Notice.STOPPED.text("en"))


async def test_an_interruption_before_the_first_text_has_no_note() -> None:
    """The next answer says it all."""
    task = await ended(asyncio.sleep(60), cancel=True)
    assert outcome_of(task, StreamedAnswer(), CancelReason.INTERRUPT, "en").note == ""


@pytest.mark.parametrize(
    ("error", "outcome", "in_note"),
    [
        (QuestionTooLong(), Outcome.QUESTION_TOO_LONG, Notice.TOO_LONG.text("en")),
        (
            FilesUnreadable([FileProblem(name="a.zip", fault=FileFault.UNSUPPORTED)]),
            Outcome.FILES_UNREADABLE,
            "a.zip",
        ),
        (KimiOverloaded("x"), KimiFailure("overloaded"), Notice.RETRY_HINT.text("en")),
    ],
)
async def test_an_error_becomes_an_outcome_with_a_note(
    error: Exception, outcome: TurnOutcome, in_note: str
) -> None:
    """In the person's language, without technical detail."""
    result = outcome_of(await ended(fail(error)), StreamedAnswer(), None, "en")
    assert result.outcome == outcome
    assert in_note in result.note


async def test_a_final_error_has_no_hint_to_retry() -> None:
    """A retry would not help."""
    result = outcome_of(await ended(fail(KimiQuotaExhausted("x"))), StreamedAnswer(), None, "en")
    assert Notice.RETRY_HINT.text("en") not in result.note


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (KimiOverloaded("x"), "warning"),
        (KimiQuotaExhausted("x"), "debug"),
        (KimiRateLimited("x", limit="tpd"), "debug"),
    ],
)
async def test_the_operator_reads_of_an_exhausted_account_once(error: KimiError, level: str) -> None:
    """The limiter logs it; each question adds only a debug entry."""
    with capture_logs() as logs:
        outcome_of(await ended(fail(error)), StreamedAnswer(), None, "en")
    assert [log["log_level"] for log in logs] == [level]


async def test_an_unknown_error_is_raised() -> None:
    """It is a defect of ours and must not pass for an answer."""
    with pytest.raises(ZeroDivisionError):
        outcome_of(await ended(fail(ZeroDivisionError())), StreamedAnswer(), None, "en")
