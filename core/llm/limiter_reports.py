"""What a replica tells the shared state: who of it waits, what runs, what Kimi said. Pure.

A report holds all of a replica's requests, not what changed since the last one. So a report that
was lost costs nothing: the next one says the same and more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from core.llm import sliding_window
from core.llm.limiter_state import Call, Closed, Learnt, Pause, State, Waiter, effective
from core.llm.limits import DIMENSIONS, AccountLimits, Timing

End: TypeAlias = Literal["ended", "broken", "unsent", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One request of the reporting replica that stands in the line."""

    id: str
    asker: str
    cost: float
    tokens: int
    virtual: float | None = None  #: its stamps, once it has them: it keeps its place by them
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What Kimi refused a request for."""

    limit: Literal["concurrency", "rpm", "tpm", "tpd", "unknown", "quota"]
    value: int | None = None  #: the limit itself, where it was told
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One request of the reporting replica that was let go."""

    id: str
    granted_at: float
    tokens: int  #: as reserved, or as counted by Kimi where that was more
    probe: bool = False
    arrived_at: float | None = None  #: when Kimi first gave a sign of life
    end: End | None = None  #: None while it runs
    refused: Refused | None = None  #: with end "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that one replica has in the account."""

    replica: str
    waiting: tuple[Waiting, ...] = ()
    running: tuple[Running, ...] = ()
    sole: bool = False  #: there is no other replica: what others left behind is dead


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something the operator should read in the log, once for all replicas."""

    event: str
    serious: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)


def reported(
    state: State, report: Report, limits: AccountLimits, timing: Timing, now: float
) -> tuple[State, list[News]]:
    """Return the state after a report, and what is new in it."""
    news: list[News] = []
    state = replace(state, now=now, replicas={**state.replicas, report.replica: now})
    if report.sole:
        state = _without_others(state, report.replica, timing, now)
    state = _lined_up(state, report)
    state, changed = _renewed(state, report.running, timing, now)
    for told in changed:
        state = _told(state, told, report.replica, limits, timing, now, news)
    known = {told.id for told in report.running}
    for call in state.calls:
        if call.replica == report.replica and call.id not in known:
            state = _ended(state, call, at=now)  # its grant never reached us
    return state, news


def _lined_up(state: State, report: Report) -> State:
    """Put the replica's requests into the line, and take those out that wait no more."""
    here = {one.id: one for one in state.waiters if one.replica == report.replica}
    others = [one for one in state.waiters if one.replica != report.replica]
    seq, mine = state.seq, []
    for one in report.waiting:
        waiter = here.get(one.id)
        if waiter is None:
            stamped = one.seq is not None and one.virtual is not None
            seq += 0 if stamped else 1
            waiter = Waiter(
                id=one.id,
                replica=report.replica,
                asker=one.asker,
                cost=one.cost,
                tokens=one.tokens,
                virtual=state.virtual if one.virtual is None else one.virtual,
                seq=seq if one.seq is None else one.seq,
            )
        mine.append(waiter)
    return replace(state, seq=seq, waiters=(*others, *mine))


def _renewed(
    state: State, running: tuple[Running, ...], timing: Timing, now: float
) -> tuple[State, list[Running]]:
    """Renew the leases of calls that just run on; return those of which there is more to tell."""
    by_id = {call.id: call for call in state.calls}
    changed = []
    for told in running:
        call = by_id.get(told.id)
        arrives = told.arrived_at is not None and call is not None and (call.probe or not call.settled)
        if call is None or told.end is not None or arrives:
            changed.append(told)
        elif call.expires_at < now + timing.lease_s * 2 / 3:
            by_id[told.id] = replace(call, expires_at=now + timing.lease_s)
    return replace(state, calls=tuple(by_id.values())), changed


def _told(
    state: State,
    told: Running,
    replica: str,
    limits: AccountLimits,
    timing: Timing,
    now: float,
    news: list[News],
) -> State:
    """Bring one call up to what its replica says of it."""
    call = next((one for one in state.calls if one.id == told.id), None)
    if call is None:  # its lease ran out while the database was away; the request was counted then
        call = Call(
            id=told.id,
            replica=replica,
            tokens=told.tokens,
            granted_at=told.granted_at,
            expires_at=now,
            probe=told.probe,
            settled=True,
        )
    if told.end == "unsent":
        return _without(state, call)
    if told.refused is not None:
        return _refused(state, call, told.refused, limits, timing, now, news)
    if told.arrived_at is not None:
        state, call = _arrived(state, call, told.arrived_at, timing, now, news)
    if told.end is None:
        return _kept(state, replace(call, expires_at=now + timing.lease_s))
    if told.tokens > call.tokens:
        state = sliding_window.spent(state, at=now, requests=0, tokens=told.tokens - call.tokens)
    state = _ended(state, call, at=now)
    if told.end == "broken":
        left = replace(call, replica="", settled=True, expires_at=now + timing.linger_s)
        return _kept(state, left)
    return replace(state, mean_call_s=0.8 * state.mean_call_s + 0.2 * max(0.0, now - call.granted_at))


def _arrived(
    state: State, call: Call, arrived_at: float, timing: Timing, now: float, news: list[News]
) -> tuple[State, Call]:
    """Kimi has begun to answer: count the request from there, and believe in the account again."""
    if not call.settled:
        at = min(now, arrived_at, call.granted_at + timing.flight_s)
        state = sliding_window.spent(state, at=at, requests=1, tokens=call.tokens)
        call = replace(call, settled=True)
        state = replace(state, pauses={name: one for name, one in state.pauses.items() if one.until > now})
    if call.probe and state.closed is not None:
        news.append(News(event="account_open_again", facts={"why": state.closed.why}))
        state = replace(state, closed=None)
    return state, replace(call, probe=False)


def _refused(
    state: State,
    call: Call,
    refused: Refused,
    limits: AccountLimits,
    timing: Timing,
    now: float,
    news: list[News],
) -> State:
    """Learn from a 429. The request counts as one, its tokens do not: it was not admitted."""
    state = _ended(state, replace(call, tokens=0), at=now)
    if refused.limit in ("quota", "tpd"):
        state = _learnt(state, refused, limits, now, news)
        return _closed(state, call, refused.limit, timing, now, news)
    before = effective(limits, state)
    state = _learnt(state, refused, limits, now, news)
    last = state.pauses.get(refused.limit, Pause(until=now))
    explained = effective(limits, state) != before or _is_full(state, refused, call.tokens)
    strikes = 0 if explained else last.strikes + 1
    backoff_s = 0.0 if explained else timing.refused_first_s * 2.0 ** min(strikes - 1, 16)
    wait_s = max(refused.retry_after_s, min(timing.refused_most_s, backoff_s))
    pause = Pause(until=max(last.until, now + wait_s), strikes=strikes)
    facts: dict[str, object] = {"limit": refused.limit, "wait_s": round(wait_s, 2), "strikes": strikes}
    news.append(News(event="account_paused", facts=facts))
    return replace(state, pauses={**state.pauses, refused.limit: pause})


def _learnt(state: State, refused: Refused, limits: AccountLimits, now: float, news: list[News]) -> State:
    dimension = next((one for one in DIMENSIONS if one == refused.limit), None)
    if dimension is None or refused.value is None or refused.value < 1:
        return state
    known = state.learnt.get(dimension)
    if known is None or known.value != refused.value:
        news.append(News(event="limit_learnt", facts={"limit": dimension, "value": refused.value}))
    learnt = Learnt(value=refused.value, at=now, under=limits.of(dimension))
    return replace(state, learnt={**state.learnt, dimension: learnt})


def _is_full(state: State, refused: Refused, asked_tokens: int) -> bool:
    """Tell whether our own count explains the refusal: else somebody else uses the account too."""
    if refused.value is None:
        return False
    flying = [call for call in state.calls if not call.settled]
    requests, tokens = sliding_window.sums(state.minute)
    match refused.limit:
        case "concurrency":
            return len(state.calls) >= refused.value
        case "rpm":
            return requests + len(flying) > refused.value  # the refused one is counted already
        case "tpm":
            return tokens + sum(call.tokens for call in flying) + asked_tokens > refused.value
        case _:
            return False


def _closed(state: State, call: Call, why: str, timing: Timing, now: float, news: list[News]) -> State:
    closed = state.closed
    if closed is not None and not call.probe:
        return state  # one of those that were on their way when it closed
    strikes = 0 if closed is None else closed.strikes + 1
    first_s, most_s = (
        (timing.day_probe_first_s, timing.day_probe_most_s)
        if why == "tpd"
        else (timing.quota_probe_first_s, timing.quota_probe_most_s)
    )
    wait_s = min(most_s, first_s * 2.0 ** min(strikes, 16))
    if closed is None:
        news.append(News(event="account_closed", serious=True, facts={"why": why, "asks_again_in_s": wait_s}))
    since = now if closed is None else closed.since
    return replace(state, closed=Closed(why=why, since=since, probe_at=now + wait_s, strikes=strikes))


def _without_others(state: State, replica: str, timing: Timing, now: float) -> State:
    calls = tuple(
        call
        if call.replica in (replica, "")
        else replace(call, replica="", expires_at=min(call.expires_at, now + timing.linger_s))
        for call in state.calls
    )
    mine = tuple(one for one in state.waiters if one.replica == replica)
    return replace(state, calls=calls, waiters=mine, replicas={replica: now})


def _ended(state: State, call: Call, *, at: float) -> State:
    """Take a call out of those that run; it stays in the windows."""
    if not call.settled:
        state = sliding_window.spent(state, at=at, requests=1, tokens=call.tokens)
    return _without(state, call)


def _without(state: State, call: Call) -> State:
    return replace(state, calls=tuple(one for one in state.calls if one.id != call.id))


def _kept(state: State, call: Call) -> State:
    if any(one.id == call.id for one in state.calls):
        return replace(state, calls=tuple(call if one.id == call.id else one for one in state.calls))
    return replace(state, calls=(*state.calls, call))
