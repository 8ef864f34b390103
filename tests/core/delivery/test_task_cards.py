"""Steps of an answer: cards where a stream shows them, else a line in the growing message."""

from dataclasses import replace

import pytest

from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.streamed_message import StreamedMessage
from core.domain.bot_messages import DeliveryModeName, TaskCard, TaskState
from core.domain.clock import Clock
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.delivery.scenes import dispatching, target

pytestmark = pytest.mark.virtual_time

SEARCH = TaskCard(id="1", title="Searching: tea")
FOUND = replace(SEARCH, state=TaskState.DONE, sources=(("https://a.test/tea", "Tea"),))
READ = TaskCard(id="2", title="Reading: tea")
STREAM = (DeliveryModeName.STREAM, DeliveryModeName.EDIT)


def opened(dispatcher: DeliveryDispatcher, channel: FakeMessageChannel) -> StreamedMessage:
    """An answer on this screen."""
    return dispatcher.open(target(channel), show_status=False)


async def test_a_stream_shows_cards_before_and_between_its_text(loop_clock: Clock) -> None:
    """A step is seen at once, without text; its later states replace it, and the text only grows."""
    channel = FakeMessageChannel(loop_clock, modes=STREAM, shows_tasks=True)
    async with dispatching(loop_clock) as dispatcher:
        message = opened(dispatcher, channel)
        message.show_task(SEARCH)
        await loop_clock.sleep(2)
        (shown,) = channel.screen.messages.values()
        assert (shown.text, shown.tasks) == ("", (SEARCH,))
        message.show_task(FOUND)
        message.append("Tea helps. ")
        await loop_clock.sleep(2)
        message.show_task(READ)
        await loop_clock.sleep(2)
        (shown,) = channel.screen.messages.values()
        assert (shown.text, shown.tasks) == ("Tea helps.", (FOUND, READ))
        message.append("It does.")
        await message.finish()
    (shown,) = channel.screen.messages.values()
    assert shown.text == "Tea helps. It does."
    assert shown.tasks == (FOUND, replace(READ, state=TaskState.FAILED))
    assert channel.screen.identical_edits == 0


async def test_the_end_of_a_stream_needs_no_call_for_its_cards(loop_clock: Clock) -> None:
    """The call that ends it leaves the cards as they are; no edit follows, which would take them away."""
    channel = FakeMessageChannel(loop_clock, modes=STREAM, shows_tasks=True)
    async with dispatching(loop_clock) as dispatcher:
        message = opened(dispatcher, channel)
        message.show_task(FOUND)
        await loop_clock.sleep(1)
        message.append("Tea helps.")
        await message.finish()
    (shown,) = channel.screen.messages.values()
    assert (shown.text, shown.tasks, shown.growing) == ("Tea helps.", (FOUND,), False)
    assert len(channel.screen.frames) == 2


async def test_cards_belong_to_the_message_that_grew_when_they_began(loop_clock: Clock) -> None:
    """A long answer takes several messages; the first one keeps its card."""
    channel = FakeMessageChannel(loop_clock, modes=STREAM, shows_tasks=True, page_chars=20)
    async with dispatching(loop_clock) as dispatcher:
        message = opened(dispatcher, channel)
        message.show_task(FOUND)
        await loop_clock.sleep(1)
        message.append("a" * 30)
        await loop_clock.sleep(5)
        message.show_task(READ)
        await loop_clock.sleep(5)
        assert [shown.tasks for shown in channel.screen.messages.values()] == [(FOUND,), (READ,)]
        message.append("b")
        await message.finish()
    assert channel.screen.texts == ["a" * 20, "a" * 10 + "b"]


async def test_without_cards_a_step_is_a_line_in_the_growing_message(loop_clock: Clock) -> None:
    """In place of the text while there is none, and below it as long as the step runs."""
    channel = FakeMessageChannel(loop_clock)
    async with dispatching(loop_clock) as dispatcher:
        message = opened(dispatcher, channel)
        message.show_task(SEARCH)
        await loop_clock.sleep(3)
        assert channel.screen.texts == ["Searching: tea"]
        message.show_task(FOUND)
        message.append("Tea helps.")
        await loop_clock.sleep(3)
        assert channel.screen.texts == ["Tea helps."]
        message.show_task(READ)
        await loop_clock.sleep(3)
        assert channel.screen.texts == ["Tea helps.\n\nReading: tea"]
        message.show_task(replace(READ, state=TaskState.DONE))
        await loop_clock.sleep(3)
        assert channel.screen.texts == ["Tea helps."]
        message.show_task(TaskCard(id="3", title="Reading: more"))
        await loop_clock.sleep(3)
        await message.finish()
    assert channel.screen.texts == ["Tea helps."]
    assert channel.screen.identical_edits == 0
    assert channel.rate_limited_at == []


async def test_a_stream_without_cards_keeps_todays_line(loop_clock: Clock) -> None:
    """The line is a message that the answer then replaces; nothing is appended that must go away again."""
    channel = FakeMessageChannel(loop_clock, modes=STREAM)
    async with dispatching(loop_clock) as dispatcher:
        message = opened(dispatcher, channel)
        message.show_task(SEARCH)
        await loop_clock.sleep(3)
        assert channel.screen.texts == ["Searching: tea"]
        message.append("Tea helps.")
        await message.finish()
    assert channel.screen.texts == ["Tea helps."]
