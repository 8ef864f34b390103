"""How long the answers of each chat took to arrive, to expect the length of the next one. Pure."""

from collections import OrderedDict
from math import exp, log
from typing import Final

MAX_CHATS: Final = 5_000  #: those that were answered last; 200 bytes each
MIN_S: Final = 2.0  #: shortest and longest length that is expected, in seconds
MAX_S: Final = 30.0
WEIGHT: Final = 0.5  #: of the newest answer


class AnswerLengths:
    """Seconds from the first to the last update of answers, as a mean that follows the newest ones.

    Lengths differ by factors, so it is their logarithms that are averaged.
    """

    def __init__(self) -> None:
        self._logarithms: OrderedDict[str, float] = OrderedDict()

    def expected_s(self, chat: str) -> float | None:
        """Return the length to expect of the next answer in seconds; None if nothing is known."""
        known = self._logarithms.get(chat)
        return None if known is None else min(MAX_S, max(MIN_S, exp(known)))

    def record(self, chat: str, seconds: float) -> None:
        """Take note of an answer that arrived within so many seconds, more than 0."""
        newest = log(seconds)
        known = self._logarithms.pop(chat, newest)
        self._logarithms[chat] = known + WEIGHT * (newest - known)
        if len(self._logarithms) > MAX_CHATS:
            self._logarithms.popitem(last=False)
