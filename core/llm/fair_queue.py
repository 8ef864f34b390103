"""The order of those who wait: start-time fair queueing by asker. Pure.

Each request has a start tag: the later of the virtual time at its arrival and the finish tag of
its asker's request before it, which lies 1/weight behind that one's start tag. The lowest start
tag goes first. So a pile of one asker takes turns with everybody else's requests, and between two
who both keep asking, neither is ever ahead by more than one request of each (Goyal, Vin, Cheng,
"Start-time Fair Queueing", 1996). Tags are worked out from those who still wait: whoever leaves
the line costs their asker nothing.

Virtual time moves as in weighted fair queueing: by one while each asker in the line gets one
request per unit of weight. So it also moves where ever new people ask once, and somebody's second
question does not wait for the last of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from core.llm.limiter_state import State, Waiter


def in_line(state: State) -> list[tuple[float, Waiter]]:
    """Return those who wait, with their start tags, the next one first."""
    finish = dict(state.flows)
    tagged = []
    for waiter in sorted(state.waiters, key=lambda one: one.seq):
        start = max(waiter.virtual, finish.get(waiter.asker, 0.0))
        finish[waiter.asker] = start + waiter.cost
        tagged.append((start, waiter))
    tagged.sort(key=lambda pair: (pair[0], pair[1].seq))
    return tagged


class Virtual:
    """Virtual time and the askers' finish tags, while requests are let go."""

    def __init__(self, state: State) -> None:
        self.time = state.virtual
        self._flows = dict(state.flows)
        self._waiting = Counter(waiter.asker for waiter in state.waiters)
        self._weights = {waiter.asker: 1.0 / waiter.cost for waiter in state.waiters}

    def go(self, waiter: Waiter, start: float) -> None:
        """Let a request with start tag ``start`` go."""
        self.time = max(self.time + 1.0 / sum(self._weights.values()), start)
        self._flows[waiter.asker] = start + waiter.cost
        self.leave(waiter)

    def leave(self, waiter: Waiter) -> None:
        """Take a request out of the line."""
        self._waiting[waiter.asker] -= 1
        if not self._waiting[waiter.asker]:
            del self._weights[waiter.asker]

    def flows(self) -> Mapping[str, float]:
        """Return the finish tags that still mean something: ahead of the time, or of one who waits."""
        return {name: tag for name, tag in self._flows.items() if tag > self.time or name in self._weights}

    def rest(self) -> None:
        """Begin anew where nobody waits: what everybody had so far no longer counts."""
        if not self._weights:
            self.time = max([self.time, *self._flows.values()])


def flows_left(flows: Mapping[str, float], virtual: float, waiters: Iterable[Waiter]) -> Mapping[str, float]:
    """Return the finish tags that still mean something after people left the line."""
    asking = {waiter.asker for waiter in waiters}
    return {asker: tag for asker, tag in flows.items() if tag > virtual or asker in asking}
