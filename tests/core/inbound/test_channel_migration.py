"""A group that becomes a supergroup, or a channel that is shared: what was stored goes on there."""

import asyncio

import pytest

from core.access import AccessLists, Actor
from core.chat_policy import ChatRules
from core.domain.errors import StoreUnavailable
from core.domain.events import Mention
from core.store import Transaction, blocked_people, channel_moves, chat_members, rules
from tests.core.inbound.conftest import Inbound
from tests.event_builders import BOB, group_chat, slack_channel

pytestmark = pytest.mark.virtual_time


async def test_everything_of_a_channel_follows_to_its_new_id(inbound: Inbound) -> None:
    """Conversations, rules, members and blocks keep their effect (Slack: ``channel_id_changed``)."""
    chat = slack_channel()
    old, platform = chat.channel, chat.platform
    async with inbound.database.begin() as tx:
        await rules.save(tx, ChatRules(strict=True), platform=platform, tenant="", channel=old, changed_by="")
        await blocked_people.block(tx, platform=platform, person_id=BOB.id, channel=old)
    question = chat.message("one", mention=Mention.BY_NAME)
    await inbound.ingest(question)

    migration = chat.migrate("C2")
    assert await inbound.ingest(migration)
    assert not await inbound.ingest(migration)

    await inbound.ingest(chat.message("two", thread=question.message_id))
    assert len({key.conversation_id for key in inbound.woken}) == 1
    async with inbound.database.read() as tx:
        found = await rules.load(tx, chat.key())
        member = await chat_members.get(tx, chat.key(), question.author.id)
        block = await blocked_people.get_block(tx, Actor.at(chat.key(), BOB.id))
    assert found is not None
    assert found.strict
    assert member.conversation_id is not None
    assert block is not None


@pytest.mark.parametrize("restarted", [False, True])
async def test_allow_and_deny_follow_a_group_to_its_new_id(inbound: Inbound, *, restarted: bool) -> None:
    """A denied group does not get in, and an allowed one is not shut out, by becoming a supergroup."""
    allowed, denied = group_chat(), group_chat()
    allowed.channel, denied.channel = "-555", "-666"
    lists = {"allow": frozenset({"telegram:-555", "telegram:-666"}), "deny": frozenset({"telegram:-666"})}
    inbound.configure(access=AccessLists(**lists))
    for chat, new_channel in ((allowed, "-100555"), (denied, "-100666")):
        await inbound.ingest(chat.migrate(new_channel))
    if restarted:
        inbound.configure(access=AccessLists(**lists))
    assert await inbound.ingest(allowed.message("hello", mention=Mention.BY_NAME))
    assert not await inbound.ingest(denied.message("hello", mention=Mention.BY_NAME))
    stranger = group_chat()
    stranger.channel = "-100777"
    assert not await inbound.ingest(stranger.message("hello", mention=Mention.BY_NAME))


async def test_moves_are_known_to_each_of_the_first_events(inbound: Inbound) -> None:
    """Of events that arrive together after a restart, none is decided on before the moves are read."""
    group = group_chat()
    group.channel = "-555"
    await inbound.ingest(group.migrate("-100555"))
    inbound.configure(access=AccessLists(allow=frozenset({"telegram:-555"})))
    messages = [group.message(f"hello {number}", mention=Mention.BY_NAME) for number in range(3)]
    assert await asyncio.gather(*(inbound.ingest(message) for message in messages)) == [True] * 3


async def test_moves_are_read_again_after_a_failure(
    inbound: Inbound, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that is delivered again is decided on with the moves: a denied group stays out."""
    group = group_chat()
    group.channel = "-666"
    await inbound.ingest(group.migrate("-100666"))
    inbound.configure(access=AccessLists(deny=frozenset({"telegram:-666"})))
    message = group.message("hello", mention=Mention.BY_NAME)

    async def fail(tx: Transaction) -> None:
        raise StoreUnavailable("disk full")

    with monkeypatch.context() as outage:
        outage.setattr(channel_moves, "load", fail)
        with pytest.raises(StoreUnavailable):
            await inbound.ingest(message)
    assert not await inbound.ingest(message)
    assert await inbound.open_texts() == []
