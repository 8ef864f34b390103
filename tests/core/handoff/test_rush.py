"""Thirty customers who ask for a person in one moment, with a desk that takes twenty messages a minute."""

from dataclasses import replace

import pytest

from core.domain.addresses import Person
from core.handoff.platforms import HandoffPlatforms
from core.testing.fake_handoff_rooms import FakeHandoffRooms
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.handoff.conftest import LIN, Screens
from tests.event_builders import Chat

pytestmark = pytest.mark.virtual_time

CUSTOMERS = 30
TOLD_WITHIN_S = 5.0


def open_desk(screens: Screens) -> None:
    """Put the desk on Telegram, where a group takes 20 messages a minute, and the customers on Slack."""
    screens.telegram = FakeMessageChannel(screens.clock, per_s=20 / 60, burst=20.0)
    screens.slack = FakeMessageChannel(screens.clock, per_s=1.0, burst=3.0)
    screens.topics = FakeHandoffRooms(screens.telegram, platform="telegram")
    screens.platforms = HandoffPlatforms(
        channels={"telegram": screens.telegram, "slack": screens.slack},
        rooms={
            "telegram": screens.topics,
            "slack": FakeHandoffRooms(screens.slack, platform="slack", has_topics=False),
        },
        downloaders={"telegram": screens, "slack": screens},
    )
    screens.configure(desk_room=replace(screens.policy.desk_room, platform="telegram", channel="-100"))
    screens.runner = screens.new_runner()
    screens.model.replies = ["A summary."] * CUSTOMERS


@pytest.mark.slow
async def test_each_is_told_at_once(screens: Screens) -> None:
    """The customers do not wait for the desk's room, which takes minutes for thirty topics with tickets."""
    open_desk(screens)
    started = screens.clock.time()
    chats = [Chat(platform="slack", tenant="T1", channel=f"D{n}") for n in range(CUSTOMERS)]
    people = [Person(id=f"U{n}", name=f"Ann{n}", language="en") for n in range(CUSTOMERS)]
    for chat, person in zip(chats, people, strict=True):
        await screens.ingest(chat.message("I want to talk to a human", author=person))
    await screens.settle()

    told = [frame.at_s - started for frame in screens.slack.screen.frames]
    assert len(told) == CUSTOMERS
    assert max(told) <= TOLD_WITHIN_S
    ticket_at_s: dict[str, float] = {}
    for frame in screens.telegram.screen.frames:
        ticket_at_s.setdefault(frame.message_id, frame.at_s - started)
    assert len(ticket_at_s) == CUSTOMERS
    # 20 calls at once and 20 a minute: each ticket takes a topic and a message, and no edit comes between.
    assert max(ticket_at_s.values()) <= 60 * (2 * CUSTOMERS - 20) / 20 + 15


async def test_a_colleagues_words_do_not_wait_for_the_desks_cards(screens: Screens) -> None:
    """While a card's update waits for the room's rate limit, the customer reads what is written, in order."""
    open_desk(screens)
    chats = [Chat(platform="slack", tenant="T1", channel=f"D{n}") for n in range(12)]
    for number, chat in enumerate(chats):
        person = Person(id=f"U{number}", name=f"Ann{number}", language="en")
        await screens.ingest(chat.message("I want to talk to a human", author=person))
    await screens.clock.sleep(10.0)  # the first have their tickets, and the room is used up
    thread = "topic-1"
    desk = Chat(channel="-100", threaded=True)
    for text in ("Hello", "Which parcel?", "A1 or B2?"):
        await screens.ingest(desk.message(text, author=LIN, thread=thread))
        await screens.clock.sleep(3.0)
        shown = [one.text for one in screens.slack.screen.messages.values() if "**Lin:**" in one.text]
        assert shown[-1:] == [f"**Lin:** {text}"]
    card = next(one for one in screens.telegram.screen.messages.values() if one.thread == thread)
    assert "Lin" not in card.text, "its update waits still"
    await screens.settle()
    card = next(one for one in screens.telegram.screen.messages.values() if one.thread == thread)
    assert "Lin" in card.text
