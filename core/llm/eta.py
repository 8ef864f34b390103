"""Estimates when each waiting request will be sent. Pure."""

import heapq
from collections import deque
from typing import Final

from core.llm import sliding_window
from core.llm.account_limits import MINUTE_S, AccountLimits, LimiterTiming
from core.llm.limiter_state import InFlightRequest, LimiterState, WindowEntry

MIN_REQUEST_S: Final = 0.1


class EtaEstimator:
    """Simulates the queue: running requests end after the mean duration, windows slide."""

    def __init__(self, state: LimiterState, limits: AccountLimits, timing: LimiterTiming, now: float) -> None:
        self._limits = limits
        self._mean_request_s = max(MIN_REQUEST_S, state.mean_request_s)
        self._cursor = max([now, *(pause.until for pause in state.pauses.values())])
        self._end_times = [max(now, self._estimated_end(request)) for request in state.in_flight]
        heapq.heapify(self._end_times)
        uncounted = [
            WindowEntry(min(now, request.granted_at + timing.max_transit_s), 1, request.tokens)
            for request in state.in_flight
            if not request.counted
        ]
        self._window = deque(sorted((*state.minute_window, *uncounted), key=lambda entry: entry.at))
        self._requests, self._tokens = sliding_window.totals(self._window)

    def next_start_at(self, tokens: int) -> float:
        """Return when the next request of the queue, with so many tokens, will be sent."""
        while self._window and self._exceeds_window(tokens):
            oldest = self._window.popleft()
            self._cursor = max(self._cursor, oldest.at + MINUTE_S)
            self._requests -= oldest.requests
            self._tokens -= oldest.tokens
        concurrency = self._limits.concurrency
        while concurrency is not None and self._end_times and len(self._end_times) >= concurrency:
            self._cursor = max(self._cursor, heapq.heappop(self._end_times))
        heapq.heappush(self._end_times, self._cursor + self._mean_request_s)
        self._window.append(WindowEntry(self._cursor, 1, tokens))
        self._requests += 1
        self._tokens += tokens
        return self._cursor

    def _estimated_end(self, request: InFlightRequest) -> float:
        return request.granted_at + self._mean_request_s if request.replica else request.expires_at

    def _exceeds_window(self, tokens: int) -> bool:
        rpm, tpm = self._limits.rpm, self._limits.tpm
        return (rpm is not None and self._requests >= rpm) or (
            tpm is not None and self._tokens + tokens > tpm
        )
