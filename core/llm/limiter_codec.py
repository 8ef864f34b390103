"""The state as JSON and back. Lists instead of objects: the row is read and written often."""

from collections.abc import Callable
from typing import Any, TypeVar

from core.llm.limiter_state import Call, Closed, Learnt, Pause, Spent, State, Waiter

SHAPE = 1  #: raised where the lists below change their meaning

T = TypeVar("T")


def encoded(state: State) -> dict[str, Any]:
    """Return ``state`` as JSON values."""
    closed = state.closed
    return {
        "shape": SHAPE,
        "now": state.now,
        "seq": state.seq,
        "virtual": state.virtual,
        "flows": dict(state.flows),
        "waiters": [[w.id, w.replica, w.asker, w.cost, w.tokens, w.virtual, w.seq] for w in state.waiters],
        "calls": [
            [c.id, c.replica, c.tokens, c.granted_at, c.expires_at, c.probe, c.settled] for c in state.calls
        ],
        "minute": [[spent.at, spent.requests, spent.tokens] for spent in state.minute],
        "day": [[spent.at, spent.requests, spent.tokens] for spent in state.day],
        "learnt": {name: [one.value, one.at, one.under] for name, one in state.learnt.items()},
        "pauses": {name: [one.until, one.strikes] for name, one in state.pauses.items()},
        "closed": [closed.why, closed.since, closed.probe_at, closed.strikes] if closed else None,
        "replicas": dict(state.replicas),
        "mean_call_s": state.mean_call_s,
    }


def decoded(payload: dict[str, Any]) -> State:
    """Return the state; a new one where another version of this program wrote it."""
    if payload.get("shape") != SHAPE:
        return State()
    return State(
        now=payload["now"],
        seq=payload["seq"],
        virtual=payload["virtual"],
        flows=payload["flows"],
        waiters=_each(_waiter, payload["waiters"]),
        calls=_each(_call, payload["calls"]),
        minute=_each(_spent, payload["minute"]),
        day=_each(_spent, payload["day"]),
        learnt={name: Learnt(value=v, at=at, under=u) for name, (v, at, u) in payload["learnt"].items()},
        pauses={name: Pause(until=until, strikes=n) for name, (until, n) in payload["pauses"].items()},
        closed=_closed(payload["closed"]) if payload["closed"] else None,
        replicas=payload["replicas"],
        mean_call_s=payload["mean_call_s"],
    )


def _each(made: Callable[[list[Any]], T], rows: list[list[Any]]) -> tuple[T, ...]:
    return tuple(made(row) for row in rows)


def _waiter(row: list[Any]) -> Waiter:
    id_, replica, asker, cost, tokens, virtual, seq = row
    return Waiter(id=id_, replica=replica, asker=asker, cost=cost, tokens=tokens, virtual=virtual, seq=seq)


def _call(row: list[Any]) -> Call:
    id_, replica, tokens, granted_at, expires_at, probe, settled = row
    return Call(
        id=id_,
        replica=replica,
        tokens=tokens,
        granted_at=granted_at,
        expires_at=expires_at,
        probe=probe,
        settled=settled,
    )


def _spent(row: list[Any]) -> Spent:
    return Spent(*row)


def _closed(row: list[Any]) -> Closed:
    why, since, probe_at, strikes = row
    return Closed(why=why, since=since, probe_at=probe_at, strikes=strikes)
