"""When each request in the line will probably be asked. Pure, and a guess."""

import heapq
from collections import deque

from core.llm import sliding_window
from core.llm.limiter_state import Spent, State
from core.llm.limits import MINUTE_S, AccountLimits, Timing


class Forecast:
    """Plays the line forward: running requests end after the usual time, windows slide."""

    def __init__(self, state: State, held: AccountLimits, timing: Timing, now: float) -> None:
        self._held = held
        self._mean_s = max(0.1, state.mean_call_s)
        self._at = max([now, *(pause.until for pause in state.pauses.values())])
        self._ends = [
            max(now, self._end_of(call.granted_at, call.replica, call.expires_at)) for call in state.calls
        ]
        heapq.heapify(self._ends)
        flying = [
            Spent(min(now, call.granted_at + timing.flight_s), 1, call.tokens)
            for call in state.calls
            if not call.settled
        ]
        self._window = deque(sorted((*state.minute, *flying), key=lambda one: one.at))
        self._requests, self._tokens = sliding_window.sums(self._window)

    def next(self, tokens: int) -> float:
        """Return when the next request in the line, of so many tokens, will go."""
        while self._window and self._is_full(tokens):
            oldest = self._window.popleft()
            self._at = max(self._at, oldest.at + MINUTE_S)
            self._requests -= oldest.requests
            self._tokens -= oldest.tokens
        places = self._held.concurrency
        while places is not None and self._ends and len(self._ends) >= places:
            self._at = max(self._at, heapq.heappop(self._ends))
        heapq.heappush(self._ends, self._at + self._mean_s)
        self._window.append(Spent(self._at, 1, tokens))
        self._requests += 1
        self._tokens += tokens
        return self._at

    def _end_of(self, granted_at: float, replica: str, expires_at: float) -> float:
        return granted_at + self._mean_s if replica else expires_at

    def _is_full(self, tokens: int) -> bool:
        rpm, tpm = self._held.rpm, self._held.tpm
        return (rpm is not None and self._requests >= rpm) or (
            tpm is not None and self._tokens + tokens > tpm
        )
