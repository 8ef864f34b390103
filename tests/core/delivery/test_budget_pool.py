"""One rule says whether a call may be sent, and a refusal closes the budget that it names."""

import pytest

from core.delivery.budget_pool import BudgetPool, Demand
from core.delivery.platform_call import PlannedCall, Priority
from core.delivery.shared_budget import BudgetRequest, try_reserve
from core.delivery.token_bucket import BucketLoad
from core.domain.bot_messages import PlatformAction
from core.ports.platform import Budget

CHANNEL = Budget(key="slack:T1:post:C1", per_s=1.0, burst=1.0)
POSTS = Budget(key="slack:T1:chat.postMessage", per_s=5.0, burst=200.0, window_s=60.0)
UPDATES = Budget(key="slack:T1:chat.update", per_s=0.7, burst=8.0)
CHAT = Budget(key="telegram:1:chat:5", per_s=1.0, burst=3.0)


@pytest.mark.parametrize(
    ("method", "closed"),
    [("chat.postMessage", POSTS), ("chat.update", UPDATES), ("", CHANNEL), ("chat.delete", CHANNEL)],
)
def test_a_refusal_closes_what_it_names(method: str, closed: Budget) -> None:
    """The method's own budget is closed, otherwise the narrowest, which comes first."""
    pool = BudgetPool()
    budgets = (CHANNEL, POSTS, UPDATES)

    pool.record_rate_limit(budgets, 30.0, 0.0, method=method)

    closed_until = {budget.key: pool.bucket(budget, 0.0).closed_until for budget in budgets}
    assert closed_until == {budget.key: 30.5 if budget is closed else 0.0 for budget in budgets}


def test_a_call_needs_room_in_every_budget() -> None:
    """The latest of them decides."""
    pool = BudgetPool()
    pool.bucket(CHANNEL, 0.0).take(0.0)

    assert pool.ready_at((UPDATES,), Priority.FINAL, 0.0) == 0.0
    assert pool.ready_at((UPDATES, CHANNEL), Priority.FINAL, 0.0) == pytest.approx(1.0)


def test_previews_leave_a_call_for_the_end() -> None:
    """With one call left, the final update may be sent and a preview may not."""
    pool = BudgetPool()
    pool.acquire((CHAT,), 0.0)
    pool.add_demand(Demand(previews=(CHAT,), final=(CHAT,)), 1)
    for _ in range(2):
        pool.start((CHAT,), 0.0)

    assert pool.is_ready((CHAT,), Priority.FINAL, 0.0)
    assert not pool.is_ready((CHAT,), Priority.PREVIEW, 0.0)


@pytest.mark.parametrize(("answers", "allowed"), [(0, True), (1, False)])
def test_a_status_takes_no_call_that_text_needs(answers: int, allowed: bool) -> None:
    """We chose: beside answers, a status is sent from a full bucket only."""
    pool = BudgetPool()
    pool.acquire((CHAT,), 0.0)
    pool.add_demand(Demand(previews=(CHAT,)), answers)
    pool.complete(pool.start((CHAT,), 0.0), 0.0)

    assert pool.is_ready((CHAT,), Priority.STATUS, 0.0) is allowed
    assert pool.is_ready((CHAT,), Priority.STATUS, 1.0)


def test_replicas_are_asked_by_the_same_rule() -> None:
    """What a preview leaves locally, it leaves in the shared budget too."""
    pool = BudgetPool()
    pool.acquire((CHAT,), 0.0)
    pool.add_demand(Demand(previews=(CHAT,), final=(CHAT,)), 2)
    preview = PlannedCall(action=PlatformAction.EDIT, priority=Priority.PREVIEW, cost=(CHAT,))
    last = PlannedCall(action=PlatformAction.EDIT, priority=Priority.FINAL, cost=(CHAT,), completes=True)

    assert pool.requests_for(preview, 0.0) == [
        BudgetRequest(
            CHAT,
            min_remaining=pool.min_remaining(pool.bucket(CHAT, 0.0), Priority.PREVIEW),
            load=BucketLoad(2, 2),
        )
    ]
    assert pool.requests_for(last, 0.0) == [BudgetRequest(CHAT, load=BucketLoad(1, 1))]


def test_a_call_that_was_not_sent_costs_nothing() -> None:
    """Its reservation is returned, and the next preview is not delayed."""
    pool = BudgetPool()
    call = pool.start((CHAT,), 0.0)
    pool.bucket(CHAT, 0.0).next_preview_at = 9.0

    pool.abort(call)

    assert pool.bucket(CHAT, 0.0).level(0.0) == 3.0
    assert pool.is_ready((CHAT,), Priority.PREVIEW, 0.0)


def test_buckets_are_dropped_when_that_loses_nothing() -> None:
    """A full bucket without sources is forgotten, a used one is kept."""
    pool = BudgetPool()
    pool.acquire((CHAT, CHANNEL), 0.0)
    pool.complete(pool.start((CHAT,), 0.0), 0.0)

    pool.release((CHAT, CHANNEL), 0.1)

    assert list(pool.states()) == [CHAT.key]


def test_other_replicas_calls_count() -> None:
    """The shared state replaces what this process assumed."""
    pool = BudgetPool()
    assert pool.is_ready((CHAT,), Priority.FINAL, 50.0)
    stored = {}
    for call in range(4):
        reservation = try_reserve(
            stored, [BudgetRequest(CHAT)], replica="other", call_id=call, completed={}, now=9.0
        )
        stored = dict(reservation.budgets)

    pool.sync_from_shared(reservation, replica="me", now=50.0)

    assert pool.ready_at((CHAT,), Priority.FINAL, 50.0) == pytest.approx(51.0)


def test_a_restored_bucket_counts_calls_whose_replies_never_came() -> None:
    """A call in flight at a crash is taken as made."""
    before, after = BudgetPool(), BudgetPool()
    before.start((POSTS,), 0.0)

    after.restore(before.states())

    assert after.bucket(POSTS, 1.0).level(1.0) == 199
    assert list(after.bucket(POSTS, 1.0).in_flight) == []


def test_an_album_counts_as_its_messages() -> None:
    """It is sent once one message has room, and those after it wait until all are made up for."""
    pool = BudgetPool()
    album = (CHAT,) * 5
    for _ in range(2):
        pool.complete(pool.start((CHAT,), 0.0), 0.0)
    assert pool.is_ready(album, Priority.FINAL, 0.0)

    pending = pool.start(album, 0.0)
    assert pool.bucket(CHAT, 0.0).level(0.0) == -4.0
    pool.complete(pending, 0.0)
    assert pool.ready_at((CHAT,), Priority.FINAL, 0.0) == pytest.approx(5.0)

    pool.abort(pool.start(album, 10.0))
    assert pool.bucket(CHAT, 10.0).level(10.0) == 3.0
