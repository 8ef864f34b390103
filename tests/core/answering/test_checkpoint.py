"""Running answers are stored now and then, and once more when the process stops."""

import asyncio

import pytest
from structlog.testing import capture_logs

from core.answering.checkpoint import MAX_SAVES_PER_S, Checkpoints
from core.domain.clock import Clock
from core.domain.turn_states import CancelReason
from core.llm.streamed_answer import StreamedAnswer
from core.store import Database, turns
from core.store.turns import Turn
from core.work_queue.active_answers import ActiveAnswer
from tests.stored_conversation import StoredConversation

pytestmark = pytest.mark.virtual_time


@pytest.fixture
async def conversation(virtual_database: Database) -> StoredConversation:
    """An empty conversation."""
    return await StoredConversation(virtual_database).create()


async def partial(database: Database, turn: Turn) -> str:
    """Return the stored text of a turn."""
    async with database.read() as tx:
        stored = await turns.get(tx, turn.id)
    assert stored is not None
    return stored.partial


async def test_text_is_stored_at_every_interval(conversation: StoredConversation, loop_clock: Clock) -> None:
    """A crash loses one interval's text at most."""
    database, answer = conversation.database, StreamedAnswer(text="One")
    turn = await conversation.ask("Count.")
    task = asyncio.create_task(
        Checkpoints(database, loop_clock, interval_s=2).run(turn, answer, ActiveAnswer())
    )
    await loop_clock.sleep(2.5)
    assert await partial(database, turn) == ""  # nothing new since the start
    answer.text += " two"
    await loop_clock.sleep(2)
    assert await partial(database, turn) == "One two"
    task.cancel()


async def test_many_answers_are_stored_less_often(
    conversation: StoredConversation, loop_clock: Clock
) -> None:
    """All answers together take so many writes a second at most."""
    checkpoints = Checkpoints(conversation.database, loop_clock, interval_s=0.1)
    count = int(MAX_SAVES_PER_S)  # each of them once a second then
    answers = [StreamedAnswer() for _ in range(count)]
    tasks = [
        asyncio.create_task(checkpoints.run(await conversation.ask("Count."), answer, ActiveAnswer()))
        for answer in answers
    ]
    for answer in answers:
        answer.text = "One"
    await loop_clock.sleep(0.9)
    assert [text for _, text in await conversation.messages()] == ["Count."] * count
    for task in tasks:
        task.cancel()


async def test_an_answer_whose_turn_is_lost_is_cancelled(
    conversation: StoredConversation, loop_clock: Clock
) -> None:
    """Its worker was thought dead, and another one has claimed the turn."""
    turn, running, answer = await conversation.ask("Count."), ActiveAnswer(), StreamedAnswer()
    task = asyncio.create_task(
        Checkpoints(conversation.database, loop_clock, interval_s=2).run(turn, answer, running)
    )
    await conversation.claim(turn.seq)
    answer.text = "One"
    await loop_clock.sleep(3)
    assert running.cancel_reason is CancelReason.LEASE_LOST
    assert task.done()


async def test_the_last_text_is_flushed_unless_the_turn_is_lost(
    conversation: StoredConversation, loop_clock: Clock
) -> None:
    """A failure to store it is no reason not to stop."""
    checkpoints = Checkpoints(conversation.database, loop_clock, interval_s=2)
    turn = await conversation.ask("Count.")
    await checkpoints.flush(turn, StreamedAnswer(text="One two"))
    assert await partial(conversation.database, turn) == "One two"
    await conversation.claim(turn.seq)
    with capture_logs() as logs:
        await checkpoints.flush(turn, StreamedAnswer(text="One two three"))
    assert await partial(conversation.database, turn) == "One two"
    assert [log["event"] for log in logs] == ["answer.flush_failed"]


async def test_a_store_that_fails_is_tried_again_at_the_next_interval(
    conversation: StoredConversation, loop_clock: Clock
) -> None:
    """The answer goes on; the log says that it is not stored."""
    turn, answer = await conversation.ask("Count."), StreamedAnswer()
    task = asyncio.create_task(
        Checkpoints(conversation.database, loop_clock, interval_s=2).run(turn, answer, ActiveAnswer())
    )
    async with conversation.database.begin() as tx:
        await tx.exec_driver_sql("ALTER TABLE turns RENAME TO lost")
    answer.text = "One"
    with capture_logs() as logs:
        await loop_clock.sleep(3)
    async with conversation.database.begin() as tx:
        await tx.exec_driver_sql("ALTER TABLE lost RENAME TO turns")
    await loop_clock.sleep(2)
    assert [log["event"] for log in logs] == ["answer.checkpoint_failed"]
    assert await partial(conversation.database, turn) == "One"
    task.cancel()
