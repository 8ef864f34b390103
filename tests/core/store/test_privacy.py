"""Forgetting by person and by age leaves no word behind, and keeps what others said and what it cost."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.access import Actor, QuotaLimits
from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.events import Mention, MessageReceived
from core.domain.message_content import MessageContent, MessageRole, ReplyContext
from core.domain.queue import EventStatus, Lane
from core.domain.turn_states import Outcome
from core.store import (
    Database,
    conversations,
    export,
    history,
    inbox,
    privacy,
    quotas,
    summaries,
    turns,
    usage,
    usage_report,
)
from core.store.history import HistoryMessage
from core.store.summaries import Summary
from core.store.usage import CallUsage

KEY = ThreadKey(platform="slack", tenant="T1", channel="C1", thread="1.1")
TENANTS = [("slack", "T1")]
ANN = Actor(platform="slack", tenant="T1", channel="C1", person_id="U1")
ALIAS = "anon:1"
SPENT = CallUsage(
    model="kimi-k2.6",
    prompt_tokens=100,
    cached_tokens=10,
    completion_tokens=20,
    reasoning_tokens=5,
    time_to_first_token_s=0.5,
    duration_s=1.0,
    outcome=Outcome.COMPLETE,
    cost_usd=0.25,
)


@dataclass
class Asking:
    """Stores whole question-and-answer pairs."""

    database: Database
    count: int = 0

    async def __call__(
        self, words: str, *, person: str = "U1", key: ThreadKey = KEY, reply: ReplyContext | None = None
    ) -> int:
        """Ask as ``person``; return the conversation's id."""
        self.count += 1
        said = MessageReceived(
            delivery_id=f"{self.count}",
            message_id=f"m{self.count}",
            address=Address(key=key),
            author=Person(id=person, name=f"Name of {person}"),
            text=words,
            sent_at=datetime.now(UTC),
            chat_type=ChatType.GROUP,
            mention=Mention.BY_NAME,
            quoted=reply,
        )
        async with self.database.begin() as tx:
            talk = await conversations.get_or_create(tx, key, ChatType.GROUP)
            seq = await inbox.add(tx, said, conversation_id=talk.id, lane=Lane.TURNS, status=EventStatus.DONE)
            content = MessageContent(text=words, reply=reply)
            line = HistoryMessage(seq=seq, role=MessageRole.USER, content=content, author_id=person)
            await history.append(tx, line, conversation_id=talk.id, message_id=said.message_id)
            await conversations.save_ref(tx, key, said.message_id, talk.id, None)
            turn = await turns.claim(
                tx,
                conversation_id=talk.id,
                inbox_id=seq,
                seq=seq,
                asker_id=person,
                refs=[MessageRef(channel=key.channel, message_id=f"a{self.count}")],
            )
            await turns.save_answer(tx, turn, text=f"About {words}", outcome=Outcome.COMPLETE)
            await turns.finish(tx, turn, outcome=Outcome.COMPLETE)
            content = MessageContent(text=f"About {words}")
            answer = HistoryMessage(seq=seq, role=MessageRole.ASSISTANT, content=content)
            await history.append(tx, answer, conversation_id=talk.id, turn_id=turn.id)
            await conversations.save_ref(tx, key, f"a{self.count}", talk.id, turn.id)
            await usage.add(tx, SPENT, conversation_id=talk.id, turn_id=turn.id, person_id=person)
        return talk.id


@pytest.fixture
def asks(database: Database) -> Asking:
    """Asks and answers."""
    return Asking(database)


async def everything(database: Database) -> str:
    """Every value of every table that holds people's words or names."""
    async with database.read() as tx:
        rows: list[Any] = []
        for table in ("inbox", "turns", "messages", "platform_messages", "summaries", "usage", "feedback"):
            rows += (await tx.execute(text(f"SELECT * FROM {table}"))).all()  # noqa: S608 (our own names)
    return str(rows)


async def age(database: Database, days: int) -> None:
    """Make everything that is stored so much older."""
    moment = (datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None).isoformat(" ")
    if database.dialect == "postgresql":
        moment += "+00"
    columns = {
        "conversations": "created_at",
        "inbox": "received_at",
        "turns": "started_at",
        "messages": "created_at",
        "usage": "created_at",
        "summaries": "created_at",
    }
    async with database.begin() as tx:
        for table, column in columns.items():
            await tx.exec_driver_sql(f"UPDATE {table} SET {column} = '{moment}'")  # noqa: S608


async def test_a_person_is_forgotten_and_others_are_not(database: Database, asks: Asking) -> None:
    """Words, names, answers, references and summaries go; what others said on the same thread stays."""
    talk_id = await asks("plum")
    await asks("pear", person="U2")
    await asks("cherry", key=replace(KEY, tenant="T2"))
    async with database.begin() as tx:
        made = Summary(
            version=1, up_to_seq=1, text="They like plum.", messages=2, created_at=datetime.now(UTC)
        )
        assert await summaries.add(tx, talk_id, made, previous=None)

    async with database.begin() as tx:
        gone = await privacy.forget_person(tx, ANN, alias=ALIAS)

    assert (gone.messages, gone.answers, gone.conversations, gone.files) == (1, 1, 1, 0)
    left = await everything(database)
    assert "plum" not in left
    assert "'m1'" not in left
    assert "'a1'" not in left
    assert "pear" in left
    assert "cherry" in left
    async with database.begin() as tx:
        stored = text("SELECT count(*) FROM inbox WHERE tenant = 'T1' AND delivery_id = '1'")
        assert (await tx.execute(stored)).scalar() == 1  # told again it would not be new
        again = await privacy.forget_person(tx, ANN, alias=ALIAS)
    assert (again.messages, again.answers) == (0, 0)


async def test_replies_to_a_forgotten_person_lose_what_they_quote(database: Database, asks: Asking) -> None:
    """The words of the one who replies stay; the quoted words go from the message and from its event."""
    quoted = ReplyContext(message_id="m1", author="Ann", author_id="U1", text="I love plums.")
    await asks("plum")
    talk_id = await asks("Really?", person="U2", reply=quoted)
    async with database.begin() as tx:
        await privacy.forget_person(tx, ANN, alias=ALIAS)
        lines = await history.load_recent(tx, talk_id, after_seq=-1, up_to_seq=99, limit=9)
    asked = next(line for line in lines if line.role is MessageRole.USER)
    assert asked.content == MessageContent(text="Really?", reply=ReplyContext(message_id="m1"))
    assert "plum" not in await everything(database)


async def test_forgetting_does_not_refill_a_budget(database: Database, asks: Asking) -> None:
    """What was used today stays counted under another name; what was used before has none."""
    limits = QuotaLimits(person_messages=9, person_tokens=9, chat_messages=9, chat_tokens=9, tenant_tokens=9)
    await asks("plum")
    await age(database, 2)
    await asks("pear")
    async with database.begin() as tx:
        before = await quotas.load_quota_usage(tx, ANN, limits, alias=ALIAS)
        await privacy.forget_person(tx, ANN, alias=ALIAS)
        assert await quotas.load_quota_usage(tx, ANN, limits, alias=ALIAS) == before
        names = (await tx.execute(text("SELECT person_id FROM usage ORDER BY id"))).scalars().all()
    assert (before.person_messages, before.chat_messages) == (1, 1)
    assert (before.person_tokens, before.chat_tokens, before.tenant_tokens) == (120, 120, 120)
    assert list(names) == ["", ALIAS]


async def test_a_notice_is_told_once_a_person_and_day(database: Database) -> None:
    """The next day it is told again."""
    async with database.begin() as tx:
        assert await quotas.claim_daily_notice(tx, ANN, quotas.QUOTA_NOTICE)
        assert not await quotas.claim_daily_notice(tx, ANN, quotas.QUOTA_NOTICE)
        assert await quotas.was_notified(tx, ANN, quotas.QUOTA_NOTICE)
        assert await quotas.claim_daily_notice(tx, replace(ANN, person_id="U2"), quotas.QUOTA_NOTICE)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert await quotas.claim_daily_notice(tx, ANN, quotas.QUOTA_NOTICE, now=tomorrow)


async def test_what_is_too_old_is_deleted(database: Database, asks: Asking) -> None:
    """Old words go with all that hangs on them, costs stay without a name, young words stay."""
    await asks("plum")
    await asks("grape", person="U3", key=replace(KEY, thread="0.9"))
    await age(database, 10)
    await asks("pear", person="U2")
    before = datetime.now(UTC) - timedelta(days=5)
    deleted = []
    while True:
        async with database.begin() as tx:
            portion = await privacy.purge(tx, before=before, tenants=TENANTS, limit=1)
        deleted.append(portion)
        if not portion:
            break
    left = await everything(database)
    assert deleted[-1] == 0
    for word in ("plum", "grape", "U1", "U3", "'m1'", "'a1'", "'m2'", "'a2'"):
        assert word not in left
    assert "pear" in left
    assert "'m3'" in left
    async with database.read() as tx:
        (day, *_), total = (
            await usage_report.grouped_totals(tx, "day", since=before - timedelta(days=30)),
            0.0,
        )
        for row in await usage_report.grouped_totals(tx, "model", since=before - timedelta(days=30)):
            total += row.cost_usd
    assert day.messages == 2
    assert total == pytest.approx(0.75)


async def test_an_open_event_is_never_too_old(database: Database, asks: Asking) -> None:
    """What waits for its answer, or is being answered, is not deleted under it."""
    await asks("plum")
    async with database.begin() as tx:
        await tx.execute(text("UPDATE inbox SET status = 'open'"))
        await tx.execute(text("UPDATE turns SET state = 'running'"))
    await age(database, 10)
    async with database.begin() as tx:
        await privacy.purge(tx, before=datetime.now(UTC), tenants=TENANTS)
        assert len((await tx.execute(text("SELECT id FROM inbox"))).all()) == 1
        assert len((await tx.execute(text("SELECT id FROM turns"))).all()) == 1


async def test_one_replica_deletes_at_a_time(migrated_postgres_url: str) -> None:
    """On PostgreSQL the second one leaves it to the first."""
    database = Database(migrated_postgres_url)
    async with database.begin() as first, database.begin() as second:
        assert await privacy.purge(first, before=datetime.now(UTC), tenants=TENANTS) == 0
        assert await privacy.purge(second, before=datetime.now(UTC), tenants=TENANTS) is None
    await database.close()


async def test_another_bots_words_are_kept(database: Database, asks: Asking) -> None:
    """We chose: each process deletes by its own settings, and only what belongs to its teams and bots."""
    await asks("plum")
    await age(database, 10)
    before = await everything(database)
    async with database.begin() as tx:
        others = [(KEY.platform, "another"), ("another", KEY.tenant)]
        assert await privacy.purge(tx, before=datetime.now(UTC), tenants=others) == 0
    assert await everything(database) == before


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("person", ["slack:U1", "slack:U2"]),
        ("chat", ["slack:C1"]),
        ("model", ["kimi-k2.6"]),
        ("day", []),
    ],
)
async def test_the_table_sums_by_what_is_asked(
    database: Database, asks: Asking, by: Any, names: list[str]
) -> None:
    """Days, people, chats and models have a line each."""
    days = {datetime.now(UTC).date().isoformat()}
    await asks("plum")
    await asks("plum")
    await asks("pear", person="U2")
    days.add(datetime.now(UTC).date().isoformat())
    async with database.read() as tx:
        rows = await usage_report.grouped_totals(tx, by, since=datetime.now(UTC) - timedelta(days=1))
    found = [row.name for row in rows]
    assert found == names or (by == "day" and found and days.issuperset(found))  # midnight may pass meanwhile
    assert sum(row.messages for row in rows) == 3
    assert sum(row.tokens for row in rows) == 360
    assert rows[0].cost_usd == pytest.approx(0.5 if by == "person" else 0.75)


async def test_an_export_holds_a_persons_words_and_nobody_elses(database: Database, asks: Asking) -> None:
    """A conversation's export holds everybody's."""
    talk_id = await asks("plum")
    await asks("pear", person="U2")
    async with database.read() as tx:
        person = [record async for record in export.export_person(tx, "slack", "U1")]
        talk = [record async for record in export.export_conversation(tx, talk_id)]
    kinds = [record["kind"] for record in person]
    assert kinds == ["conversation", "message", "message", "turn", "usage"]
    assert "plum" in str(person)
    assert "pear" not in str(person)
    assert [record["text"] for record in talk if record["kind"] == "message"] == [
        "plum", "About plum", "pear", "About pear",
    ]  # fmt: skip
