"""When each request in the line will probably be asked. Pure, and a guess."""

import heapq
from collections import deque

from core.llm import sliding_window
from core.llm.account_limits import MINUTE_S, AccountLimits, LimiterTiming
from core.llm.limiter_state import LimiterState, WindowEntry


class EtaEstimator:
    """Plays the line forward: running requests end after the usual time, windows slide."""

    def __init__(self, state: LimiterState, limits: AccountLimits, timing: LimiterTiming, now: float) -> None:
        self._limits = limits
        self._mean_request_s = max(0.1, state.mean_request_s)
        self._cursor = max([now, *(pause.until for pause in state.pauses.values())])
        self._end_times = [
            max(now, self._estimated_end(call.granted_at, call.replica, call.expires_at))
            for call in state.in_flight
        ]
        heapq.heapify(self._end_times)
        flying = [
            WindowEntry(min(now, call.granted_at + timing.max_transit_s), 1, call.tokens)
            for call in state.in_flight
            if not call.counted
        ]
        self._window = deque(sorted((*state.minute_window, *flying), key=lambda one: one.at))
        self._requests, self._tokens = sliding_window.totals(self._window)

    def next_start_at(self, tokens: int) -> float:
        """Return when the next request in the line, of so many tokens, will go."""
        while self._window and self._exceeds_window(tokens):
            oldest = self._window.popleft()
            self._cursor = max(self._cursor, oldest.at + MINUTE_S)
            self._requests -= oldest.requests
            self._tokens -= oldest.tokens
        places = self._limits.concurrency
        while places is not None and self._end_times and len(self._end_times) >= places:
            self._cursor = max(self._cursor, heapq.heappop(self._end_times))
        heapq.heappush(self._end_times, self._cursor + self._mean_request_s)
        self._window.append(WindowEntry(self._cursor, 1, tokens))
        self._requests += 1
        self._tokens += tokens
        return self._cursor

    def _estimated_end(self, granted_at: float, replica: str, expires_at: float) -> float:
        return granted_at + self._mean_request_s if replica else expires_at

    def _exceeds_window(self, tokens: int) -> bool:
        rpm, tpm = self._limits.rpm, self._limits.tpm
        return (rpm is not None and self._requests >= rpm) or (
            tpm is not None and self._tokens + tokens > tpm
        )
