"""What the store holds on an event is found by one look as it comes in."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.access import Actor
from core.access.flood_limits import FloodCounter
from core.chat_policy import ChatRules
from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.events import Mention, MessageReceived
from core.domain.handoff_state import HandoffReason, HandoffState
from core.domain.message_content import ReplyContext
from core.domain.queue import EventStatus, Lane
from core.store import (
    Database,
    blocked_people,
    conversations,
    event_context,
    flood_counters,
    handoffs,
    inbox,
    rules,
)
from core.store.conversations import Conversation
from core.store.event_context import EventContext
from core.store.handoffs import DeskRoom

KEY = ThreadKey(platform="telegram", tenant="1", channel="42", thread="")
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
BOB = Person(id="7", name="Bob")
SAID = MessageReceived(
    delivery_id="m1",
    message_id="1",
    address=Address(key=KEY),
    author=BOB,
    text="hello",
    sent_at=NOW,
    chat_type=ChatType.GROUP,
    mention=Mention.BY_NAME,
)


async def look(database: Database, event: MessageReceived = SAID) -> EventContext:
    """Return what is held on an event."""
    async with database.read() as tx:
        return await event_context.load_event_context(tx, event)


async def talk(database: Database, key: ThreadKey = KEY) -> Conversation:
    """Make a conversation."""
    async with database.begin() as tx:
        return await conversations.get_or_create(tx, key, ChatType.GROUP)


async def hand_over(database: Database, conversation: Conversation, *, thread: str = "") -> None:
    """Hand a conversation over to a desk."""
    async with database.begin() as tx:
        handover = await handoffs.add(
            tx,
            conversation_id=conversation.id,
            state=HandoffState.WAITING,
            reason=HandoffReason.CUSTOMER,
            customer=BOB,
            language="en",
            address=Address(key=conversation.key),
            desk_room=DeskRoom(platform="telegram", channel="-100"),
            now=NOW,
            due_at=None,
        )
        await handoffs.set_desk_thread(tx, handover.id, thread=thread, ticket=())


async def test_an_empty_store_holds_nothing(database: Database) -> None:
    """The first event of all meets nothing."""
    assert await look(database) == EventContext(chat_type=ChatType.GROUP)


async def test_a_delivery_is_known_again(database: Database) -> None:
    """An event that was stored is seen, of the same tenant only."""
    async with database.begin() as tx:
        await inbox.add(tx, SAID, conversation_id=None, lane=Lane.TURNS, status=EventStatus.RECORDED)
    assert (await look(database)).is_duplicate
    assert not (
        await look(database, replace(SAID, address=Address(key=replace(KEY, tenant="2"))))
    ).is_duplicate


@pytest.mark.parametrize(("channel", "blocked"), [("", True), ("42", True), ("43", False)])
async def test_a_block_stands_where_it_was_set(database: Database, channel: str, blocked: bool) -> None:
    """Who is blocked everywhere or here is, who is blocked elsewhere is not."""
    async with database.begin() as tx:
        await blocked_people.block(tx, platform="telegram", person_id="7", channel=channel)
    assert (await look(database)).is_blocked is blocked


@pytest.mark.parametrize(("tenant", "blocked"), [("", True), (KEY.tenant, True), ("another", False)])
async def test_a_block_belongs_to_a_team_or_bot(database: Database, tenant: str, blocked: bool) -> None:
    """A block by one bot's chat says nothing to another bot; one by the operator holds for all of them."""
    async with database.begin() as tx:
        await blocked_people.block(tx, platform="telegram", tenant=tenant, person_id="7", channel="42")
    assert (await look(database)).is_blocked is blocked


async def test_rules_count_in_groups(database: Database) -> None:
    """A chat's rules are told; by them the bot speaks in groups only."""
    own = ChatRules(welcome="Hi {name}")
    async with database.begin() as tx:
        await rules.save(tx, own, platform="telegram", tenant="", channel="42", changed_by="")
    found = await look(database)
    assert (found.rules, found.group_rules) == (own, own)
    direct = await look(database, replace(SAID, chat_type=ChatType.DIRECT))
    assert (direct.rules, direct.group_rules) == (own, None)


async def test_how_somebody_asked_lately_is_told(database: Database) -> None:
    """The pace comes with the time since when it stands, and may be swapped from there once."""
    who = Actor.at(KEY, "7")
    pace = FloodCounter(recent=((1.0, "a"),))
    async with database.begin() as tx:
        await flood_counters.lock(tx, who)
        assert await flood_counters.save(tx, who, pace)
    found = (await look(database)).flood
    assert found is not None
    assert found.counter == pace
    async with database.begin() as tx:
        assert await flood_counters.save(tx, who, FloodCounter(), unchanged_since=found.updated_at)
        assert not await flood_counters.save(tx, who, pace, unchanged_since=found.updated_at)


async def test_a_reply_goes_on_with_the_conversation_it_replies_to(database: Database) -> None:
    """The conversation of the event's own key and that of the message replied to are both told."""
    own, other = await talk(database), await talk(database, replace(KEY, thread="person:1"))
    async with database.begin() as tx:
        await conversations.save_ref(tx, KEY, "9", other.id, None)
    reply = replace(
        SAID, threads_by_reply=True, quoted=ReplyContext(message_id="9", author="", text="", by_bot=True)
    )
    found = await look(database, reply)
    assert (found.conversation, found.replied_conversation) == (own, other)


async def test_a_handover_is_noticed_wherever_it_may_matter(database: Database) -> None:
    """Under way in the room, at the desk's thread, and once ended in the very conversation."""
    theirs = await talk(database, replace(KEY, thread="person:1"))
    assert not (await look(database)).may_concern_handoff
    await hand_over(database, theirs, thread="55")
    at_desk = replace(KEY, channel="-100", thread="55")
    assert (await look(database)).may_concern_handoff
    assert (await look(database, replace(SAID, address=Address(key=at_desk)))).may_concern_handoff
    elsewhere = replace(KEY, channel="-100", thread="56")
    assert not (await look(database, replace(SAID, address=Address(key=elsewhere)))).may_concern_handoff
    async with database.begin() as tx:
        await tx.exec_driver_sql("UPDATE handoffs SET ended_at = requested_at")
    assert not (await look(database)).may_concern_handoff
    assert (await look(database, replace(SAID, address=Address(key=theirs.key)))).may_concern_handoff
