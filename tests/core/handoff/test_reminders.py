"""Nobody is forgotten: reminders on virtual time, through nights, weekends and restarts."""

from datetime import UTC, datetime, timedelta

import pytest

from core.chat_policy import ChatRules, WeeklyHours, parse_hours
from core.domain.handoff_state import HandoffAction, HandoffState, OutboxSide
from core.handoff.deadlines import HandoffTimeouts
from core.handoff.platforms import HandoffPlatforms
from core.handoff.reminders import Reminders
from core.store import rules
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.handoff.conftest import LIN, Office, desk_chat_message
from tests.event_builders import START, direct_chat

pytestmark = pytest.mark.virtual_time

OFFICE_HOURS = parse_hours("mon-fri 09:00-18:00 UTC")
FRIDAY_EVENING = datetime(2026, 11, 27, 18, 5, tzinfo=UTC)


def reminders(office: Office, tenant: str = "bot") -> Reminders:
    """Return the periodic task of a process that has just started, as a bot of Telegram."""
    platforms = HandoffPlatforms(
        channels={"telegram": FakeMessageChannel(office.clock)}, tenant_getters={"telegram": lambda: tenant}
    )
    return Reminders(office.database, office.service, platforms, office.work_queue)


async def pass_time(office: Office, until: datetime, *, step: timedelta = timedelta(minutes=5)) -> list[str]:
    """Let time pass in steps, each with a process of its own; return "weekday HH:MM" of each reminder."""
    times, seen = [], len(await office.shown(OutboxSide.DESK))
    while office.now() < until:
        await office.clock.sleep(min(step, until - office.now()).total_seconds())
        await reminders(office).run_due()
        shown = await office.shown(OutboxSide.DESK)
        times += [f"{office.now():%a %H:%M}" for text in shown[seen:] if text.startswith("⏰")]
        seen = len(shown)
    return times


async def open_office(office: Office, hours: WeeklyHours | None) -> None:
    """Give the customer's chat its hours."""
    async with office.database.begin() as tx:
        own = ChatRules(hours=hours)
        await rules.save(tx, own, platform="telegram", tenant="", channel="1", changed_by="77")


async def test_a_closed_weekend_uses_no_reminders_up(office: Office) -> None:
    """Who asks on Friday after hours is called to mind on Monday at the opening, and from then on."""
    await open_office(office, OFFICE_HOURS)
    await office.clock.sleep((FRIDAY_EVENING - START).total_seconds())
    await office.hand_off(direct_chat())
    monday = datetime(2026, 11, 30, tzinfo=UTC)
    assert await pass_time(office, monday, step=timedelta(hours=2)) == []
    times = await pass_time(office, monday.replace(hour=10))
    assert times[:3] == ["Mon 09:00", "Mon 09:05", "Mon 09:10"]
    assert (await office.handoff()).reminder_count == len(times)


async def test_one_night_delays_the_reminder_to_the_opening(office: Office) -> None:
    """An interval that ends at night ends at the opening instead."""
    await open_office(office, OFFICE_HOURS)
    await office.clock.sleep(timedelta(hours=7, minutes=55).total_seconds())  # 17:55
    await office.hand_off(direct_chat())
    times = await pass_time(office, START + timedelta(hours=23, minutes=10))
    assert times == ["Wed 09:00", "Wed 09:05", "Wed 09:10"]


async def test_a_customer_who_answered_staff_at_night_waits_for_the_opening_too(office: Office) -> None:
    """The assignee is not called at night, and is called in the morning."""
    await open_office(office, OFFICE_HOURS)
    chat = direct_chat()
    _, thread = await office.hand_off(chat)
    await office.ingest(desk_chat_message(thread, "Hello", LIN))
    await office.clock.sleep(timedelta(hours=9).total_seconds())  # 19:00
    await office.ingest(chat.message("Any news?"))
    assert await pass_time(office, START + timedelta(hours=23)) == ["Wed 09:00"]
    assert (await office.handoff()).state is HandoffState.STAFF


async def test_a_wait_of_days_is_never_forgotten(office: Office) -> None:
    """Without hours the reminders become rare, one a day in the end, and none is the last."""
    await office.hand_off(direct_chat())
    times = await pass_time(office, START + timedelta(days=8), step=timedelta(hours=3))
    last_days = {time.split()[0] for time in times[-5:]}
    assert len(last_days) == 5


async def test_the_customer_is_told_before_the_desk_is(office: Office) -> None:
    """The desk's room may be slow with many tickets; the customer's chat is not."""
    await office.hand_off(direct_chat())
    before = len(await office.items())
    await office.clock.sleep(301.0)
    await reminders(office).run_due()
    sides = [item.side for item in await office.items(after=before)]
    assert sides == [OutboxSide.CUSTOMER, OutboxSide.DESK]


async def test_another_bots_customers_are_not_reminded_of(office: Office) -> None:
    """Each process looks after the customers of its own bot; what is due of another one stays due."""
    await office.ingest(direct_chat().message("human please"))
    before = len(await office.shown(OutboxSide.DESK))
    await office.clock.sleep(86_400.0)
    await reminders(office, tenant="another").run_due()
    assert len(await office.shown(OutboxSide.DESK)) == before
    await reminders(office).run_due()
    assert len(await office.shown(OutboxSide.DESK)) > before


async def test_an_idle_handoff_is_closed_without_asking_for_stars(office: Office) -> None:
    """Nobody closed it: the customer is told that it is over, and is not asked how it was."""
    office.configure(timeouts=HandoffTimeouts(idle_action=HandoffAction.CLOSE))
    _, thread = await office.hand_off(direct_chat())
    await office.assign(thread)
    await pass_time(office, START + timedelta(hours=2))
    assert (await office.handoff()).state is HandoffState.CLOSED
    assert await office.buttons() == ()
    assert "just write when there is something else" in (await office.shown(OutboxSide.CUSTOMER))[-1]
