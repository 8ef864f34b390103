"""A set that keeps only its most recently added members."""

from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class RecentSet(Generic[T]):
    """A set of at most ``capacity`` members; adding one beyond it discards the oldest."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._members: dict[T, None] = {}

    def __contains__(self, member: T) -> bool:
        return member in self._members

    def add(self, member: T) -> None:
        """Add ``member``, or make it the most recent one."""
        self._members.pop(member, None)
        self._members[member] = None
        if len(self._members) > self._capacity:
            del self._members[next(iter(self._members))]

    def discard(self, member: T) -> None:
        """Remove ``member`` if it is in the set."""
        self._members.pop(member, None)
