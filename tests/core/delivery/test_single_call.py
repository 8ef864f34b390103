"""Files and topics are sent within the same budgets as answers, and tried again like them."""

import asyncio
from collections.abc import Sequence

import pytest

from core.delivery.single_call import CallRequest
from core.domain.bot_messages import PlatformAction
from core.domain.clock import Clock
from core.domain.errors import (
    LeaseLost,
    MessageGone,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from core.ports.platform import Budget
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.delivery.scenes import dispatching, stream, target

pytestmark = pytest.mark.virtual_time

COST = (Budget(key="fake:c", per_s=1.0, burst=3.0),)


class Upload:
    """A call that fails with the given errors, one after the other, then succeeds."""

    def __init__(self, clock: Clock, errors: Sequence[Exception] = ()) -> None:
        self.clock, self.errors = clock, list(errors)
        self.sent_at: list[float] = []
        self.stored: list[str] = []

    async def __call__(self) -> str:
        """Send it."""
        self.sent_at.append(self.clock.time())
        await self.clock.sleep(0.02)
        if self.errors:
            raise self.errors.pop(0)
        return "file-1"

    async def store(self, result: str) -> None:
        """Store its result."""
        self.stored.append(result)

    def request(self) -> CallRequest[str]:
        """Return the request."""
        return CallRequest(
            platform="fake", action=PlatformAction.FILE, cost=COST, send=self, on_sent=self.store
        )


async def test_its_result_is_returned_and_stored(loop_clock: Clock) -> None:
    """It is sent at once if there is room."""
    upload = Upload(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        assert await dispatcher.call(upload.request()) == "file-1"

    assert upload.stored == ["file-1"]
    assert upload.sent_at == [0.0]


async def test_calls_beyond_the_burst_wait_for_their_turn(loop_clock: Clock) -> None:
    """Five files in a budget of three at once and one a second."""
    uploads = [Upload(loop_clock) for _ in range(5)]

    async with dispatching(loop_clock) as dispatcher:
        await asyncio.gather(*(dispatcher.call(upload.request()) for upload in uploads))

    times = sorted(upload.sent_at[0] for upload in uploads)
    assert times[:3] == [0.0] * 3
    assert times[3:] == pytest.approx([1.02, 2.04], abs=0.05)


async def test_it_shares_the_budget_with_answers(loop_clock: Clock) -> None:
    """Neither a file nor an answer beside it is refused by the platform."""
    channel = FakeMessageChannel(loop_clock)

    async def send() -> None:
        await channel.count_call("c")

    async with dispatching(loop_clock) as dispatcher:
        requests = [
            CallRequest(platform="fake", action=PlatformAction.FILE, cost=(channel.budget("c"),), send=send)
            for _ in range(3)
        ]
        await asyncio.gather(
            stream(dispatcher, loop_clock, target(channel)),
            *(dispatcher.call(request) for request in requests),
        )

    assert channel.rate_limited_at == []


@pytest.mark.parametrize(
    ("error", "least_wait_s"),
    [
        (PlatformUnavailable("502"), 0.5),
        (PlatformOutcomeUnknown("lost"), 0.5),
        (PlatformRateLimited("slow", retry_after_s=6.0), 6.0),
        (PlatformError("odd"), 0.5),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_a_failure_that_may_pass_is_tried_again(
    loop_clock: Clock, error: PlatformError, least_wait_s: float
) -> None:
    """After a pause, or after the wait that the platform named."""
    upload = Upload(loop_clock, [error])

    async with dispatching(loop_clock) as dispatcher:
        await dispatcher.call(upload.request())

    first, second = upload.sent_at
    assert second - first >= least_wait_s


@pytest.mark.parametrize(
    "error", [PlatformForbidden("no"), PlatformRefused("odd"), MessageGone("deleted")], ids=str
)
async def test_a_final_failure_is_raised(loop_clock: Clock, error: PlatformError) -> None:
    """What cannot succeed is not tried again."""
    upload = Upload(loop_clock, [error])

    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(type(error)):
            await dispatcher.call(upload.request())

    assert len(upload.sent_at) == 1


async def test_a_call_of_unknown_result_is_repeated_three_times_at_the_most(loop_clock: Clock) -> None:
    """We chose: each attempt may have taken effect, so the number of copies is bounded."""
    upload = Upload(loop_clock, [PlatformOutcomeUnknown("lost")] * 9)

    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(PlatformUnavailable):
            await dispatcher.call(upload.request())

    assert len(upload.sent_at) == 4


async def test_an_unexpected_error_ends_the_call_as_a_platform_error(loop_clock: Clock) -> None:
    """An adapter's defect reaches the caller, not only the log."""
    upload = Upload(loop_clock, [OSError("disk")])

    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(PlatformError, match="OSError"):
            await dispatcher.call(upload.request())


async def test_a_result_is_stored_although_the_caller_was_cancelled(loop_clock: Clock) -> None:
    """A file that was sent must not be sent again by the next attempt."""
    upload = Upload(loop_clock)

    async with dispatching(loop_clock) as dispatcher:
        calling = asyncio.create_task(dispatcher.call(upload.request()))
        await loop_clock.sleep(0.01)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)

    assert upload.stored == ["file-1"]


async def test_a_cancelled_caller_ends_the_attempts(loop_clock: Clock) -> None:
    """Nothing is sent for a caller that has gone."""
    upload = Upload(loop_clock, [PlatformUnavailable("502")] * 99)

    async with dispatching(loop_clock) as dispatcher:
        calling = asyncio.create_task(dispatcher.call(upload.request()))
        await loop_clock.sleep(5)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
        sent = len(upload.sent_at)
        await loop_clock.sleep(600)

    assert len(upload.sent_at) == sent


async def test_a_lost_lease_ends_the_call(loop_clock: Clock) -> None:
    """If storing the result says that another worker owns the task, the caller learns it."""

    class Fenced(Upload):
        async def store(self, result: str) -> None:
            raise LeaseLost("taken over")

    async with dispatching(loop_clock) as dispatcher:
        with pytest.raises(LeaseLost):
            await dispatcher.call(Fenced(loop_clock).request())
