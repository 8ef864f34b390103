"""The inbox keeps every event once, in order, and gives it back as it was."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.errors import DuplicateEvent, LeaseLost, StoreUnavailable
from core.domain.events import Mention, MessageReceived
from core.domain.message_content import ReplyContext
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import Outcome
from core.store import Database, conversations, inbox, turns
from core.store.event_codec import decode, encode

KEY = ThreadKey(platform="telegram", tenant="1", channel="42", thread="")
SAID = MessageReceived(
    delivery_id="msg:42:1",
    message_id="1",
    address=Address(key=KEY, details={"chat": "private"}),
    author=Person(id="7", name="Bob", language="en"),
    text="Why is the sky blue?",
    sent_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    chat_type=ChatType.DIRECT,
    mention=Mention.DIRECT,
    quoted=ReplyContext(message_id="0", author="Ann", text="天空", by_bot=False),
)


async def store(database: Database, event: MessageReceived) -> int:
    """Add an event to the inbox of its conversation."""
    async with database.begin() as tx:
        conversation = await conversations.get_or_create(tx, event.address.key, event.chat_type)
        return await inbox.add(
            tx,
            event,
            conversation_id=conversation.id,
            lane=Lane.TURNS,
            status=EventStatus.OPEN,
        )


async def test_a_redelivered_event_is_stored_once(database: Database) -> None:
    """The second delivery of an event is refused and adds no row."""
    await store(database, SAID)
    with pytest.raises(DuplicateEvent):
        await store(database, SAID)
    async with database.read() as tx:
        assert await inbox.queue_depth(tx) == (1, pytest.approx(0, abs=60))


async def test_the_same_delivery_id_of_another_bot_is_another_event(database: Database) -> None:
    """Delivery ids are unique within one tenant only."""
    first = await store(database, SAID)
    elsewhere = replace(SAID, address=Address(key=replace(KEY, tenant="2")))
    async with database.begin() as tx:
        other = await inbox.add(
            tx,
            elsewhere,
            conversation_id=None,
            lane=Lane.TURNS,
            status=EventStatus.OPEN,
        )
    assert other != first


async def test_open_events_come_back_as_they_went_in_and_in_order(database: Database) -> None:
    """What is read from the inbox equals what was stored, oldest first."""
    second = replace(SAID, delivery_id="msg:42:2", message_id="2", text="再问一个")
    await store(database, SAID)
    await store(database, second)
    async with database.read() as tx:
        (work,) = await inbox.load_open_queues(tx)
        items = await inbox.load_open_items(tx, work, limit=10)
    assert [item.event for item in items] == [SAID, second]


def test_a_payload_of_an_unknown_kind_is_refused() -> None:
    """A kind of event from another version is an error, not a guess."""
    with pytest.raises(ValueError, match="unknown kind"):
        decode(encode(SAID) | {"kind": "Teleported"})


def test_an_event_in_another_format_is_refused() -> None:
    """A version of the stored format that this program does not know is an error, not a guess."""
    with pytest.raises(ValueError, match="unknown version"):
        decode(encode(SAID) | {"version": 2})


async def test_an_event_of_another_version_is_handed_out_as_unparsed(database: Database) -> None:
    """A stored event that cannot be decoded does not block those behind it."""
    from sqlalchemy import update

    from core.store import schema

    first = await store(database, SAID)
    await store(database, replace(SAID, delivery_id="msg:42:2", message_id="2"))
    async with database.begin() as tx:
        await tx.execute(
            update(schema.inbox)
            .where(schema.inbox.c.id == first)
            .values(event={"version": 1, "kind": "Teleported"})
        )
        (work,) = await inbox.load_open_queues(tx)
        items = await inbox.load_open_items(tx, work, limit=10)
    assert [type(item.event).__name__ for item in items] == ["UnparsedEvent", "MessageReceived"]


async def test_a_later_run_fences_the_earlier_one(database: Database) -> None:
    """A worker whose turn was taken over can write nothing more."""
    seq = await store(database, SAID)
    async with database.begin() as tx:
        conversation = await conversations.get_or_create(tx, KEY, ChatType.DIRECT)
        first = await turns.claim(tx, conversation_id=conversation.id, inbox_id=seq, seq=seq, asker_id="7")
        second = await turns.claim(tx, conversation_id=conversation.id, inbox_id=seq, seq=seq, asker_id="7")
    assert (first.attempt, second.attempt) == (1, 2)
    with pytest.raises(LeaseLost):
        async with database.begin() as tx:
            await turns.save_answer(tx, first, text="stale", outcome=Outcome.COMPLETE)
    async with database.begin() as tx:
        await turns.save_answer(tx, second, text="fresh", outcome=Outcome.COMPLETE)
        latest = await turns.get_latest(tx, conversation.id)
    assert latest is not None
    assert latest.partial == "fresh"


async def test_dropping_what_waits_spares_what_runs(database: Database) -> None:
    """`/new` takes back the waiting questions, not the one being answered."""
    first = await store(database, SAID)
    await store(database, replace(SAID, delivery_id="msg:42:2", message_id="2"))
    async with database.begin() as tx:
        conversation = await conversations.get_or_create(tx, KEY, ChatType.DIRECT)
        assert first is not None
        assert await inbox.drop_open(tx, conversation.id, except_ids=[first]) == 1
        items = await inbox.load_open_items(tx, QueueKey(conversation.id, Lane.TURNS), limit=10)
    assert [item.id for item in items] == [first]


async def test_an_unreachable_database_is_one_kind_of_error() -> None:
    """Whatever the driver raises, callers see StoreUnavailable and no words of people."""
    database = Database("postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(StoreUnavailable) as caught:
        await store(database, SAID)
    assert "sky" not in str(caught.value)
    await database.close()
