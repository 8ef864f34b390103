"""Summaries are made chunk by chunk, and stored only if nothing has changed meanwhile."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from core.domain.turn_states import CallPurpose
from core.kimi import KimiContentFiltered, KimiContextTooLong, KimiOverloaded
from core.ports.chat_model import Requester
from core.prompting.generation_options import build_generation_options
from core.prompting.summarizer import Compaction
from core.store import conversations, schema, summaries
from core.store.summaries import Summary
from core.testing.scripted_model import Delay
from tests.core.prompting.conftest import MODEL
from tests.stored_conversation import StoredConversation

pytestmark = pytest.mark.virtual_time

LONG = "word " * 400  #: some 560 estimated tokens


async def order(conversation: StoredConversation, exchanges: int, **changes: Any) -> Compaction:
    """Store so many exchanges; return the order to summarize all but the last."""
    for number in range(exchanges):
        turn = await conversation.exchange(f"{number} {LONG}", "Yes.")
    compaction = Compaction(
        conversation=conversation.conversation,
        turn=turn,
        options=build_generation_options(MODEL, reply_tokens=1_000),
        system="You are Kimi.",
        token_ratio=1.0,
        last_compactable_seq=turn.seq - 1,
        up_to_seq=turn.seq - 1,
        keep_tokens=0,
        keep_messages=0,
        requester=Requester(person="ann"),
    )
    return replace(compaction, **changes)


async def latest(conversation: StoredConversation) -> Summary | None:
    """Return the newest usable summary."""
    async with conversation.database.read() as tx:
        return await summaries.get_latest(tx, await conversation.reload())


async def test_each_chunk_continues_the_summary_of_the_one_before(
    prompting: Any, conversation: StoredConversation
) -> None:
    """A version is stored for each chunk, so a crash loses one chunk's work at most."""
    await prompting.build("First.", "All.")
    assert await prompting.summarizer.start(await order(conversation, 8))
    summary = await latest(conversation)
    assert summary is not None
    assert summary.text == "All."
    assert summary.messages == 14  # seven exchanges
    assert summary.version == len(prompting.model.requests) == 2
    assert "First." in str(prompting.model.requests[1].messages[1].content)


async def test_what_it_costs_is_counted_for_the_turn(
    prompting: Any, conversation: StoredConversation
) -> None:
    """Each request is a usage row with the purpose "summary" that is in nobody's quota."""
    await prompting.build(*["Short."] * 3)
    compaction = await order(conversation, 4)
    await prompting.summarizer.start(compaction)
    async with conversation.database.read() as tx:
        rows = (await tx.execute(select(schema.usage))).all()
    assert {row.purpose for row in rows} == {CallPurpose.SUMMARY}
    assert {(row.turn_id, row.person_id) for row in rows} == {(compaction.turn.id, "")}
    assert len(rows) == len(prompting.model.requests)


async def test_at_most_one_summary_of_a_conversation_is_made_at_a_time(
    prompting: Any, conversation: StoredConversation
) -> None:
    """A second order joins the first."""
    await prompting.build(*[(Delay(1), "Short.")] * 3)
    compaction = await order(conversation, 3)
    first = prompting.summarizer.start(compaction)
    assert prompting.summarizer.start(compaction) is first
    await prompting.summarizer.wait_until_idle()
    assert first.result() is True


async def test_chunks_that_kimi_finds_too_long_are_halved(
    prompting: Any, conversation: StoredConversation
) -> None:
    """The estimate was wrong; smaller chunks are tried, three times at most."""
    too_long = (KimiContextTooLong("HTTP 400"),)
    await prompting.build(too_long, *["Short."] * 9)
    assert await prompting.summarizer.start(await order(conversation, 5))
    await prompting.build(*[too_long] * 9)
    with capture_logs() as logs:
        assert not await prompting.summarizer.start(await order(conversation, 5))
    assert len(prompting.model.requests) == 4
    assert logs[-1]["event"] == "summary.failed"


async def test_an_empty_summary_counts_as_too_long(prompting: Any, conversation: StoredConversation) -> None:
    """Thinking used up the reply; a smaller chunk may leave room."""
    await prompting.build("  ", *["Short."] * 9)
    assert await prompting.summarizer.start(await order(conversation, 3))


async def test_filtered_messages_are_named_and_left_out(
    prompting: Any, conversation: StoredConversation
) -> None:
    """One unsafe message must not end the summaries of a conversation for ever."""
    await prompting.build(*[(KimiContentFiltered("HTTP 400"),)] * 3)
    assert await prompting.summarizer.start(await order(conversation, 2))
    summary = await latest(conversation)
    assert summary is not None
    assert "could not be summarised" in summary.text


async def test_a_summary_of_messages_that_were_forgotten_is_not_stored(
    prompting: Any, conversation: StoredConversation
) -> None:
    """A person who clears the history while Kimi writes loses nothing to a later summary."""
    gate = asyncio.Event()
    await prompting.build((gate, "They talked."))
    compaction = await order(conversation, 2)
    task = prompting.summarizer.start(compaction)
    async with conversation.database.begin() as tx:
        await conversations.set_history_cutoff(tx, conversation.conversation.id, compaction.turn.seq)
    gate.set()
    assert await task is False
    assert await latest(conversation) is None


async def test_a_failure_is_logged_and_tried_again_with_the_next_order(
    prompting: Any, conversation: StoredConversation
) -> None:
    """The question goes on without a summary."""
    await prompting.build((KimiOverloaded("HTTP 429"),), "Short.")
    compaction = await order(conversation, 2)
    with capture_logs() as logs:
        assert not await prompting.summarizer.start(compaction)
    assert logs[-1] == {
        "event": "summary.failed",
        "log_level": "warning",
        "conversation": compaction.conversation.id,
        "code": "overloaded",
        "error": "HTTP 429",
    }
    assert await prompting.summarizer.start(compaction)


async def test_closing_cancels_what_is_being_written(
    prompting: Any, conversation: StoredConversation
) -> None:
    """A process that stops does not wait for Kimi."""
    await prompting.build((Delay(600), "Late."))
    task = prompting.summarizer.start(await order(conversation, 2))
    await prompting.clock.sleep(1)
    await prompting.summarizer.close()
    assert task.cancelled()
    assert prompting.model.aborted == 1
    assert prompting.clock.time() == 1
