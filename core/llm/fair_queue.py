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

from core.llm.limiter_state import LimiterState, QueuedRequest


def queue_order(state: LimiterState) -> list[tuple[float, QueuedRequest]]:
    """Return those who wait, with their start tags, the next one first."""
    finish = dict(state.finish_tags)
    tagged = []
    for waiter in sorted(state.queued, key=lambda one: one.seq):
        start = max(waiter.virtual_arrival, finish.get(waiter.requester_id, 0.0))
        finish[waiter.requester_id] = start + waiter.cost
        tagged.append((start, waiter))
    tagged.sort(key=lambda pair: (pair[0], pair[1].seq))
    return tagged


class FairQueue:
    """Virtual time and the askers' finish tags, while requests are let go."""

    def __init__(self, state: LimiterState) -> None:
        self.virtual_time = state.virtual_time
        self._finish_tags = dict(state.finish_tags)
        self._waiting = Counter(waiter.requester_id for waiter in state.queued)
        self._weights = {waiter.requester_id: 1.0 / waiter.cost for waiter in state.queued}

    def grant(self, request: QueuedRequest, start_tag: float) -> None:
        """Let a request with start tag ``start`` go."""
        self.virtual_time = max(self.virtual_time + 1.0 / sum(self._weights.values()), start_tag)
        self._finish_tags[request.requester_id] = start_tag + request.cost
        self.remove(request)

    def remove(self, request: QueuedRequest) -> None:
        """Take a request out of the line."""
        self._waiting[request.requester_id] -= 1
        if not self._waiting[request.requester_id]:
            del self._weights[request.requester_id]

    def finish_tags(self) -> Mapping[str, float]:
        """Return the finish tags that still mean something: ahead of the time, or of one who waits."""
        return {
            name: tag
            for name, tag in self._finish_tags.items()
            if tag > self.virtual_time or name in self._weights
        }

    def reset_if_idle(self) -> None:
        """Begin anew where nobody waits: what everybody had so far no longer counts."""
        if not self._weights:
            self.virtual_time = max([self.virtual_time, *self._finish_tags.values()])


def prune_finish_tags(
    finish_tags: Mapping[str, float], virtual_time: float, queued: Iterable[QueuedRequest]
) -> Mapping[str, float]:
    """Return the finish tags that still mean something after people left the line."""
    asking = {waiter.requester_id for waiter in queued}
    return {asker: tag for asker, tag in finish_tags.items() if tag > virtual_time or asker in asking}
