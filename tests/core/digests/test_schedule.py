"""The rules ``remember`` and ``digest`` of all chats, round by round."""

from datetime import UTC, datetime, timedelta

import pytest

from core.chat_policy import ChatRules, parse_weekly_times
from core.digests.schedule import MAX_DELAY, DigestSchedule
from core.domain.addresses import ThreadKey
from core.domain.errors import PlatformForbidden
from core.domain.events import CommandReceived
from core.ports.channel_history import ChannelMessage
from core.store import remembered, rules
from core.testing.fake_handoff_rooms import FakeHandoffRooms
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.inbound.conftest import Inbound

pytestmark = pytest.mark.virtual_time

KEY = ThreadKey(platform="fake", tenant="bot", channel="G", thread="")
NINE = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)  #: Monday, 9:00 in Shanghai
DAILY = parse_weekly_times("mon-fri 09:00 Asia/Shanghai")


class Round:
    """A schedule on a fake platform, at a time that tests set."""

    def __init__(self, inbound: Inbound, *, with_history: bool = True) -> None:
        self.inbound, self.now = inbound, NINE
        self.channel = FakeMessageChannel(inbound.clock)
        self.schedule = DigestSchedule(
            inbound.database,
            inbound.work_queue,
            tenants=lambda: [("fake", "bot")],
            rooms={"fake": FakeHandoffRooms(self.channel)},
            channels={"fake": self.channel},
            with_history=("fake",) if with_history else (),
            now=lambda: self.now,
        )

    async def at(self, now: datetime) -> None:
        """Run a round."""
        self.now = now
        await self.schedule.run()

    async def set_rules(self, **fields: object) -> None:
        """Set the chat's rules, as the command line does: for any tenant."""
        async with self.inbound.database.begin() as tx:
            made = ChatRules(**fields)  # type: ignore[arg-type]
            await rules.save(tx, made, platform="fake", tenant="", channel="G", changed_by="")

    async def due(self) -> list[CommandReceived]:
        """Return the digests that wait for their turn."""
        return [one for one in await self.inbound.open_events() if isinstance(one, CommandReceived)]

    async def keep(self, message_id: str, sent_at: datetime) -> None:
        """Keep a message."""
        message = ChannelMessage(
            message_id=message_id, author_id="1", author="Ann", text="x", sent_at=sent_at
        )
        async with self.inbound.database.begin() as tx:
            await remembered.add(tx, KEY, message)

    async def kept(self) -> list[str]:
        """Return the ids of the messages that are kept."""
        async with self.inbound.database.read() as tx:
            since, up_to = NINE - timedelta(days=30), NINE + timedelta(days=30)
            return [
                one.message_id for one in await remembered.load(tx, KEY, since=since, up_to=up_to, limit=9)
            ]


@pytest.fixture
def rounds(inbound: Inbound, monkeypatch: pytest.MonkeyPatch) -> Round:
    """Rounds of a chat whose rules were set a day before."""
    monkeypatch.setattr(rules, "utc_now", lambda: NINE - timedelta(days=1))
    return Round(inbound)


async def test_a_digest_is_due_once_and_covers_the_time_since_the_last(rounds: Round) -> None:
    """On Monday that is since Friday; another replica or a later round enqueues it no second time."""
    await rounds.set_rules(digest=DAILY)
    await rounds.at(NINE - timedelta(seconds=1))
    assert await rounds.due() == []
    await rounds.at(NINE + timedelta(seconds=40))
    await rounds.at(NINE + timedelta(seconds=100))
    await Round(rounds.inbound).at(NINE + timedelta(seconds=101))
    (event,) = await rounds.due()
    assert event.argument == "since 2026-11-27T01:00+00:00"
    assert event.address.key == KEY
    await rounds.at(NINE + timedelta(days=1))
    assert len(await rounds.due()) == 2


async def test_a_digest_is_late_after_a_short_outage_and_left_out_after_a_long_one(rounds: Round) -> None:
    """Nobody wants the one of the morning in the evening."""
    await rounds.set_rules(digest=DAILY)
    await rounds.at(NINE + MAX_DELAY + timedelta(seconds=1))
    assert await rounds.due() == []
    await rounds.at(NINE + MAX_DELAY)
    assert len(await rounds.due()) == 1


async def test_a_rule_that_is_set_after_the_time_waits_for_the_next(
    rounds: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sets 9:00 at 10:00 expects tomorrow's."""
    monkeypatch.setattr(rules, "utc_now", lambda: NINE + timedelta(hours=1))
    await rounds.set_rules(digest=DAILY)
    await rounds.at(NINE + timedelta(hours=1, seconds=30))
    assert await rounds.due() == []


async def test_a_chat_of_which_nothing_is_kept_gets_no_digest(rounds: Round) -> None:
    """Neither before it was told, nor after a quiet night; what is written later is for the next one."""
    telegram = Round(rounds.inbound, with_history=False)
    await telegram.set_rules(digest=DAILY, remember=timedelta(hours=24))
    await telegram.at(NINE - timedelta(hours=2))
    await telegram.at(NINE)
    await telegram.keep("late", NINE + timedelta(minutes=1))
    await telegram.at(NINE + timedelta(minutes=2))
    assert await telegram.due() == []
    await telegram.keep("early", NINE - timedelta(hours=1))
    await telegram.at(NINE + timedelta(minutes=3))
    assert len(await telegram.due()) == 1


async def test_a_chat_is_told_before_its_messages_are_kept(rounds: Round) -> None:
    """Once, however many rounds there are; if it cannot be told, nothing is kept."""
    await rounds.set_rules(remember=timedelta(hours=24))
    rounds.channel.failures.errors.append(PlatformForbidden("muted"))
    await rounds.at(NINE)
    await rounds.keep("early", NINE)
    assert await rounds.kept() == []
    await rounds.at(NINE + timedelta(minutes=1))
    await rounds.at(NINE + timedelta(minutes=2))
    (told,) = [one.text for one in rounds.channel.screen.messages.values()]
    assert "for 24 hours" in told
    await rounds.keep("late", NINE)
    assert await rounds.kept() == ["late"]


async def test_messages_go_by_age_and_when_the_rule_is_switched_off(rounds: Round) -> None:
    """Switched on again, the chat is told again."""
    await rounds.set_rules(remember=timedelta(hours=24))
    await rounds.at(NINE)
    for hours in (0, 23, 25):
        await rounds.keep(f"{hours}h", NINE - timedelta(hours=hours))
    await rounds.at(NINE)
    assert await rounds.kept() == ["23h", "0h"]
    await rounds.set_rules()
    await rounds.at(NINE)
    await rounds.keep("off", NINE)
    assert await rounds.kept() == []
    await rounds.set_rules(remember=timedelta(hours=24))
    await rounds.at(NINE)
    assert len(rounds.channel.screen.messages) == 2
