"""Channels that have got another id: settings name them by the id that they had when they were written.

A Telegram group becomes a supergroup as soon as its owner changes some of its settings, and gets a new id
(https://core.telegram.org/bots/api#chat). What the deployment says of the old id holds for the new one.
"""

from collections.abc import Iterable


class ChannelMoves:
    """The moves that are known to this process, in memory."""

    def __init__(self) -> None:
        """Begin with no moves."""
        self._earlier: dict[tuple[str, str], set[str]] = {}

    def add(self, platform: str, old_channel: str, new_channel: str) -> None:
        """Record that ``old_channel`` became ``new_channel``."""
        if old_channel != new_channel:
            self._earlier.setdefault((platform, new_channel), set()).add(old_channel)

    def add_all(self, moves: Iterable[tuple[str, str, str]]) -> None:
        """Record moves, each as (platform, old channel, new channel)."""
        for platform, old_channel, new_channel in moves:
            self.add(platform, old_channel, new_channel)

    def ids_of(self, platform: str, channel: str) -> frozenset[str]:
        """Return a channel's id with all that it had before."""
        found, unseen = {channel}, [channel]
        while unseen:
            earlier = self._earlier.get((platform, unseen.pop()), set()) - found
            found |= earlier
            unseen.extend(earlier)
        return frozenset(found)
