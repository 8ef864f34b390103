"""Counting what arrived at Kimi in the last minute and day. Pure.

Moments are rounded up, so that few entries stand for many requests and none is ever forgotten too
early: with N counted here, Kimi never sees more than N in any 60 s, the boundary included.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from core.llm.limiter_state import Spent, State
from core.llm.limits import DAY_S, MINUTE_S

MINUTE_TICK_S = 0.25
DAY_TICK_S = 600.0


def spent(state: State, *, at: float, requests: int, tokens: int) -> State:
    """Return the state with requests that arrived at or before ``at``."""
    return replace(
        state,
        minute=_counted(state.minute, Spent(_ceil(at, MINUTE_TICK_S), requests, tokens)),
        day=_counted(state.day, Spent(_ceil(at, DAY_TICK_S), requests, tokens)),
    )


def slid(state: State, now: float) -> State:
    """Return the state without what has left its window."""
    minute = tuple(one for one in state.minute if one.at > now - MINUTE_S)
    day = tuple(one for one in state.day if one.at > now - DAY_S)
    return replace(state, minute=minute, day=day)


def sums(entries: Iterable[Spent]) -> tuple[int, int]:
    """Return requests and tokens of a window."""
    requests = tokens = 0
    for one in entries:
        requests += one.requests
        tokens += one.tokens
    return requests, tokens


def _ceil(at: float, tick_s: float) -> float:
    return max(at, math.ceil(at / tick_s) * tick_s)


def _counted(entries: tuple[Spent, ...], new: Spent) -> tuple[Spent, ...]:
    index = len(entries)
    while index and entries[index - 1].at > new.at:
        index -= 1
    before, after = entries[:index], entries[index:]
    if before and before[-1].at == new.at:
        last = before[-1]
        new = Spent(new.at, last.requests + new.requests, last.tokens + new.tokens)
        before = before[:-1]
    return (*before, new, *after)
