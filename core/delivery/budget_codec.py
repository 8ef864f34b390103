"""JSON form of stored budgets."""

from collections.abc import Mapping
from typing import Any, Final

from core.delivery.shared_budget import ReplicaLoad, SharedBudget
from core.delivery.token_bucket import BucketLoad, BucketState

VERSION: Final = 1


def encode_budget(budget: SharedBudget) -> dict[str, Any]:
    """Return a budget's stored state as JSON values for :func:`decode_budget`.

    ::

        {"v", "now", "rate", "level", "updated_at", "closed_until",
         "in_flight": {call id: sent at}, "completed": [counted at],
         "loads": {replica: [streams, finals, reported at]}}
    """
    state = budget.state
    return {
        "v": VERSION,
        "now": budget.now,
        "rate": state.rate,
        "level": state.level,
        "updated_at": state.updated_at,
        "closed_until": state.closed_until,
        "in_flight": {str(call): at for call, at in state.in_flight.items()},
        "completed": list(state.completed),
        "loads": {
            name: [one.load.streams, one.load.finals, one.reported_at] for name, one in budget.loads.items()
        },
    }


def decode_budget(stored: Mapping[str, Any]) -> SharedBudget | None:
    """Return a budget's stored state; None if the row is new or was written in another version."""
    if stored.get("v") != VERSION:
        return None
    return SharedBudget(
        now=float(stored["now"]),
        state=BucketState(
            rate=float(stored["rate"]),
            level=float(stored["level"]),
            updated_at=float(stored["updated_at"]),
            closed_until=float(stored["closed_until"]),
            in_flight={str(call): float(at) for call, at in stored["in_flight"].items()},
            completed=tuple(float(at) for at in stored["completed"]),
        ),
        loads={
            str(name): ReplicaLoad(load=BucketLoad(int(streams), int(finals)), reported_at=float(at))
            for name, (streams, finals, at) in stored["loads"].items()
        },
    )
