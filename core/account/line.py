"""The order of those who wait: start-time fair queueing by asker. Pure.

Each request has a start tag: the later of the virtual time at its arrival and the finish tag of
its asker's request before it, which lies 1/weight behind that one's start tag. The lowest start
tag goes first. So a pile of one asker takes turns with everybody else's requests, and between two
who both keep asking, neither is ever ahead by more than one request of each (Goyal, Vin, Cheng,
"Start-time Fair Queueing", 1996). Tags are worked out from those who still wait: whoever leaves
the line costs their asker nothing.
"""

from collections.abc import Mapping

from core.account.state import State, Waiter


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


def flows_left(
    flows: Mapping[str, float], virtual: float, waiters: tuple[Waiter, ...]
) -> Mapping[str, float]:
    """Return the finish tags that still mean something: ahead of the line, or of one who waits."""
    asking = {waiter.asker for waiter in waiters}
    return {asker: tag for asker, tag in flows.items() if tag > virtual or asker in asking}
