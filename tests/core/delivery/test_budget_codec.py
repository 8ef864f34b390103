"""Stored budgets are read back as they were written."""

import json

from core.delivery.budget_codec import decode_budget, encode_budget
from core.delivery.shared_budget import ReplicaLoad, SharedBudget
from core.delivery.token_bucket import BucketLoad, BucketState

BUDGET = SharedBudget(
    now=7.5,
    state=BucketState(
        rate=0.7,
        level=2.25,
        updated_at=7.0,
        closed_until=3.0,
        in_flight={"one:4": 6.5},
        completed=(1.0, 2.5),
    ),
    loads={"one": ReplicaLoad(load=BucketLoad(3, 2), reported_at=7.0)},
)


def test_a_budget_survives_json() -> None:
    """What is decoded equals what was encoded."""
    assert decode_budget(json.loads(json.dumps(encode_budget(BUDGET)))) == BUDGET


def test_a_new_row_is_no_budget() -> None:
    """A row that was only inserted to be locked holds nothing yet."""
    assert decode_budget({}) is None


def test_another_version_is_no_budget() -> None:
    """We chose: budgets are forgotten rather than misread; a platform refuses a call at the worst."""
    assert decode_budget(encode_budget(BUDGET) | {"v": 0}) is None
