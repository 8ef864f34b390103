"""Budgets hold over all replicas, whatever the order in which they ask, send and hear replies."""

import heapq
from collections.abc import Mapping
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.delivery.shared_budget import (
    LOAD_TTL_S,
    BudgetRequest,
    CompletedCall,
    Reservation,
    SharedBudget,
    apply_completions,
    apply_rate_limit,
    call_key,
    remote_load,
    sync_from_shared,
    try_reserve,
)
from core.delivery.token_bucket import CALL_TIMEOUT_S, BucketLoad, build_bucket, count_call
from core.ports.platform import Budget

BUCKET = Budget(key="b", per_s=1.0, burst=3)
WINDOW = Budget(key="w", per_s=4 / 10, burst=4, window_s=10)

#: (replica, seconds it waits before it asks, latency, share of it before the platform counts)
CALLS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.floats(0, 2), st.floats(0, 2.5), st.floats(0, 1)),
    min_size=1,
    max_size=50,
)


def counted_by_platform(budget: Budget, calls: list[tuple[str, float, float, float]]) -> list[float]:
    """Let replicas send as soon as the shared state allows; return when the platform counted each call."""
    stored: dict[str, SharedBudget] = {}
    now, counted, numbers = 0.0, [], count()
    replies: list[tuple[float, str, int]] = []
    for replica, pause, latency, share in calls:
        now += pause
        while True:
            arrived = [one for one in replies if one[0] <= now and one[1] == replica]
            completed = {budget.key: [CompletedCall(call, now - at) for at, _, call in arrived]}
            replies = [one for one in replies if one not in arrived]
            number = next(numbers)
            reservation = try_reserve(
                stored,
                [BudgetRequest(budget)],
                replica=replica,
                call_id=number,
                completed=completed,
                now=now,
            )
            stored = dict(reservation.budgets)
            if reservation.granted:
                break
            assert reservation.wait_s > 0
            now += min(reservation.wait_s, 1.0)  # another replica's reply may make room earlier
        heapq.heappush(replies, (now + latency, replica, number))
        counted.append(now + share * latency)
    return sorted(counted)


@given(CALLS)
def test_a_bucket_is_never_overdrawn(calls: list[tuple[str, float, float, float]]) -> None:
    """Three replicas together never take more than a strict bucket grants."""
    level, seen = float(BUCKET.burst), 0.0
    for at in counted_by_platform(BUCKET, calls):
        level = min(BUCKET.burst, level + (at - seen) * BUCKET.per_s) - 1
        seen = at
        assert level >= -1e-6


@given(CALLS)
def test_a_window_is_never_exceeded(calls: list[tuple[str, float, float, float]]) -> None:
    """Three replicas together stay within a sliding window."""
    counted = counted_by_platform(WINDOW, calls)
    for index, at in enumerate(counted):
        within = [one for one in counted[: index + 1] if one > at - WINDOW.window_s + 1e-6]
        assert len(within) <= WINDOW.burst


def reserve(
    stored: Mapping[str, SharedBudget],
    *requests: BudgetRequest,
    replica: str = "a",
    call_id: int = 0,
    now: float = 0.0,
) -> Reservation:
    """Reserve one call without any replies."""
    return try_reserve(stored, requests, replica=replica, call_id=call_id, completed={}, now=now)


def spend(budget: Budget, calls: int, *, replica: str = "a", now: float = 0.0) -> dict[str, SharedBudget]:
    """Return a budget's state after some calls without replies."""
    stored: dict[str, SharedBudget] = {}
    for call in range(calls):
        stored = dict(reserve(stored, BudgetRequest(budget), replica=replica, call_id=call, now=now).budgets)
    return stored


def test_nothing_is_taken_if_one_budget_has_no_room() -> None:
    """A call that needs two budgets takes from both or from none."""
    requests = BudgetRequest(BUCKET), BudgetRequest(WINDOW)

    reservation = reserve(spend(WINDOW, 4), *requests, replica="b", call_id=9)

    assert not reservation.granted
    assert reservation.budgets["b"].state.in_flight == {}


def test_calls_for_more_urgent_ones_are_left() -> None:
    """A preview leaves the calls that final updates may need."""
    stored: dict[str, SharedBudget] = {}
    granted = []
    for call in range(3):
        reservation = reserve(stored, BudgetRequest(BUCKET, min_remaining=1.0), call_id=call)
        stored = dict(reservation.budgets)
        granted.append(reservation.granted)

    assert granted == [True, True, False]
    assert reserve(stored, BudgetRequest(BUCKET), replica="b").granted


def test_a_rate_limit_closes_the_budget_for_all() -> None:
    """No replica sends before the wait that the platform named to one of them."""
    closed = apply_rate_limit(None, BUCKET, 7.0, 100.0)

    reservation = reserve({"b": closed}, BudgetRequest(BUCKET), replica="other", now=101.0)

    assert not reservation.granted
    assert reservation.wait_s == pytest.approx(6.5)


def test_a_reply_gives_a_window_its_place_back_after_its_time() -> None:
    """A call counts from its reply on."""
    stored = spend(WINDOW, 4)["w"]

    after = apply_completions(stored, WINDOW, [CompletedCall(0, 0.0)], replica="a", now=2.0)

    assert not reserve({"w": after}, BudgetRequest(WINDOW), call_id=9, now=11.9).granted
    assert reserve({"w": after}, BudgetRequest(WINDOW), call_id=9, now=12.1).granted


def test_calls_of_a_dead_replica_are_not_in_flight_for_ever() -> None:
    """A window's place that nobody gave back is counted once and then free again."""
    later = CALL_TIMEOUT_S + 1

    held = reserve(spend(WINDOW, 4, replica="dead"), BudgetRequest(WINDOW), now=later)

    assert not held.granted
    later += WINDOW.window_s + 1
    assert reserve(held.budgets, BudgetRequest(WINDOW), call_id=1, now=later).granted


def test_a_replica_knows_the_load_of_the_others() -> None:
    """What another reports counts while it is fresh, and never our own."""
    stored = reserve({}, BudgetRequest(BUCKET, load=BucketLoad(3, 2)), now=50.0).budgets["b"]

    assert remote_load(stored, replica="b", now=51.0) == BucketLoad(3, 2)
    assert remote_load(stored, replica="a", now=51.0) == BucketLoad(0, 0)
    assert remote_load(stored, replica="b", now=51.0 + LOAD_TTL_S) == BucketLoad(0, 0)


@pytest.mark.parametrize("budget", [BUCKET, WINDOW])
def test_a_local_bucket_follows_the_stored_state(budget: Budget) -> None:
    """Others' calls count in our own bucket, ours that wait for a reply stay in flight."""
    stored: dict[str, SharedBudget] = {}
    for replica, call in (("b", 1), ("a", 1), ("a", 2)):
        stored = dict(reserve(stored, BudgetRequest(budget), replica=replica, call_id=call, now=9.0).budgets)
    own = build_bucket(budget, 1000.0)
    own.start(2, 1000.0)  # call 1 has its reply, which is not stored yet

    sync_from_shared(own, stored[budget.key], replica="a", shared_now=9.0, now=1000.0)

    assert own.level(1000.0) == pytest.approx(budget.burst - 3)
    assert call_key("a", 1) in stored[budget.key].state.in_flight
    own.complete(2, 1000.0)
    assert own.level(1000.0) == pytest.approx(budget.burst - 3)


def test_an_album_counts_as_its_messages_for_all_replicas() -> None:
    """What one replica shows in one call, the others wait for as for so many calls."""
    album = [BudgetRequest(BUCKET), BudgetRequest(BUCKET), BudgetRequest(BUCKET), BudgetRequest(BUCKET)]
    reserved = try_reserve({}, album, replica="a", call_id=1, completed={}, now=0.0)
    assert reserved.granted
    assert len(reserved.budgets["b"].state.in_flight) == 4

    replies = {"b": [CompletedCall(part, 0.0) for _, part in count_call([BUCKET] * 4, 1)]}
    again = try_reserve(reserved.budgets, album[:1], replica="b", call_id=1, completed={}, now=0.0)
    assert not again.granted
    later = try_reserve(reserved.budgets, album[:1], replica="a", call_id=2, completed=replies, now=0.0)
    assert (later.granted, later.wait_s) == (False, pytest.approx(2.0))
