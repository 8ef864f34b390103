"""A refusal closes the budget that it names, and no other."""

import pytest

from core.delivery.scheduler import DeliveryScheduler
from core.ports.platform import Budget

CHANNEL = Budget(key="slack:T1:post:C1", per_s=1.0, burst=1.0)
POSTS = Budget(key="slack:T1:chat.postMessage", per_s=5.0, burst=200.0, window_s=60.0)
UPDATES = Budget(key="slack:T1:chat.update", per_s=0.7, burst=8.0)


@pytest.mark.parametrize(
    ("method", "closed"),
    [("chat.postMessage", POSTS), ("chat.update", UPDATES), ("", CHANNEL), ("chat.delete", CHANNEL)],
)
def test_a_refusal_closes_what_it_names(method: str, closed: Budget) -> None:
    """The method's own budget is closed, else the narrowest, which stands first."""
    scheduler = DeliveryScheduler()
    budgets = (CHANNEL, POSTS, UPDATES)
    scheduler.record_rate_limit(budgets, 30.0, 0.0, method=method)
    closed_until = {budget.key: scheduler.bucket(budget, 0.0).closed_until for budget in budgets}
    assert closed_until == {budget.key: 30.5 if budget is closed else 0.0 for budget in budgets}
