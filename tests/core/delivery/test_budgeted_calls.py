"""Calls are reserved among all replicas, and each is reported to the observer."""

from collections.abc import Sequence

import pytest

from core.delivery.shared_budget import (
    BudgetRequest,
    Reservation,
    SharedBudget,
    apply_rate_limit,
    try_reserve,
)
from core.domain.clock import Clock
from core.domain.errors import PlatformRateLimited, PlatformUnavailable, StoreUnavailable
from core.observer import Observer, PlatformCallRecord
from core.ports.platform import Budget
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.delivery.scenes import WORDS, address, dispatching, stream, target

pytestmark = pytest.mark.virtual_time


class Recorder(Observer):
    """Keeps the calls that are reported."""

    def __init__(self) -> None:
        self.calls: list[PlatformCallRecord] = []

    def platform_call_finished(self, call: PlatformCallRecord) -> None:
        """Keep a call."""
        self.calls.append(call)


class MemoryBudgets:
    """Budgets that replicas in one process share."""

    def __init__(self, clock: Clock, replica: str, stored: dict[str, SharedBudget]) -> None:
        self.replica = replica
        self.completed: list[int] = []
        self.available = True
        self._clock, self._stored = clock, stored

    async def reserve(self, requests: Sequence[BudgetRequest], call_id: int) -> Reservation:
        """Reserve a call."""
        if not self.available:
            raise StoreUnavailable("gone")
        reservation = try_reserve(
            self._stored,
            requests,
            replica=self.replica,
            call_id=call_id,
            completed={},
            now=self._clock.time(),
        )
        self._stored.update(reservation.budgets)
        return reservation

    def complete(self, budgets: Sequence[Budget], call_id: int) -> None:
        """Keep a reply."""
        self.completed.append(call_id)

    async def record_rate_limit(self, budget: Budget, retry_after_s: float) -> None:
        """Close a budget."""
        now, stored = self._clock.time(), self._stored.get(budget.key)
        self._stored[budget.key] = apply_rate_limit(stored, budget, retry_after_s, now)

    async def close(self) -> None:
        """Nothing to report."""


async def test_an_update_reports_how_long_its_oldest_new_word_waited(loop_clock: Clock) -> None:
    """The latency is counted from a word's arrival to its being on the screen, for every update alike."""
    channel, recorder, arrived = FakeMessageChannel(loop_clock), Recorder(), []

    async with dispatching(loop_clock, observer=recorder) as dispatcher:
        message = dispatcher.open(target(channel), show_status=False)
        for number in range(80):
            arrived.append(loop_clock.time())
            message.append(f"word{number:03} ")
            await loop_clock.sleep(0.05)
        await message.finish()

    shown, expected = 0, []
    for frame in channel.screen.frames:
        expected.append(frame.at_s - arrived[shown])
        shown = frame.text.count("word")
    reported = [call.text_latency_s for call in recorder.calls if call.text_latency_s is not None]
    assert len(reported) >= 5
    assert reported == pytest.approx(expected, abs=0.1)
    assert message.first_shown_at == pytest.approx(channel.screen.frames[0].at_s, abs=0.1)
    assert {call.error for call in recorder.calls} == {""}


async def test_the_words_of_a_refused_update_keep_waiting(loop_clock: Clock) -> None:
    """The error is reported by a short name; the words' latency goes on until they are shown."""
    channel, recorder = FakeMessageChannel(loop_clock), Recorder()
    channel.fail_next(PlatformUnavailable("down"), PlatformRateLimited("slower", retry_after_s=1.0))

    async with dispatching(loop_clock, observer=recorder) as dispatcher:
        await stream(dispatcher, loop_clock, target(channel), WORDS[:80], per_s=20.0)

    assert [call.error for call in recorder.calls][:3] == ["unavailable", "rate_limited", ""]
    assert [call.text_latency_s is None for call in recorder.calls][:3] == [True, True, False]
    assert recorder.calls[2].text_latency_s == pytest.approx(channel.screen.frames[0].at_s, abs=0.3)


async def test_replicas_together_stay_within_a_budget(loop_clock: Clock) -> None:
    """Two processes answer in one channel: no call is refused, and both answers end whole."""
    channel, stored = FakeMessageChannel(loop_clock), {}
    one, other = (MemoryBudgets(loop_clock, name, stored) for name in ("one", "other"))

    async with (
        dispatching(loop_clock, shared_budgets=one) as first,
        dispatching(loop_clock, shared_budgets=other) as second,
    ):
        messages = [
            dispatcher.open(target(channel, key=key), show_status=False)
            for key, dispatcher in (("1", first), ("2", second))
        ]
        for word in WORDS[:100]:
            for message in messages:
                message.append(word)
            await loop_clock.sleep(0.05)
        for message in messages:
            await message.finish()

    assert channel.screen.texts == ["".join(WORDS[:100])] * 2
    assert channel.rate_limited_at == []
    assert one.completed
    assert other.completed


async def test_a_refusal_is_reported_to_the_others(loop_clock: Clock) -> None:
    """What the platform refused one replica, the other does not try."""
    channel, stored = FakeMessageChannel(loop_clock), {}
    channel.fail_next(PlatformRateLimited("slow", retry_after_s=20.0))

    async with (
        dispatching(loop_clock, shared_budgets=MemoryBudgets(loop_clock, "one", stored)) as first,
        dispatching(loop_clock, shared_budgets=MemoryBudgets(loop_clock, "other", stored)) as second,
    ):
        limited = first.open(target(channel, key="1"), show_status=False)
        limited.append("some words of an answer ")
        await loop_clock.sleep(1)
        _, done_at = await stream(second, loop_clock, target(channel, key="2"), WORDS[:10])
        await limited.finish()

    assert done_at >= 20.0
    assert channel.rate_limited_at == []


async def test_a_store_that_does_not_answer_delays_nothing(loop_clock: Clock) -> None:
    """We chose: without the shared budgets, a replica goes by its own count."""
    channel, budgets = FakeMessageChannel(loop_clock), MemoryBudgets(loop_clock, "one", {})
    budgets.available = False

    async with dispatching(loop_clock, shared_budgets=budgets) as dispatcher:
        said_at, done_at = await stream(dispatcher, loop_clock, target(channel, address()), WORDS[:50])

    assert channel.screen.texts == ["".join(WORDS[:50])]
    assert done_at - said_at < 0.3
