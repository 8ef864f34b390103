"""Every ledger keeps one state that changes one step at a time."""

import asyncio
from dataclasses import replace
from typing import Any

from core.domain.clock import SharedClock
from core.llm import DatabaseLimiterStore, LimiterStore, account_name
from core.llm.limiter_codec import decode_state
from core.llm.limiter_state import LimiterState
from core.store import Database


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def time(self) -> float:
        """Return the set time."""
        return self.at

    async def sleep(self, delay_s: float) -> None:
        """Let the time pass at once."""
        self.at += delay_s


def counted(state: LimiterState, _: float) -> tuple[LimiterState, int]:
    """Raise a number by one, and return it."""
    return replace(state, seq=state.seq + 1), state.seq + 1


async def test_changes_at_once_lose_nothing(limiter_store: LimiterStore) -> None:
    """Twenty changes in one moment are twenty changes, one after the other."""
    results = await asyncio.gather(*(limiter_store.update(counted) for _ in range(20)))
    assert sorted(number for number, _ in results) == list(range(1, 21))
    assert sorted(version for _, version in results) == list(range(1, 21))
    assert await limiter_store.version() == 20


async def test_a_step_that_fails_changes_nothing(limiter_store: LimiterStore) -> None:
    """An error inside a step leaves state and version as they were."""

    def broken(state: LimiterState, wall: float) -> tuple[LimiterState, Any]:
        raise KeyError("no")

    await limiter_store.update(counted)
    results = await asyncio.gather(limiter_store.update(broken), return_exceptions=True)
    assert [type(result) for result in results] == [KeyError]
    assert (await limiter_store.update(counted))[0] == 2


async def test_accounts_have_rows_of_their_own(database: Database) -> None:
    """What happens in one account is not seen in another, and replicas of one share it."""
    one, other = account_name("https://a.test/v1", "sk-1"), account_name("https://a.test/v1", "sk-2")
    assert one != other
    await DatabaseLimiterStore(database, one).update(counted)
    await DatabaseLimiterStore(database, one).update(counted)
    assert (await DatabaseLimiterStore(database, other).update(counted))[0] == 1
    assert await DatabaseLimiterStore(database, one).version() == 2


async def test_replicas_agree_on_the_time_at_first_contact(database: Database) -> None:
    """Every ledger on one database tells about the same present."""
    limiter_store = DatabaseLimiterStore(database, "account")

    def told(state: LimiterState, wall: float) -> tuple[LimiterState, float]:
        return state, wall

    (first, _), (second, _) = await limiter_store.update(told), await limiter_store.update(told)
    assert first > 1.7e9
    assert 0.0 <= second - first < 5.0


def test_shared_time_follows_the_own_clock_and_the_one_ahead() -> None:
    """It begins at the wall, goes on with the own clock, and jumps only to what was stored later."""
    clock = Watch()
    shared = SharedClock(clock)
    assert shared.synchronize(stored_s=0.0, wall_s=1_000.0) == 1_000.0
    clock.at += 5.0
    assert shared.synchronize(stored_s=900.0, wall_s=77.0) == 1_005.0
    assert shared.synchronize(stored_s=1_020.0, wall_s=77.0) == 1_020.0
    clock.at += 1.0
    assert shared.now() == 1_021.0


def test_a_state_of_another_version_is_begun_anew() -> None:
    """A row that a later program wrote is no reason to fail."""
    assert decode_state({"shape": 99, "anything": []}) == LimiterState()
    assert decode_state({}) == LimiterState()
