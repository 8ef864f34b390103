"""What people of handoffs write while no event can arrive is read again, once, and within Slack's limits."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from core.domain.addresses import Person, ThreadKey
from core.domain.errors import PlatformForbidden, PlatformRateLimited, PlatformUnavailable
from core.domain.events import Event, MessageReceived
from core.domain.handoff_state import HandoffAction, OutboxSide
from core.handoff.catch_up import MAX_READS, CatchUp
from core.handoff.platforms import HandoffPlatforms
from core.store.handoffs import Handoff
from core.testing.fake_handoff_rooms import FakeHandoffRooms
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.handoff.conftest import LIN, Office, desk_chat_message
from tests.event_builders import direct_chat

pytestmark = pytest.mark.virtual_time


@dataclass
class Slack:
    """A workspace whose threads can be read; it counts the reads and can refuse them."""

    office: Office
    connection: int = 0
    written: list[MessageReceived] = field(default_factory=list)
    reads: list[ThreadKey] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)

    async def load(self, key: ThreadKey, *, since: datetime) -> Sequence[Event]:
        """Return what is written in a thread after a moment."""
        if self.refusals:
            raise self.refusals.pop(0)
        self.reads.append(key)
        return [one for one in self.written if one.address.key == key and one.sent_at > since]

    def write(self, thread: str, text: str) -> MessageReceived:
        """Let Lin write in a ticket's thread; nobody hears it."""
        message = desk_chat_message(thread, text, LIN)
        message = replace(message, sent_at=self.office.now() + timedelta(seconds=1))
        self.written.append(message)
        return message


def catch_up(office: Office, slack: Slack) -> CatchUp:
    """Return the periodic task of a process that has just started."""
    channel = FakeMessageChannel(office.clock)
    platforms = HandoffPlatforms(
        channels={"slack": channel, "telegram": channel},
        rooms={"slack": FakeHandoffRooms(channel, platform="slack", has_topics=False)},
        tenant_getters={"slack": lambda: "T1"},
    )
    return CatchUp(office.database, office.service, platforms, {"slack": slack}, office.ingest, office.clock)


async def ask(office: Office, number: int) -> tuple[Handoff, str]:
    """Let one of many customers ask for a person; return the handoff and its thread at the desk."""
    customer = Person(id=str(100 + number), name=f"Customer {number}", language="en")
    return await office.hand_off(direct_chat(customer), customer=customer)


async def test_words_from_an_outage_reach_the_customer_once_and_in_order(office: Office) -> None:
    """Slack gives up after six minutes: a new process reads the desk's threads; a note stays a note."""
    _, thread = await office.hand_off(direct_chat())
    await office.clock.sleep(60)
    slack, before = Slack(office), len(await office.items())
    for text in ("Your parcel left.", "// check his address", "It comes on Monday."):
        slack.write(thread, text)
    later = desk_chat_message(thread, "Are you there?", LIN)
    await office.ingest(later)  # arrived before the first round

    task = catch_up(office, slack)
    for _ in range(3):
        await task.run()

    shown = await office.shown(OutboxSide.CUSTOMER, after=before)
    words = [text.removeprefix("**Lin:** ") for text in shown if text.startswith("**Lin:** ")]
    assert words == ["Are you there?", "Your parcel left.", "It comes on Monday."]
    assert len(slack.reads) == 1


async def test_each_interruption_is_read_over_once(office: Office) -> None:
    """Threads are read after a reconnection, from shortly before it, and not in the rounds between."""
    _, thread = await office.hand_off(direct_chat())
    slack = Slack(office, connection=1)
    task = catch_up(office, slack)
    await task.run()
    await office.clock.sleep(timedelta(hours=1).total_seconds())
    await task.run()
    slack.connection = 2
    slack.write(thread, "Hello?")
    await task.run()
    await task.run()
    assert len(slack.reads) == 2
    assert any("Hello?" in text for text in await office.shown(OutboxSide.CUSTOMER))


async def test_many_threads_are_read_a_few_at_a_time(office: Office) -> None:
    """Slack grants 50 reads a minute, which questions need too; a refusal pauses, and nothing is left out."""
    threads = [(await ask(office, number))[1] for number in range(1, 8)]
    slack = Slack(
        office, refusals=[PlatformUnavailable("down"), PlatformRateLimited("slow", retry_after_s=30.0)]
    )
    task = catch_up(office, slack)
    for _ in range(3):  # refused twice, then paused
        await task.run()
    assert slack.reads == []
    await office.clock.sleep(30)
    await task.run()
    assert len(slack.reads) == MAX_READS
    await task.run()
    assert {key.thread for key in slack.reads} == set(threads)


@pytest.mark.parametrize("case", ["ended", "refused"])
async def test_what_cannot_be_read_is_left_alone(office: Office, case: str) -> None:
    """An ended handoff's thread is not read, and a channel without the bot does not stop the others."""
    handoff, thread = await office.hand_off(direct_chat())
    slack = Slack(office)
    slack.write(thread, "Hello?")
    if case == "ended":
        async with office.database.begin() as tx:
            await office.service.apply_action(tx, handoff, HandoffAction.CLOSE, LIN, inbox_id=1)
        await office.clock.sleep(1)
    else:
        slack.refusals.append(PlatformForbidden("not_in_channel"))
    task = catch_up(office, slack)
    for _ in range(2):
        await task.run()
    assert not any("Hello?" in text for text in await office.shown(OutboxSide.CUSTOMER))
    assert slack.reads == []
