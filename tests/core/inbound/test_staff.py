"""Who counts as staff: by rules, by the deployment's admins, and by what the platform says, cached."""

import asyncio
from dataclasses import dataclass, field

import pytest

from core.access import AccessLists, Actor
from core.chat_policy import ChatRules
from core.domain.addresses import Person
from core.domain.command_names import CommandName
from core.inbound.staff import PLATFORM_TIMEOUT_S, STAFF_TTL_S, StaffDirectory
from core.store import Database, conversations, rules
from core.store.conversations import Conversation
from tests.event_builders import ANN, BOB, CARL, Chat, direct_chat, group_chat
from tests.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time


@dataclass
class FakeMembers:
    """A platform that knows admins and user groups, and answers after ``delay_s``."""

    clock: LoopClock
    admins: set[str] = field(default_factory=set)
    groups: dict[str, set[str]] = field(default_factory=dict)
    delay_s: float = 0.1
    lookups: int = 0

    async def is_admin(self, channel: str, person_id: str) -> bool:
        """Return whether a person is among ``admins``."""
        self.lookups += 1
        await self.clock.sleep(self.delay_s)
        return person_id in self.admins

    async def in_group(self, group: str, person_id: str) -> bool:
        """Return whether a person is in one of ``groups``."""
        self.lookups += 1
        await self.clock.sleep(self.delay_s)
        return person_id in self.groups.get(group, set())


@pytest.fixture
def members(loop_clock: LoopClock) -> FakeMembers:
    """The people that the platform knows."""
    return FakeMembers(loop_clock)


@pytest.fixture
def staff(virtual_database: Database, loop_clock: LoopClock, members: FakeMembers) -> StaffDirectory:
    """A directory of a deployment that has Carl as its admin."""
    access = AccessLists(admins=frozenset({f"telegram:{CARL.id}"}))
    return StaffDirectory(virtual_database, loop_clock, access=access, members={"telegram": members})


async def set_rules(database: Database, chat: Chat, made: ChatRules) -> None:
    """Give a chat rules."""
    async with database.begin() as tx:
        await rules.save(
            tx, made, platform=chat.platform, tenant="", channel=chat.channel, changed_by=CARL.id
        )


def actor(chat: Chat, person: Person) -> Actor:
    """Return a person in a chat."""
    return Actor.at(chat.key(), person.id)


async def test_without_rules_nobody_is_staff(staff: StaffDirectory, members: FakeMembers) -> None:
    """A chat without rules has no staff, and the platform is not asked."""
    assert not await staff.is_from_staff(group_chat().message("Hello", author=CARL))
    assert members.lookups == 0


async def test_staff_is_who_the_rules_name(virtual_database: Database, staff: StaffDirectory) -> None:
    """By id, and for as long as the cache holds also for those who may not ask the platform."""
    chat = group_chat()
    await set_rules(virtual_database, chat, ChatRules(staff=(ANN.id,)))
    assert await staff.is_from_staff(chat.message("Hello", author=ANN))
    assert not await staff.is_from_staff(chat.message("Hello", author=BOB))
    assert staff.is_cached_staff(actor(chat, ANN))
    assert not staff.is_cached_staff(actor(chat, BOB))


async def test_the_cache_forgets_staff(
    virtual_database: Database, staff: StaffDirectory, loop_clock: LoopClock
) -> None:
    """A person counts as staff for a minute after they were found to be."""
    chat = group_chat()
    await set_rules(virtual_database, chat, ChatRules(staff=(ANN.id,)))
    await staff.is_from_staff(chat.message("Hello", author=ANN))
    await loop_clock.sleep(STAFF_TTL_S - 1)
    assert staff.is_cached_staff(actor(chat, ANN))
    await loop_clock.sleep(2)
    assert not staff.is_cached_staff(actor(chat, ANN))


async def test_who_is_staff_no_longer_is_out_of_the_cache(
    virtual_database: Database, staff: StaffDirectory, loop_clock: LoopClock
) -> None:
    """Rules that change count within a second, and a message of the person clears the cache."""
    chat = group_chat()
    await set_rules(virtual_database, chat, ChatRules(staff=(ANN.id,)))
    assert await staff.is_from_staff(chat.message("Hello", author=ANN))
    await set_rules(virtual_database, chat, ChatRules(staff=(BOB.id,)))
    await loop_clock.sleep(1.1)
    assert not await staff.is_from_staff(chat.message("Hello", author=ANN))
    assert not staff.is_cached_staff(actor(chat, ANN))


async def test_admins_of_the_chat_and_members_of_groups_are_staff(
    virtual_database: Database, staff: StaffDirectory, members: FakeMembers
) -> None:
    """The platform says who administers a chat and who is in a Slack user group."""
    chat = group_chat()
    await set_rules(virtual_database, chat, ChatRules(staff_groups=("@support",)))
    members.admins, members.groups = {ANN.id}, {"@support": {BOB.id}}
    assert await staff.is_from_staff(chat.message("Hello", author=ANN))
    assert await staff.is_from_staff(chat.message("Hello", author=BOB))
    assert await staff.is_from_staff(chat.message("Hello", author=CARL))  # admin of the deployment


async def test_a_platform_that_does_not_answer_makes_nobody_staff(
    virtual_database: Database, staff: StaffDirectory, members: FakeMembers, loop_clock: LoopClock
) -> None:
    """The acknowledgement of an event waits for the lookup, so it gets two seconds (we chose)."""
    chat = group_chat()
    await set_rules(virtual_database, chat, ChatRules())
    members.admins, members.delay_s = {ANN.id}, 60.0
    before = loop_clock.time()
    assert not await staff.is_from_staff(chat.message("Hello", author=ANN))
    assert loop_clock.time() - before == pytest.approx(PLATFORM_TIMEOUT_S)


async def test_a_staff_command_is_a_command_and_its_author_is_cached(
    staff: StaffDirectory, members: FakeMembers
) -> None:
    """/take of a chat's admin is no message to a customer; its handler asks the cache, also without rules."""
    chat = group_chat()
    members.admins = {ANN.id}
    assert not await staff.is_from_staff(chat.command(CommandName.TAKE, author=ANN))
    assert staff.is_cached_staff(actor(chat, ANN))
    assert not await staff.is_from_staff(chat.command(CommandName.HELP, author=BOB))
    assert not staff.is_cached_staff(actor(chat, BOB))


async def test_simultaneous_messages_read_the_rules_once(
    virtual_database: Database, staff: StaffDirectory
) -> None:
    """A busy group costs one read of its rules a second."""
    chat = group_chat()
    await set_rules(virtual_database, chat, ChatRules(staff=(ANN.id,)))
    found = await asyncio.gather(*(staff.is_from_staff(chat.message(f"{n}", author=ANN)) for n in range(20)))
    assert all(found)


async def conversation_of(database: Database, chat: Chat) -> Conversation:
    """Return a chat's conversation."""
    async with database.begin() as tx:
        return await conversations.get_or_create(tx, chat.key(), chat.chat_type)


async def test_in_a_direct_chat_only_the_deployments_admins_are_staff(
    virtual_database: Database, staff: StaffDirectory, members: FakeMembers
) -> None:
    """Everybody administers their own chat with the bot; that gives no rights."""
    members.admins = {ANN.id}
    conversation = await conversation_of(virtual_database, direct_chat())
    assert not await staff.is_staff_in(conversation, ANN.id)
    assert await staff.is_staff_in(conversation, CARL.id)
    group = await conversation_of(virtual_database, group_chat())
    assert await staff.is_staff_in(group, ANN.id)
    assert not await staff.is_staff_in(group, BOB.id)
