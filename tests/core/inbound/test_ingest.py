"""What becomes of an event: stored once, woken, ignored, or refused to be acknowledged.

The intake of messages and commands has tests of its own beside this one; ``core/inbound/handler.py``
holds only types, which the tests of flood control and handoff use.
"""

import asyncio

import pytest
from sqlalchemy.event import listen

from core.access import AccessLists
from core.domain.command_names import CommandName
from core.domain.errors import StoreUnavailable
from core.domain.events import Event, Mention
from core.domain.queue import Lane
from core.inbound.handler import IGNORED, Handled
from core.observer import Observer
from core.store import Transaction
from core.store.event_context import EventContext
from tests.core.inbound.conftest import Inbound
from tests.event_builders import ANN, BOB, Chat, direct_chat, group_chat, redelivered, slack_channel

pytestmark = pytest.mark.virtual_time


async def test_a_new_question_is_stored_and_its_queue_woken(inbound: Inbound) -> None:
    """An event is committed before the sink returns, and its conversation's queue runs."""
    chat = direct_chat()
    assert await inbound.ingest(chat.message("Why is the sky blue?"))

    conversation = await inbound.conversation(chat)
    assert conversation is not None
    assert await inbound.open_texts() == ["Why is the sky blue?"]
    assert [(key.conversation_id, key.lane) for key in inbound.woken] == [(conversation.id, Lane.TURNS)]


async def test_a_redelivered_event_is_ignored(inbound: Inbound) -> None:
    """Platforms deliver an event again if they miss our acknowledgement (Slack: up to three times)."""
    chat = direct_chat()
    question = chat.message("Hello?")
    assert await inbound.ingest(question)
    assert not await inbound.ingest(redelivered(question))
    inbound.configure()  # as another replica, or after a restart
    assert not await inbound.ingest(redelivered(question))
    assert await inbound.open_texts() == ["Hello?"]


async def test_a_message_that_was_just_stored_is_known_without_a_query(inbound: Inbound) -> None:
    """Slack sends each mention twice, as ``app_mention`` and as ``message``."""
    question = slack_channel().message("Hello?", mention=Mention.BY_NAME)
    assert await inbound.ingest(question)
    queries: list[str] = []
    listen(
        inbound.database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: queries.append(statement),
    )
    assert not await inbound.ingest(redelivered(question))
    assert queries == []


async def test_what_a_client_sends_twice_is_one_question(inbound: Inbound) -> None:
    """Slack gives the second another id and the same client_msg_id; it holds over replicas and restarts."""
    chat = direct_chat()
    first = chat.message("Hello?", client_id="c1")
    assert await inbound.ingest(first)
    inbound.configure()  # as another replica, or after a restart
    assert not await inbound.ingest(chat.message("Hello?", client_id="c1"))
    assert not await inbound.ingest(redelivered(first))
    assert await inbound.ingest(chat.message("Hello?", client_id="c2"))
    assert await inbound.ingest(chat.message("Hello?"))
    assert await inbound.open_texts() == ["Hello?"] * 3


async def test_of_concurrent_deliveries_one_counts(inbound: Inbound) -> None:
    """Two deliveries of one event at the same moment make one question, whichever is stored first."""
    question = direct_chat().message("Hello?")
    results = await asyncio.gather(*(inbound.ingest(redelivered(question)) for _ in range(5)))
    assert sorted(results) == [False, False, False, False, True]
    assert await inbound.open_texts() == ["Hello?"]


async def test_a_store_that_fails_is_reported_to_the_adapter(inbound: Inbound) -> None:
    """Nothing is stored, so the event must not be acknowledged (we chose: at least once)."""

    async def fail(tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        raise StoreUnavailable("disk full")

    inbound.configure(handlers=[fail])
    with pytest.raises(StoreUnavailable):
        await inbound.ingest(direct_chat().message("Hello?"))
    assert await inbound.open_texts() == []


async def test_the_first_handler_that_takes_an_event_ends_its_way(inbound: Inbound) -> None:
    """Handlers are asked in order; what none takes goes to the conversation."""
    asked: list[str] = []

    async def pass_on(tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        asked.append("first")
        return None

    async def take(tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        asked.append("second")
        return IGNORED

    async def never(tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        asked.append("third")
        return None

    inbound.configure(handlers=[pass_on, take, never])
    assert not await inbound.ingest(direct_chat().message("Hello?"))
    assert asked == ["first", "second"]
    assert await inbound.open_texts() == []


async def test_a_person_who_is_not_allowed_leaves_no_words_behind(inbound: Inbound) -> None:
    """Of a denied person's event only its delivery id is stored, so that it is logged once."""
    inbound.configure(access=AccessLists(deny=frozenset({f"telegram:{BOB.id}"})))
    chat = direct_chat(BOB)
    assert not await inbound.ingest(chat.message("My secret", author=BOB))
    assert await inbound.conversation(chat) is None
    assert await inbound.open_texts() == []
    assert await inbound.ingest(direct_chat(ANN).message("Hello?"))


async def test_an_unreadable_event_is_recorded_and_skipped(inbound: Inbound) -> None:
    """An event that the adapter could not parse is stored once and blocks nothing."""
    event = direct_chat().unparsed()
    assert await inbound.ingest(event)
    assert not await inbound.ingest(event)
    assert inbound.woken == []


async def test_a_deleted_question_is_neither_answered_nor_remembered(inbound: Inbound) -> None:
    """What its author took back before it was answered leaves the queue and the history, once."""
    chat = direct_chat()
    question, other = chat.message("Hello?"), chat.message("And you?")
    await inbound.ingest(question)
    await inbound.ingest(other)
    deletion = chat.delete(question)
    assert await inbound.ingest(deletion)
    assert not await inbound.ingest(deletion)
    assert await inbound.open_texts() == ["And you?"]
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    assert [line.text for line in await inbound.history(conversation)] == ["And you?"]


async def test_the_deletion_of_an_unknown_message_is_ignored(inbound: Inbound) -> None:
    """Most deleted messages were never stored."""
    chat = direct_chat()
    assert not await inbound.ingest(chat.delete(chat.message("Hello?")))


async def test_the_observer_counts_every_event(inbound: Inbound) -> None:
    """Each event is counted as new, ignored, or failed and to be delivered again."""
    results: list[str] = []

    class Recorder(Observer):
        def event_received(self, event: Event, *, result: str, duration_s: float) -> None:
            results.append(result)

    async def fail_commands(tx: Transaction, event: Event, context: EventContext) -> Handled | None:
        if event.delivery_id == command.delivery_id:
            raise StoreUnavailable("disk full")
        return None

    inbound.configure(observer=Recorder(), handlers=[fail_commands])
    chat: Chat = direct_chat()
    question, command = chat.message("Hello?"), chat.command(CommandName.HELP)
    await inbound.ingest(question)
    await inbound.ingest(redelivered(question))
    with pytest.raises(StoreUnavailable):
        await inbound.ingest(command)
    assert results == ["new", "ignored", "failed"]


async def test_talk_in_a_group_without_the_bot_is_not_stored(inbound: Inbound) -> None:
    """A message that addresses nobody in a conversation the bot is not in leaves nothing behind."""
    chat = group_chat()
    assert not await inbound.ingest(chat.message("Lunch?"))
    assert await inbound.open_texts() == []
    assert await inbound.ingest(chat.message("@bot lunch?", mention=Mention.BY_NAME))
