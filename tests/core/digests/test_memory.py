"""What the rule ``remember`` keeps of a chat, and when it goes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.access import Actor
from core.chat_policy import ChatRules
from core.digests.memory import ChatMemory
from core.domain.events import Mention
from core.store import chat_members, export, privacy, remembered, rules
from core.store.clock import utc_now
from tests.core.inbound.conftest import Inbound
from tests.event_builders import ANN, BOB, CARL, Chat, group_chat, picture, reply_to

pytestmark = pytest.mark.virtual_time

REMEMBER = timedelta(hours=24)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def chat(inbound: Inbound) -> Chat:
    """A group that keeps its messages and was told so."""
    inbound.configure(handlers=(ChatMemory(),))
    group = replace(group_chat(), now=utc_now())
    await set_rules(inbound, group, ChatRules(remember=REMEMBER))
    async with inbound.database.begin() as tx:
        await remembered.start(tx, group.key(), utc_now() - timedelta(days=2))
    return group


async def set_rules(inbound: Inbound, chat: Chat, made: ChatRules) -> None:
    """Set the rules of a chat."""
    place = {"platform": chat.platform, "tenant": chat.tenant, "channel": chat.channel}
    async with inbound.database.begin() as tx:
        await rules.save(tx, made, **place, changed_by="")


async def kept(inbound: Inbound, chat: Chat) -> list[str]:
    """Return the texts that are kept of a chat."""
    async with inbound.database.read() as tx:
        found = await remembered.load(tx, chat.key(), since=LONG_AGO, up_to=utc_now() + REMEMBER, limit=100)
    return [one.text for one in found]


async def test_every_message_of_people_is_kept_once_and_answered_as_before(
    inbound: Inbound, chat: Chat
) -> None:
    """What is for the bot and what is not; a file by its name, a reply without the words of the other."""
    overheard = chat.message("Lunch?", author=BOB)
    assert not await inbound.ingest(overheard)
    assert not await inbound.ingest(overheard)
    assert await inbound.ingest(chat.message("What is tea?", mention=Mention.BY_NAME))
    await inbound.ingest(chat.message("Yes", author=CARL, quoted=reply_to(overheard)))
    await inbound.ingest(chat.message("", attachments=(picture("menu.jpg"),)))
    assert await kept(inbound, chat) == ["Lunch?", "What is tea?", "Yes", "[attached: menu.jpg]"]
    assert await inbound.open_texts() == ["What is tea?"]


async def test_nothing_is_kept_before_the_chat_was_told_or_without_the_rule(
    inbound: Inbound, chat: Chat
) -> None:
    """The announcement comes first, and switching the rule off ends it at once."""
    untold = replace(chat, channel="-43")
    await set_rules(inbound, untold, ChatRules(remember=REMEMBER))
    await inbound.ingest(untold.message("secret", author=BOB))
    await set_rules(inbound, chat, ChatRules())
    await inbound.ingest(chat.message("secret", author=BOB))
    assert await kept(inbound, untold) == await kept(inbound, chat) == []


async def test_edits_and_deletions_change_what_is_kept(inbound: Inbound, chat: Chat) -> None:
    """Of a deleted message nothing stays."""
    first, second = chat.message("Friday", author=BOB), chat.message("private", author=BOB)
    for message in (first, second):
        await inbound.ingest(message)
    await inbound.ingest(chat.edit(first, "Saturday"))
    await inbound.ingest(chat.delete(second))
    assert await kept(inbound, chat) == ["Saturday"]


async def test_forget_export_and_retention_cover_what_is_kept(inbound: Inbound, chat: Chat) -> None:
    """A person's own messages are exported and deleted, with their count, and all go by age."""
    await inbound.ingest(chat.message("mine", author=BOB))
    await inbound.ingest(chat.message("hers", author=ANN))
    bob = Actor.at(chat.key(), BOB.id)
    async with inbound.database.begin() as tx:
        exported = [one async for one in export.export_person(tx, chat.platform, BOB.id)]
        gone = await privacy.forget_person(tx, bob, alias="x")
    assert [one["text"] for one in exported if one["kind"] == "remembered"] == ["mine"]
    assert (gone.remembered, await kept(inbound, chat)) == (1, ["hers"])
    async with inbound.database.begin() as tx:
        other = [(chat.platform, "another-bot")]
        await privacy.purge(tx, before=utc_now() + REMEMBER, tenants=other)
    assert await kept(inbound, chat) == ["hers"]
    async with inbound.database.begin() as tx:
        await privacy.purge(tx, before=utc_now() + REMEMBER, tenants=[(chat.platform, chat.tenant)])
    assert await kept(inbound, chat) == []


async def test_a_chat_with_a_new_id_begins_anew(inbound: Inbound, chat: Chat) -> None:
    """Ids of messages mean others in a supergroup, so that links would lead astray."""
    await inbound.ingest(chat.message("before", author=BOB))
    former = replace(chat)
    await inbound.ingest(chat.migrate("-100777"))
    await inbound.ingest(chat.message("after", author=BOB))
    assert await kept(inbound, chat) == ["after"]
    assert await kept(inbound, former) == []


async def test_who_comes_into_the_chat_is_recorded(inbound: Inbound, chat: Chat) -> None:
    """A digest for them begins there: the group may hide what was before."""
    await inbound.ingest(chat.join(CARL))
    async with inbound.database.read() as tx:
        member = await chat_members.get(tx, chat.key(), CARL.id)
    assert member.joined_at == chat.now
