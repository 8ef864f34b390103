"""Budgets hold over all replicas, whatever the order in which they ask, send and hear replies."""

import heapq
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.delivery.shared_budget import (
    DEMAND_TTL_S,
    BudgetRequest,
    CompletedCall,
    apply_rate_limit,
    call_key,
    remote_demand,
    sync_from_shared,
    try_reserve,
)
from core.delivery.token_bucket import CALL_TIMEOUT_S, build_bucket
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
    """Let replicas send as soon as the shared row allows; return when the platform counted each call."""
    row: dict[str, Any] = {}
    now, counted, numbers = 0.0, [], count()
    replies: list[tuple[float, str, int]] = []
    for replica, pause, latency, share in calls:
        now += pause
        while True:
            heard = [one for one in replies if one[0] <= now and one[1] == replica]
            told = {budget.key: [CompletedCall(call, now - at) for at, _, call in heard]}
            replies = [one for one in replies if one not in heard]
            number = next(numbers)
            asks = [BudgetRequest(budget)]
            verdict = try_reserve(
                {budget.key: row}, asks, replica=replica, call_id=number, completed=told, now=now
            )
            row = dict(verdict.rows[budget.key])
            if verdict.granted:
                break
            assert verdict.wait_s > 0
            now += min(verdict.wait_s, 1.0)  # another replica's reply may make room earlier
        heapq.heappush(replies, (now + latency, replica, number))
        counted.append(now + share * latency)
    return sorted(counted)


@given(CALLS)
@settings(deadline=None)
def test_a_bucket_is_never_overdrawn(calls: list[tuple[str, float, float, float]]) -> None:
    """Three replicas together never take more than a strict bucket grants."""
    level, seen = float(BUCKET.burst), 0.0
    for at in counted_by_platform(BUCKET, calls):
        level = min(BUCKET.burst, level + (at - seen) * BUCKET.per_s) - 1
        seen = at
        assert level >= -1e-6


@given(CALLS)
@settings(deadline=None)
def test_a_window_is_never_exceeded(calls: list[tuple[str, float, float, float]]) -> None:
    """Three replicas together stay within a sliding window."""
    counted = counted_by_platform(WINDOW, calls)
    for index, at in enumerate(counted):
        within = [one for one in counted[: index + 1] if one > at - WINDOW.window_s + 1e-6]
        assert len(within) <= WINDOW.burst


def test_nothing_is_taken_where_one_budget_has_no_room() -> None:
    """A call that needs two budgets takes from both or from none."""
    spent: dict[str, Any] = {}
    for call in range(4):
        verdict = try_reserve(
            {"w": spent}, [BudgetRequest(WINDOW)], replica="a", call_id=call, completed={}, now=0.0
        )
        spent = dict(verdict.rows["w"])
    asks = [BudgetRequest(BUCKET), BudgetRequest(WINDOW)]
    verdict = try_reserve({"w": spent}, asks, replica="b", call_id=9, completed={}, now=0.0)
    assert not verdict.granted
    assert verdict.rows["b"]["flying"] == {}


def test_what_is_kept_back_is_left() -> None:
    """A preview leaves the calls that final frames may need."""
    row: dict[str, Any] = {}
    granted = []
    for call in range(3):
        ask = BudgetRequest(BUCKET, min_remaining=1.0)
        verdict = try_reserve({"b": row}, [ask], replica="a", call_id=call, completed={}, now=0.0)
        row = dict(verdict.rows["b"])
        granted.append(verdict.granted)
    assert granted == [True, True, False]
    assert try_reserve(
        {"b": row}, [BudgetRequest(BUCKET)], replica="b", call_id=0, completed={}, now=0.0
    ).granted


def test_a_refusal_closes_the_budget_for_all() -> None:
    """Nobody asks again before the wait that the platform named to one of them."""
    row = apply_rate_limit({}, BUCKET, 7.0, 100.0)
    verdict = try_reserve(
        {"b": row}, [BudgetRequest(BUCKET)], replica="other", call_id=1, completed={}, now=101.0
    )
    assert not verdict.granted
    assert verdict.wait_s == pytest.approx(6.5)


def test_calls_of_a_dead_replica_are_not_in_the_air_for_ever() -> None:
    """A window's place that nobody gave back is counted once and then free again."""
    row: dict[str, Any] = {}
    for call in range(4):
        verdict = try_reserve(
            {"w": row}, [BudgetRequest(WINDOW)], replica="dead", call_id=call, completed={}, now=0.0
        )
        row = dict(verdict.rows["w"])
    later = CALL_TIMEOUT_S + 1
    held = try_reserve({"w": row}, [BudgetRequest(WINDOW)], replica="a", call_id=0, completed={}, now=later)
    assert not held.granted
    row = dict(held.rows["w"])
    later += WINDOW.window_s + 1
    assert try_reserve(
        {"w": row}, [BudgetRequest(WINDOW)], replica="a", call_id=1, completed={}, now=later
    ).granted


def test_a_replica_knows_how_many_others_ride() -> None:
    """What another says of its messages counts while it is fresh, and never our own."""
    ask = BudgetRequest(BUCKET, demand=(3, 2))
    row = dict(try_reserve({}, [ask], replica="a", call_id=0, completed={}, now=50.0).rows["b"])
    assert remote_demand(row, replica="b", now=51.0) == (3, 2)
    assert remote_demand(row, replica="a", now=51.0) == (0, 0)
    assert remote_demand(row, replica="b", now=51.0 + DEMAND_TTL_S) == (0, 0)


@pytest.mark.parametrize("budget", [BUCKET, WINDOW])
def test_a_mirror_shows_what_the_store_says(budget: Budget) -> None:
    """Others' calls count in our own bucket, ours that wait for a reply stay in the air."""
    row: dict[str, Any] = {}
    for replica, call in (("b", 1), ("a", 1), ("a", 2)):
        verdict = try_reserve(
            {budget.key: row}, [BudgetRequest(budget)], replica=replica, call_id=call, completed={}, now=9.0
        )
        row = dict(verdict.rows[budget.key])
    own = build_bucket(budget, 1000.0)
    own.start(2, 1000.0)  # call 1 has its reply, and the store does not know yet
    sync_from_shared(own, row, replica="a", shared_now=9.0, now=1000.0)
    assert own.level(1000.0) == pytest.approx(budget.burst - 3)
    assert call_key("a", 1) in row["flying"]
    own.complete(2, 1000.0)
    assert own.level(1000.0) == pytest.approx(budget.burst - 3)
