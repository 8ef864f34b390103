"""Counts of the requests and tokens that arrived at Kimi in the last minute and day. Pure.

Times are rounded up to ticks, so that few entries hold many requests and none expires too early:
with N counted here, Kimi never sees more than N in any 60 s, the boundary included.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

from core.llm.account_limits import DAY_S, MINUTE_S
from core.llm.limiter_state import LimiterState, WindowEntry

MINUTE_TICK_S = 0.25
DAY_TICK_S = 600.0


def record(state: LimiterState, *, at: float, requests: int, tokens: int) -> LimiterState:
    """Return the state with requests added that arrived at or before ``at``."""
    return replace(
        state,
        minute_window=_insert(
            state.minute_window, WindowEntry(_round_up(at, MINUTE_TICK_S), requests, tokens)
        ),
        day_window=_insert(state.day_window, WindowEntry(_round_up(at, DAY_TICK_S), requests, tokens)),
    )


def drop_expired(state: LimiterState, now: float) -> LimiterState:
    """Return the state without the entries that have left their window."""
    minute = tuple(entry for entry in state.minute_window if entry.at > now - MINUTE_S)
    day = tuple(entry for entry in state.day_window if entry.at > now - DAY_S)
    return replace(state, minute_window=minute, day_window=day)


def totals(entries: Iterable[WindowEntry]) -> tuple[int, int]:
    """Return the requests and the tokens of a window."""
    requests = tokens = 0
    for entry in entries:
        requests += entry.requests
        tokens += entry.tokens
    return requests, tokens


def _round_up(at: float, tick_s: float) -> float:
    return max(at, math.ceil(at / tick_s) * tick_s)


def _insert(entries: tuple[WindowEntry, ...], entry: WindowEntry) -> tuple[WindowEntry, ...]:
    index = len(entries)
    while index and entries[index - 1].at > entry.at:
        index -= 1
    before, after = entries[:index], entries[index:]
    if before and before[-1].at == entry.at:
        last = before[-1]
        entry = WindowEntry(entry.at, last.requests + entry.requests, last.tokens + entry.tokens)
        before = before[:-1]
    return (*before, entry, *after)
