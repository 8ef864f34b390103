"""The order of waiting requests: start-time fair queueing by requester. Pure.

Each request has a start tag: the later of the virtual time at its arrival and the finish tag of its
requester's previous request, which is 1/weight after that one's start tag. The lowest start tag goes
first. So a pile of one requester alternates with everybody else's requests, and of two who both keep
asking, neither is ever ahead by more than one request of each (Goyal, Vin, Cheng, "Start-time Fair
Queueing", 1996). Tags are computed from the requests that still wait: one that leaves the queue
costs its requester nothing.

Virtual time moves as in weighted fair queueing: by one while each requester in the queue gets one
request per unit of weight. So it also moves if new people keep coming to ask once, and somebody's
second question does not wait for the last of them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from core.llm.limiter_state import LimiterState, QueuedRequest


def queue_order(state: LimiterState) -> list[tuple[float, QueuedRequest]]:
    """Return the waiting requests with their start tags, the next one first."""
    finish_tags = dict(state.finish_tags)
    tagged = []
    for request in sorted(state.queued, key=lambda one: one.seq):
        start_tag = max(request.virtual_arrival, finish_tags.get(request.requester_id, 0.0))
        finish_tags[request.requester_id] = start_tag + request.cost
        tagged.append((start_tag, request))
    tagged.sort(key=lambda pair: (pair[0], pair[1].seq))
    return tagged


class FairQueue:
    """Virtual time and the requesters' finish tags while requests leave the queue."""

    def __init__(self, state: LimiterState) -> None:
        self.virtual_time = state.virtual_time
        self._finish_tags = dict(state.finish_tags)
        self._waiting = Counter(request.requester_id for request in state.queued)
        self._weights = {request.requester_id: 1.0 / request.cost for request in state.queued}

    def grant(self, request: QueuedRequest, start_tag: float) -> None:
        """Serve a request: remove it, and advance the virtual time and its requester's finish tag."""
        self.virtual_time = max(self.virtual_time + 1.0 / sum(self._weights.values()), start_tag)
        self._finish_tags[request.requester_id] = start_tag + request.cost
        self.remove(request)

    def remove(self, request: QueuedRequest) -> None:
        """Remove a request from the queue without serving it."""
        self._waiting[request.requester_id] -= 1
        if not self._waiting[request.requester_id]:
            del self._weights[request.requester_id]

    def finish_tags(self) -> Mapping[str, float]:
        """Return the finish tags that still count: ahead of the virtual time, or of one who waits."""
        return {
            name: tag
            for name, tag in self._finish_tags.items()
            if tag > self.virtual_time or name in self._weights
        }

    def reset_if_idle(self) -> None:
        """If no request waits, forget what everybody had so far."""
        if not self._weights:
            self.virtual_time = max([self.virtual_time, *self._finish_tags.values()])


def prune_finish_tags(
    finish_tags: Mapping[str, float], virtual_time: float, queued: Iterable[QueuedRequest]
) -> Mapping[str, float]:
    """Return the finish tags that still count after requests left the queue."""
    requesters = {request.requester_id for request in queued}
    return {name: tag for name, tag in finish_tags.items() if tag > virtual_time or name in requesters}
