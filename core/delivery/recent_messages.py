"""Counts the messages that each person lately caused, so that those of others go first. Pure."""

from collections import OrderedDict, deque
from typing import Final

WINDOW_S: Final = 60.0


class RecentMessages:
    """Times of the messages of the last minute, by the person they answer."""

    def __init__(self) -> None:
        self._times: OrderedDict[str, deque[float]] = OrderedDict()  # the person with the newest one last

    def add(self, person: str, now: float) -> int:
        """Count one more message of a person; return how many others they caused within the last minute."""
        times = self._times.setdefault(person, deque())
        self._times.move_to_end(person)
        times.append(now)
        while now - times[0] >= WINDOW_S:
            times.popleft()
        while now - next(iter(self._times.values()))[-1] >= WINDOW_S:
            self._times.popitem(last=False)
        return len(times) - 1
