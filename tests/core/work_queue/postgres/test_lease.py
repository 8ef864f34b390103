"""The permission to write, and the event loop that stood still."""

import asyncio

import pytest

from core.work_queue.postgres import lease as lease_module
from core.work_queue.postgres.lease import Lease, watch_loop


@pytest.fixture
def time_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, to be changed."""
    now = [100.0]
    monkeypatch.setattr(lease_module, "now", lambda: now[0])
    return now


def test_a_lease_counts_from_before_the_heartbeat_was_sent(time_s: list[float]) -> None:
    """The database may have accepted it at any moment since."""
    lease = Lease(2.0)
    assert not lease.valid
    time_s[0] = 101.5
    lease.renew(sent_at=100.0)
    assert lease.valid
    time_s[0] = 102.0
    assert not lease.valid


def test_a_revoked_lease_is_invalid_until_the_next_heartbeat(time_s: list[float]) -> None:
    """Once evicted, a replica writes nothing until it is a member again."""
    lease = Lease(2.0)
    lease.renew(sent_at=100.0)
    lease.revoke()
    assert not lease.valid
    lease.renew(sent_at=100.0)
    assert lease.valid


@pytest.mark.virtual_time
async def test_a_loop_that_stood_still_is_reported_with_the_time_lost(time_s: list[float]) -> None:
    """A frozen process notices it in the loop's first iteration."""
    loop = asyncio.get_running_loop()
    began, frozen_s = loop.time(), [0.0]
    lost: list[float] = []

    def now() -> float:
        return 100.0 + loop.time() - began + frozen_s[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lease_module, "now", now)
        watch = asyncio.create_task(watch_loop(2.0, lost.append))
        await asyncio.sleep(10)
        assert lost == []
        frozen_s[0] = 5.0
        await asyncio.sleep(1)
        assert lost == pytest.approx([5.0])
        watch.cancel()
