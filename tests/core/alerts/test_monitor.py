"""Admins hear of an alert once, and once when it is over."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

from core.access import QuotaKind, Quotas
from core.alerts.conditions import Observations
from core.alerts.monitor import AlertMonitor, AlertPlatform
from core.chat_policy import ChatRules
from core.domain.addresses import Address, Person
from core.domain.errors import PlatformError, PlatformForbidden, PlatformUnavailable
from core.domain.turn_states import KimiFailure, Outcome, TurnOutcome
from core.store import Database, alerts, rules, turns, usage
from core.store.clock import utc_now
from core.store.quota_use import count_use, load_quota_use
from core.store.quotas import utc_day_start
from core.store.usage import CallUsage
from tests.event_builders import Chat
from tests.stored_conversation import StoredConversation

BUSY = KimiFailure("overloaded")


@dataclass
class FakePrivateMessages:
    """Keeps what it shows, or refuses."""

    shown: list[tuple[str, str]] = field(default_factory=list)
    error: PlatformError | None = None
    dies: bool = False

    async def send_private(self, address: Address, person_id: str, text: str) -> None:
        """Keep the text."""
        if self.dies:
            raise asyncio.CancelledError
        if self.error is not None:
            raise self.error
        self.shown.append((person_id, text))


@dataclass
class Watch:
    """Monitors of two replicas over one database, with an admin on either platform."""

    database: Database
    outcomes: list[TurnOutcome] = field(default_factory=list)
    slack: FakePrivateMessages = field(default_factory=FakePrivateMessages)
    telegram: FakePrivateMessages = field(default_factory=FakePrivateMessages)

    async def observe(self) -> Observations:
        """Return the outcomes of the moment."""
        return Observations(outcomes=self.outcomes)

    def monitor(self) -> AlertMonitor:
        """Return a replica's monitor."""
        platforms = {"slack": self.slack, "telegram": self.telegram}
        return AlertMonitor(
            self.database,
            self.observe,
            admins=("slack:U1", "telegram:7", "discord:9"),
            platforms={
                name: AlertPlatform(messages=one, tenant=lambda: "T1") for name, one in platforms.items()
            },
        )


async def test_an_outage_is_told_once_and_its_end_once(database: Database) -> None:
    """Whichever replica looks, and after a restart too; each admin in the language that they write."""
    watch = Watch(database)
    talk = await StoredConversation(database, Chat(platform="telegram", tenant="T1", channel="7")).create()
    await talk.say("请问你好吗", author=Person(id="7", name="安"))
    for outcomes in ([BUSY, BUSY], [BUSY] * 3, [BUSY] * 4, [], [Outcome.COMPLETE, BUSY], [Outcome.COMPLETE]):
        watch.outcomes = list(outcomes)
        await watch.monitor().check()
        await watch.monitor().check()

    assert [person for person, _ in watch.slack.shown] == ["U1", "U1"]
    begun, ended = [text for _, text in watch.slack.shown]
    assert "Kimi does not answer" in begun
    assert "Kimi answers again" in ended
    assert "没有响应" in watch.telegram.shown[0][1]
    async with database.read() as tx:
        assert await alerts.load(tx) == []


async def test_an_admin_who_cannot_be_told_keeps_nobody_from_hearing(database: Database) -> None:
    """Telegram's bots may write only to people who wrote to them."""
    watch = Watch(database, outcomes=[BUSY] * 3)
    watch.slack.error = PlatformForbidden("the person never wrote to the bot")

    await watch.monitor().check()
    watch.slack.error = None
    await watch.monitor().check()

    assert len(watch.telegram.shown) == 1
    assert watch.slack.shown == []  # it would be refused for ever


@pytest.mark.parametrize("failure", ["crash", "unreachable"])
async def test_an_alert_is_not_lost_by_a_crash_and_not_told_twice(database: Database, failure: str) -> None:
    """A process that dies after storing it, or a platform that is away: the next check tells it, once."""
    watch = Watch(database, outcomes=[BUSY] * 3)
    watch.slack.dies = failure == "crash"
    watch.slack.error = PlatformUnavailable("Slack is away") if failure == "unreachable" else None

    with contextlib.suppress(asyncio.CancelledError):
        await watch.monitor().check()
    watch.slack.dies, watch.slack.error = False, None
    await watch.monitor().check()
    await watch.monitor().check()

    assert [person for person, _ in watch.slack.shown] == ["U1"]
    assert [person for person, _ in watch.telegram.shown] == ["7"]


async def test_outcomes_and_tokens_come_from_the_database(database: Database) -> None:
    """The latest question first, commands left out; tokens by tenant and by chat, on both databases."""
    talk = await StoredConversation(database, Chat(channel="42")).create()
    for outcome in (Outcome.COMPLETE, BUSY, Outcome.NOTICE):
        turn = await talk.ask("Why?")
        async with database.begin() as tx:
            await turns.finish(tx, turn, outcome=outcome)
    key = talk.conversation.key
    async with database.begin() as tx:
        call = CallUsage(
            model="kimi-k2.6",
            prompt_tokens=30,
            cached_tokens=0,
            completion_tokens=12,
            reasoning_tokens=0,
            time_to_first_token_s=None,
            duration_s=1.0,
        )
        await usage.add(tx, call, conversation_id=talk.conversation.id, turn_id=turn.id, person_id="1")
    since = utc_now().replace(hour=0, minute=0, second=0, microsecond=0)

    async with database.read() as tx:
        assert await alerts.latest_outcomes(tx, since=since, limit=9) == [BUSY, Outcome.COMPLETE]
        assert await count_use(tx, QuotaKind.TENANT_TOKENS, since=since) == [
            (f"{key.platform}:{key.tenant}", 42)
        ]
        assert await count_use(tx, QuotaKind.CHAT_TOKENS, since=since) == [(f"{key.platform}:42", 42)]
        assert await count_use(tx, QuotaKind.PERSON_TOKENS, since=since) == [(f"{key.platform}:1", 42)]
        assert await count_use(tx, QuotaKind.CHAT_MESSAGES, since=since) == [(f"{key.platform}:42", 2)]
        assert await count_use(tx, QuotaKind.PERSON_MESSAGES, since=since) == [(f"{key.platform}:1", 2)]


async def test_a_chats_own_rule_is_a_budget_too(database: Database) -> None:
    """Its questions of the day count against it; chats without such a rule have none."""
    for channel in ("42", "43"):
        talk = await StoredConversation(database, Chat(channel=channel)).create()
        await talk.ask("Why?")
        await talk.ask("How?")
    async with database.begin() as tx:
        await rules.save(
            tx, ChatRules(chat_messages=2), platform="telegram", tenant="", channel="42", changed_by=""
        )
        await rules.save(tx, ChatRules(), platform="telegram", tenant="", channel="43", changed_by="")

    async with database.read() as tx:
        uses = await load_quota_use(tx, Quotas(chat_messages=10), since=utc_day_start(utc_now()))

    assert sorted((use.name, use.used, use.limit, use.limited_by) for use in uses) == [
        ("telegram:42", 2, 2, "chat_messages"),
        ("telegram:42", 2, 10, "MOONTHREAD_CHAT_MESSAGES_PER_DAY"),
        ("telegram:43", 2, 10, "MOONTHREAD_CHAT_MESSAGES_PER_DAY"),
    ]
