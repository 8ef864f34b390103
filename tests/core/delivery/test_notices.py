"""Notices, such as replies to commands, beside answers in one channel: nobody waits for another's flood."""

import asyncio

import pytest

from core.domain.clock import Clock
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.delivery.scenes import dispatching, target

pytestmark = pytest.mark.virtual_time

PER_S, BURST = 1 / 3, 5.0  #: as in a Telegram group: 20 a minute


def shown_at(channel: FakeMessageChannel, text: str) -> float:
    """Return when a text was on the screen whole."""
    return next(frame.at_s for frame in channel.screen.frames if frame.text == text)


async def test_an_answer_goes_before_waiting_notices(loop_clock: Clock) -> None:
    """Forty `/help` of one member made another member's answer wait for more than 100 s."""
    channel = FakeMessageChannel(loop_clock, per_s=PER_S, burst=BURST)
    async with dispatching(loop_clock) as dispatcher:
        for number in range(40):
            notice = dispatcher.open(
                target(channel, key=f"n{number}", person="ann", is_notice=True), show_status=False
            )
            notice.append(f"notice {number}")
            notice.end_text()
        await loop_clock.sleep(20)
        asked_at = loop_clock.time()
        answer = dispatcher.open(target(channel, key="a", person="bob"), show_status=False)
        answer.append("The answer.")
        await answer.finish()
    assert shown_at(channel, "The answer.") - asked_at < 2 / PER_S
    assert channel.rate_limited_at == []


async def test_a_person_s_notices_wait_behind_those_of_others(loop_clock: Clock) -> None:
    """Bob's first notice goes before the rest of Ann's, which all arrive in the end."""
    channel = FakeMessageChannel(loop_clock, per_s=PER_S, burst=BURST)
    async with dispatching(loop_clock) as dispatcher:
        notices = [
            dispatcher.open(
                target(channel, key=f"n{number}", person=person, is_notice=True), show_status=False
            )
            for number, person in enumerate(["ann"] * 12 + ["bob"])
        ]
        for number, notice in enumerate(notices):
            notice.append(f"notice {number}")
        await asyncio.gather(*(notice.finish() for notice in notices))
    order = [frame.text for frame in channel.screen.frames]
    assert order.index("notice 12") <= 2
    assert len(order) == 13


async def test_a_notice_is_shown_beside_a_running_answer(loop_clock: Clock) -> None:
    """Previews of a long answer do not keep a notice back."""
    channel = FakeMessageChannel(loop_clock, per_s=1.0, burst=1.0)
    async with dispatching(loop_clock) as dispatcher:
        answer = dispatcher.open(target(channel, key="a", person="ann"), show_status=False)
        for number in range(100):
            answer.append(f"word{number} ")
            if number == 50:
                asked_at = loop_clock.time()
                notice = dispatcher.open(
                    target(channel, key="n", person="bob", is_notice=True), show_status=False
                )
                notice.append("notice")
                notice.end_text()
            await loop_clock.sleep(0.2)
        await answer.finish()
    assert shown_at(channel, "notice") - asked_at < 4.0
