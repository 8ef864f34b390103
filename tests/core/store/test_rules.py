"""Stored rules of chats, and what is remembered of their people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.chat_policy import ChatRules, Trigger
from core.domain.addresses import ChatType, ThreadKey
from core.store import Database, Transaction, chat_members, conversations, rules

KEY = ThreadKey(platform="telegram", tenant="1", channel="-100", thread="7")
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ALWAYS, STRICT = ChatRules(trigger=Trigger.ALWAYS), ChatRules(strict=True)


async def keep(
    tx: Transaction, made: ChatRules, *, tenant: str = "", channel: str = "-100", by: str = ""
) -> int:
    """Store rules."""
    return await rules.save(tx, made, platform="telegram", tenant=tenant, channel=channel, changed_by=by)


async def test_a_chat_has_its_own_rules_or_none(database: Database) -> None:
    """They count for all its threads and for no other chat or platform."""
    async with database.begin() as tx:
        assert await keep(tx, ALWAYS) == 1
        assert await rules.load(tx, KEY) == ALWAYS
        assert await rules.load(tx, replace(KEY, thread="8", tenant="2")) == ALWAYS
        assert await rules.load(tx, replace(KEY, channel="-101")) is None
        assert await rules.load(tx, replace(KEY, platform="slack")) is None


async def test_every_change_is_a_version_with_its_author(database: Database) -> None:
    """Who changed it last and when is kept, and the number grows."""
    async with database.begin() as tx:
        await keep(tx, ALWAYS)
        assert await keep(tx, STRICT, by="42") == 2
        (stored,) = await rules.load_all(tx)
    assert (stored.rules, stored.version, stored.changed_by) == (STRICT, 2, "42")
    assert abs(stored.changed_at - datetime.now(UTC)) < timedelta(minutes=5)


async def test_a_tenants_own_rules_go_first(database: Database) -> None:
    """What was set for any tenant counts where a tenant has none of its own, and is changed there."""
    async with database.begin() as tx:
        await keep(tx, ALWAYS)
        assert await rules.resolve_tenant(tx, KEY) == ""
        await keep(tx, STRICT, tenant="1")
        assert await rules.load(tx, KEY) == STRICT
        assert await rules.load(tx, replace(KEY, tenant="2")) == ALWAYS
        assert await rules.resolve_tenant(tx, KEY) == "1"
        assert await rules.remove(tx, platform="telegram", tenant="1", channel="-100")
        assert not await rules.remove(tx, platform="telegram", tenant="1", channel="-100")
        assert await rules.load(tx, KEY) == ALWAYS


async def test_rules_move_with_their_chat(database: Database) -> None:
    """A chat with a new id keeps its rules and what is known of its people; the new id's own stay."""
    async with database.begin() as tx:
        await keep(tx, ALWAYS)
        await chat_members.record_message(tx, KEY, "42", conversation_id=None, at=NOW, staff=True)
        for _ in range(2):  # both chats tell of a move
            place = {"platform": "telegram", "tenant": "1", "old": "-100", "new": "-200"}
            await rules.migrate_channel(tx, **place)
            await chat_members.migrate_channel(tx, **place)
        assert await rules.load(tx, replace(KEY, channel="-200")) == ALWAYS
        assert (await chat_members.get(tx, replace(KEY, channel="-200"), "42")).is_staff
        await keep(tx, STRICT, channel="-100")
        await rules.migrate_channel(tx, platform="telegram", tenant="1", old="-100", new="-200")
        assert await rules.load(tx, replace(KEY, channel="-200")) == ALWAYS


async def test_people_are_known_by_what_they_did_last(database: Database) -> None:
    """Each note changes its own part and leaves the rest."""
    async with database.begin() as tx:
        assert await chat_members.get(tx, KEY, "42") == chat_members.MemberRecord()
        talk = await conversations.get_or_create(tx, KEY, ChatType.GROUP)
        await chat_members.record_closed_notice(tx, KEY, "42", since=NOW, seq=9)
        await chat_members.record_message(tx, KEY, "42", conversation_id=talk.id, at=NOW, staff=False)
        known = await chat_members.get(tx, KEY, "42")
    assert known == chat_members.MemberRecord(
        conversation_id=talk.id, last_message_at=NOW, closed_notice_since=NOW, closed_notice_seq=9
    )


async def test_a_welcome_is_given_once(database: Database) -> None:
    """To each person in each chat, also to somebody who has spoken before; again once forgotten."""
    async with database.begin() as tx:
        await chat_members.record_message(tx, KEY, "42", conversation_id=None, at=NOW, staff=False)
        assert await chat_members.claim_welcome(tx, KEY, "42", seq=1)
        assert not await chat_members.claim_welcome(tx, KEY, "42", seq=2)
        assert await chat_members.claim_welcome(tx, replace(KEY, channel="-101"), "42", seq=3)
        await chat_members.forget_person(tx, platform="telegram", tenant="1", person_id="42")
        assert await chat_members.claim_welcome(tx, KEY, "42", seq=4)


async def test_the_staffs_word_is_kept_by_conversation(database: Database) -> None:
    """It stays until somebody mentions the bot there."""
    async with database.begin() as tx:
        one = await conversations.get_or_create(tx, KEY, ChatType.GROUP)
        other = await conversations.get_or_create(tx, replace(KEY, thread="8"), ChatType.GROUP)
        await chat_members.record_staff_activity(tx, [one.id, other.id], NOW)
        await chat_members.record_staff_activity(tx, [one.id], NOW + timedelta(seconds=5))
        assert await chat_members.last_staff_activity(tx, one.id) == NOW + timedelta(seconds=5)
        await chat_members.clear_staff_activity(tx, one.id)
        assert (
            await chat_members.last_staff_activity(tx, one.id),
            await chat_members.last_staff_activity(tx, other.id),
        ) == (
            None,
            NOW,
        )


async def test_who_spoke_lately(database: Database) -> None:
    """Only customers with a conversation, since the moment that is asked for, in that chat."""
    async with database.begin() as tx:
        talk = await conversations.get_or_create(tx, KEY, ChatType.GROUP)
        for person, staff, minutes in (("1", False, 0), ("2", True, 0), ("3", False, 20)):
            at = NOW - timedelta(minutes=minutes)
            await chat_members.record_message(tx, KEY, person, conversation_id=talk.id, at=at, staff=staff)
        await chat_members.record_message(tx, KEY, "4", conversation_id=None, at=NOW, staff=False)
        assert await chat_members.customer_conversations_since(tx, KEY, NOW - timedelta(minutes=10)) == [
            talk.id
        ]
        assert await chat_members.filter_staff(tx, KEY, {"1", "2", "9"}) == {"2"}
