"""People are told in private if nothing can be shown where they asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.delivery.dispatcher import DeliveryDispatcher
from core.domain.addresses import ChatType, Person
from core.domain.clock import Clock
from core.domain.errors import MessageRemoved
from core.domain.turn_states import Outcome
from core.store import Database
from core.testing.scripted_model import paced
from tests.core.answering.conftest import Answering
from tests.core.turns.conftest import Turns
from tests.stored_conversation import StoredConversation, group_chat

ANN, BOB = Person(id="7", name="Ann"), Person(id="8", name="Bob", language="zh")


@pytest.fixture
async def group_turns(virtual_database: Database, loop_clock: Clock) -> AsyncIterator[Turns]:
    """Turns of one conversation in a group."""
    dispatcher = DeliveryDispatcher(loop_clock)
    dispatcher.start()
    stored = await StoredConversation(virtual_database, group_chat()).create()
    yield Turns(Answering(loop_clock, stored, dispatcher))
    await dispatcher.close()


async def test_each_asker_is_told_once_in_their_language(group_turns: Turns) -> None:
    """Also those whose question Kimi was not asked; once is enough, we chose."""
    group_turns.build("one")
    chat = group_turns.chat
    group_turns.platform.failures.forbidden.add(chat.channel)
    for author, text in ((ANN, "first?"), (ANN, "again?"), (BOB, "为什么？")):
        await group_turns.receive(chat.message(text, author=author))
        await group_turns.run_all()
    (ann, to_ann), (bob, to_bob) = group_turns.private_messages.shown
    assert (ann, bob) == (ANN.id, BOB.id)
    assert "cannot be shown" in to_ann
    assert "first?" in to_ann
    assert "私聊" in to_bob
    assert len(group_turns.answering.model.requests) == 1


async def test_an_answer_that_a_moderator_removes_ends_and_is_told(group_turns: Turns) -> None:
    """We chose: it is not posted again, Kimi does not hear of it later, and the asker is told why."""
    group_turns.build(paced("one two three four five six", chars=4, interval_s=2.0), "two")
    screen, chat = group_turns.platform.screen, group_turns.chat
    await group_turns.receive(chat.message("first?", author=ANN))
    running = asyncio.create_task(group_turns.run_all())
    while not screen.texts:
        await group_turns.answering.clock.sleep(0.1)
    screen.messages.clear()
    group_turns.platform.fail_next(MessageRemoved("message_not_found"))
    assert await running == [Outcome.UNDELIVERED]
    assert (screen.texts, group_turns.answering.model.aborted) == ([], 1)
    ((_, told),) = group_turns.private_messages.shown
    assert "deleted there" in told
    assert "first?" in told
    await group_turns.receive(chat.message("second?", author=ANN))
    assert await group_turns.run_all() == [Outcome.COMPLETE]
    asked = group_turns.answering.model.requests[-1].messages
    assert not any("one" in str(message.content) for message in asked if message.role == "assistant")


async def test_a_person_who_cannot_be_told_costs_nothing(group_turns: Turns) -> None:
    """Telegram lets a bot write only to people who began: the turn ends all the same."""
    group_turns.build("one")
    group_turns.private_messages.refuses = True
    group_turns.platform.failures.forbidden.add(group_turns.chat.channel)
    await group_turns.receive(group_turns.chat.message("first?", author=ANN))
    assert await group_turns.run_all() == [Outcome.UNDELIVERED]


async def test_in_a_direct_conversation_there_is_no_other_way(turning: Turns) -> None:
    """Whoever blocked the bot is not written to again."""
    turning.build("one")
    turning.platform.failures.forbidden.add(turning.chat.channel)
    await turning.receive(turning.chat.message("first?"))
    await turning.run_all()
    assert turning.chat.chat_type is ChatType.DIRECT
    assert turning.private_messages.shown == []
