"""Who may go now. Pure: time comes in as a number, nothing is read or written.

``aged`` lets time pass over the state; ``decide`` then goes through the line in its fair order.
The first request that does not fit ends it: nobody overtakes a request that needs more room, so
nobody starves. Requests of other replicas that would fit keep their room until their own replica
takes it.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from core.llm import sliding_window
from core.llm.eta import Forecast
from core.llm.fair_queue import Virtual, flows_left, in_line
from core.llm.limiter_state import Call, State, Waiter, effective
from core.llm.limits import MINUTE_S, AccountLimits, Timing

Why: TypeAlias = Literal["quota", "tpd", "too_large"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one request stands in the line."""

    position: int  #: 1 is next
    eta_s: float  #: until it will probably be asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a replica's waiting requests, by their ids."""

    state: State
    granted: tuple[Call, ...] = ()
    denied: dict[str, Why]
    standing: dict[str, Standing]
    next_at: float  #: when time alone may change the answer; infinite where it cannot


def aged(state: State, limits: AccountLimits, timing: Timing, now: float) -> State:
    """Return the state as time has made it: leases ended, windows slid, the absent gone.

    ``now`` is not before ``state.now``.
    """
    for call in state.calls:
        landed_at = min(call.granted_at + timing.flight_s, call.expires_at)
        if not call.settled and landed_at <= now:
            state = sliding_window.spent(state, at=landed_at, requests=1, tokens=call.tokens)
    calls = tuple(
        call if call.settled or call.granted_at + timing.flight_s > now else replace(call, settled=True)
        for call in state.calls
        if call.expires_at > now
    )
    replicas = {name: at for name, at in state.replicas.items() if at > now - timing.replica_ttl_s}
    waiters = tuple(one for one in state.waiters if one.replica in replicas)
    learnt = {
        name: one
        for name, one in state.learnt.items()
        if one.at > now - timing.learnt_ttl_s and one.under == getattr(limits, name)
    }
    pauses = {name: one for name, one in state.pauses.items() if one.until > now - 2 * timing.refused_most_s}
    return sliding_window.slid(
        replace(
            state,
            now=now,
            calls=calls,
            replicas=replicas,
            waiters=waiters,
            learnt=learnt,
            pauses=pauses,
            flows=flows_left(state.flows, state.virtual, waiters),
        ),
        now,
    )


def decide(state: State, limits: AccountLimits, timing: Timing, now: float, *, replica: str) -> Decision:
    """Grant what ``replica`` may send now; ``state`` was aged to ``now``."""
    held = effective(limits, state)
    room = _Room(state, held, now)
    denied: dict[str, Why] = {}
    granted: list[Call] = []
    ahead: list[Waiter] = []
    virtual = Virtual(state)
    blocked = False
    for start, waiter in in_line(state):
        mine = waiter.replica == replica
        why = room.denies(waiter)
        if why is not None:
            if mine:
                denied[waiter.id] = why
                virtual.leave(waiter)
            continue
        blocked = blocked or not room.fits(waiter.tokens)
        if blocked:
            ahead.append(waiter)
            continue
        room.take(waiter.tokens)
        if not mine:
            ahead.append(waiter)
            continue
        granted.append(_call_for(waiter, now, timing, probe=state.closed is not None))
        virtual.go(waiter, start)
    gone = {*denied, *(call.id for call in granted)}
    virtual.rest()
    left = replace(
        state,
        calls=(*state.calls, *granted),
        waiters=tuple(one for one in state.waiters if one.id not in gone),
        virtual=virtual.time,
        flows=virtual.flows(),
    )
    standing = _standing(left, held, timing, now, ahead, replica)
    return Decision(
        state=left,
        granted=tuple(granted),
        denied=denied,
        standing=standing,
        next_at=_next_at(left, timing, now),
    )


class _Room:
    """What is still free at one moment."""

    def __init__(self, state: State, held: AccountLimits, now: float) -> None:
        flying = [call for call in state.calls if not call.settled]
        flying_tokens = sum(call.tokens for call in flying)
        requests, tokens = sliding_window.sums(state.minute)
        self._held = held
        self._running = len(state.calls)
        self._requests = requests + len(flying)
        self._minute_tokens = tokens + flying_tokens
        self._day_tokens = sliding_window.sums(state.day)[1] + flying_tokens
        self._paused = any(pause.until > now for pause in state.pauses.values())
        self._why: Why | None = None
        self._probes = 0
        if state.closed is not None:
            self._why = "tpd" if state.closed.why == "tpd" else "quota"
            probing = any(call.probe and call.replica for call in state.calls)
            self._probes = int(state.closed.probe_at <= now and not probing)

    def denies(self, waiter: Waiter) -> Why | None:
        """Return why a request need not wait at all; None where it may."""
        held, tokens = self._held, waiter.tokens
        if self._why is not None and not self._probes:
            return self._why
        if tokens > (tokens if held.tpm is None else held.tpm):
            return "too_large"
        if held.tpd is not None and tokens > held.tpd:
            return "too_large"
        if held.tpd is not None and self._day_tokens + tokens > held.tpd:
            return "tpd"
        return None

    def fits(self, tokens: int) -> bool:
        held = self._held
        return not (
            self._paused
            or (held.concurrency is not None and self._running >= held.concurrency)
            or (held.rpm is not None and self._requests >= held.rpm)
            or (held.tpm is not None and self._minute_tokens + tokens > held.tpm)
        )

    def take(self, tokens: int) -> None:
        self._running += 1
        self._requests += 1
        self._minute_tokens += tokens
        self._day_tokens += tokens
        self._probes = 0


def _call_for(waiter: Waiter, now: float, timing: Timing, *, probe: bool) -> Call:
    return Call(
        id=waiter.id,
        replica=waiter.replica,
        tokens=waiter.tokens,
        granted_at=now,
        expires_at=now + timing.lease_s,
        probe=probe,
    )


def _standing(
    state: State, held: AccountLimits, timing: Timing, now: float, ahead: list[Waiter], replica: str
) -> dict[str, Standing]:
    if not any(waiter.replica == replica for waiter in ahead):
        return {}
    forecast = Forecast(state, held, timing, now)
    standing = {}
    for position, waiter in enumerate(ahead, start=1):
        at = forecast.next(waiter.tokens)
        if waiter.replica == replica:
            standing[waiter.id] = Standing(position=position, eta_s=max(0.0, at - now))
    return standing


def _next_at(state: State, timing: Timing, now: float) -> float:
    """Return the earliest moment at which something ends by itself."""
    moments = [call.expires_at for call in state.calls]
    moments += [call.granted_at + timing.flight_s for call in state.calls if not call.settled]
    moments += [pause.until for pause in state.pauses.values()]
    moments += [state.minute[0].at + MINUTE_S] if state.minute else []
    return min((moment for moment in moments if moment > now), default=float("inf"))
