"""The answers that this process is writing."""

import asyncio

from core.domain.turn_states import CancelReason
from core.work_queue.active_answers import ActiveAnswers


async def test_an_answer_is_cancelled_with_its_first_reason() -> None:
    """Its task is cancelled, and later reasons change nothing."""
    answers = ActiveAnswers()
    answer = answers.register(1)
    answer.task = asyncio.create_task(asyncio.Event().wait())
    answers.cancel(1, CancelReason.STOP)
    answers.cancel(1, CancelReason.NEW)
    assert answer.cancel_reason is CancelReason.STOP
    await asyncio.wait({answer.task})
    assert answer.task.cancelled()


def test_an_answer_that_has_not_begun_is_marked() -> None:
    """A cancellation that comes before the request to Kimi is not lost."""
    answers = ActiveAnswers()
    answer = answers.register(1)
    answers.cancel(1, CancelReason.RETRY)
    assert answer.cancel_reason is CancelReason.RETRY


def test_an_answer_ends_only_itself() -> None:
    """An answer that ends late does not remove the next one of its conversation."""
    answers = ActiveAnswers()
    first = answers.register(1)
    second = answers.register(1)
    answers.remove(1, first)
    assert answers.get(1) is second
    assert (answers.conversation_ids(), len(answers)) == ([1], 1)
    answers.remove(1, second)
    assert (answers.get(1), len(answers)) == (None, 0)
    answers.cancel(1, CancelReason.STOP)
