"""The knowledge sets of a chat: by its rules, by ``/learn``, by tenant, and after a channel's migration."""

import pytest

from core.chat_policy import ChatRules
from core.domain.addresses import ThreadKey
from core.domain.errors import SettingsError
from core.knowledge.scope import chat_set_name, load_set_ids, migrate_channel, owner_of, require_sets
from core.store import Database, canned, knowledge
from core.store.knowledge import DEPLOYMENT, Owner

HERE = ThreadKey(platform="slack", tenant="T1", channel="C1", thread="1")


async def test_a_chat_uses_what_its_rules_name_and_its_own(database: Database) -> None:
    """We chose that what was taught in a chat is searched there without a rule, and in no other chat."""
    there = ThreadKey(platform="slack", tenant="T1", channel="C2", thread="")
    foreign = ThreadKey(platform="slack", tenant="T2", channel="C1", thread="")
    rules = ChatRules(knowledge=("shared", "nobody has this"))

    async with database.begin() as tx:
        own = await knowledge.get_or_create_set(tx, owner_of(HERE), chat_set_name(HERE))
        shared = await knowledge.get_or_create_set(tx, DEPLOYMENT, "shared")
        found = [await load_set_ids(tx, key, rules) for key in (HERE, there, foreign)]

    assert [set(ids) for ids in found] == [{own.id, shared.id}, {shared.id}, {shared.id}]


async def test_threads_of_a_chat_share_its_set() -> None:
    """A set belongs to the channel, for people teach a chat and not one of its threads."""
    assert chat_set_name(HERE) == chat_set_name(
        ThreadKey(platform="slack", tenant="T1", channel="C1", thread="")
    )


async def test_a_migrated_channel_keeps_its_knowledge(database: Database) -> None:
    """Telegram gives a group a new id when it becomes a supergroup; its set and canned answers follow."""
    old = ThreadKey(platform="telegram", tenant="1", channel="-7", thread="")
    new = ThreadKey(platform="telegram", tenant="1", channel="-1007", thread="")
    async with database.begin() as tx:
        own = await knowledge.get_or_create_set(tx, owner_of(old), chat_set_name(old))
        await canned.save(tx, old, question="Open?", answer="At ten.", author_id="5")

        await migrate_channel(tx, platform="telegram", tenant="1", old_channel="-7", new_channel="-1007")

        assert list(await load_set_ids(tx, new, ChatRules())) == [own.id]
        assert list(await load_set_ids(tx, old, ChatRules())) == []
        assert [one.answer for one in await canned.load(tx, new)] == ["At ten."]


async def test_a_set_that_does_not_exist_is_refused_with_those_that_do(database: Database) -> None:
    """We chose that a misspelt name is a fault; sets of other tenants and of chats are not named."""
    async with database.begin() as tx:
        with pytest.raises(SettingsError) as none:
            await require_sets(tx, ["tea"], platform="slack", tenant="T1")
        for owner, name in (
            (DEPLOYMENT, "tea"),
            (Owner(platform="slack", tenant="T1"), "lamps"),
            (Owner(platform="slack", tenant="T2"), "secret"),
            (owner_of(HERE), chat_set_name(HERE)),
        ):
            await knowledge.get_or_create_set(tx, owner, name)
        await require_sets(tx, ["tea", "lamps"], platform="slack", tenant="T1")
        await require_sets(tx, ["secret"], platform="slack")
        with pytest.raises(SettingsError) as wrong:
            await require_sets(tx, ["tee", "lamps", "secret", "chat:C1"], platform="slack", tenant="T1")

    assert "there are none yet" in none.value.faults[0]
    assert wrong.value.faults == [
        f"there is no knowledge set {name!r}; the sets are lamps, tea"
        for name in ("tee", "secret", "chat:C1")
    ]
