"""A process that may have lost its work shows nothing: held calls, and calls that are cancelled."""

import asyncio

import pytest

from core.domain.clock import Clock
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.delivery.scenes import dispatching, target

pytestmark = pytest.mark.virtual_time


async def test_nothing_is_shown_during_a_hold_and_all_of_it_afterwards(loop_clock: Clock) -> None:
    """Text and even the end of an answer wait for the hold's end, then the newest text is shown."""
    channel, may_send = FakeMessageChannel(loop_clock), True

    async with dispatching(loop_clock, may_send=lambda: may_send) as dispatcher:
        message = dispatcher.open(target(channel))
        message.append("The first words of it. ")
        await loop_clock.sleep(2)
        may_send, held_at = False, loop_clock.time()
        for number in range(10):
            message.append(f"more {number} ")
            await loop_clock.sleep(0.5)
        finishing = asyncio.create_task(message.finish())
        await loop_clock.sleep(5)
        assert not finishing.done()
        may_send, released_at = True, loop_clock.time()
        await finishing

    assert [frame for frame in channel.screen.frames if held_at < frame.at_s < released_at] == []
    assert [text.endswith("more 9 ") for text in channel.screen.texts] == [True]


async def test_a_cancelled_call_takes_no_effect_later(loop_clock: Clock) -> None:
    """A call that hangs when the work is lost is cancelled, not waited for."""
    channel, may_send = FakeMessageChannel(loop_clock, latency_s=60.0), True

    async with dispatching(loop_clock, may_send=lambda: may_send) as dispatcher:
        message = dispatcher.open(target(channel), show_status=False)
        message.append("These words are on their way. ")
        await loop_clock.sleep(1)
        assert channel.calls_in_flight == 1
        may_send = False
        dispatcher.cancel_calls()
        message.close()
        await loop_clock.sleep(120)

    assert channel.screen.texts == []
    assert channel.calls_in_flight == 0


async def test_closing_waits_for_calls_in_flight(loop_clock: Clock) -> None:
    """Nothing takes effect after the dispatcher is closed."""
    channel = FakeMessageChannel(loop_clock, latency_s=3.0)

    async with dispatching(loop_clock) as dispatcher:
        dispatcher.open(target(channel), show_status=False).append("These words are on their way. ")
        await loop_clock.sleep(1)

    assert channel.screen.texts == ["These words are on their way."]
    assert channel.calls_in_flight == 0
