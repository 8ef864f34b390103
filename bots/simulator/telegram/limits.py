"""How many calls one chat and one bot may make, and what going over costs. Pure: time comes in.

Telegram publishes about 1 message per second in a private chat, 20 per minute in a group and 30
per second over all (core.telegram.org/bots/faq); edits share the budget of sends
(tdlib/td#2592). A penalty grows where calls go on during it.
"""

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The numbers; ``enabled=False`` grants everything (penalties by ``flood`` still hold)."""

    enabled: bool = True
    private_per_s: float = 1.0
    private_burst: int = 3
    group_per_min: float = 20.0
    group_burst: int = 5
    overall_per_s: float = 30.0
    overall_burst: int = 30
    drafts: tuple[tuple[int, float], ...] = ((20, 5.0), (40, 30.0))
    """(calls, seconds) of sliding windows for drafts and typing in a private chat."""
    penalty_s: float = 3.0  #: the least retry_after
    penalty_growth: float = 1.5  #: what a call during a penalty multiplies the rest of it by
    penalty_max_s: float = 3600.0


@dataclass(slots=True)
class Bucket:
    """``burst`` calls at once, ``per_s`` in the long run."""

    per_s: float
    burst: int
    level: float = field(init=False)
    seen_at: float | None = None

    def __post_init__(self) -> None:
        self.level = float(self.burst)

    def wait_s(self, now: float) -> float:
        """Return how long until one call fits; 0 where it fits now."""
        if self.seen_at is not None:
            self.level = min(float(self.burst), self.level + (now - self.seen_at) * self.per_s)
        self.seen_at = now
        return 0.0 if self.level >= 1 - 1e-6 else (1 - self.level) / self.per_s

    def spend(self, now: float, messages: int = 1) -> None:
        """Count a call that shows so many messages; ``wait_s`` was asked before."""
        self.level -= messages
        self.seen_at = now


@dataclass(slots=True)
class Window:
    """At most ``count`` calls within any ``span_s``."""

    count: int
    span_s: float
    times: deque[float] = field(default_factory=deque)

    def wait_s(self, now: float) -> float:
        """Return how long until one call fits; 0 where it fits now."""
        while self.times and self.times[0] <= now - self.span_s:
            self.times.popleft()
        return 0.0 if len(self.times) < self.count else self.times[0] + self.span_s - now

    def spend(self, now: float, messages: int = 1) -> None:
        """Count a call that shows so many messages."""
        self.times.extend([now] * messages)


@dataclass(slots=True)
class Gate:
    """Buckets that are spent together, with the penalty for going over."""

    limits: Limits
    parts: Sequence[Bucket | Window]
    blocked_until: float = 0.0

    def admit(self, now: float, messages: int = 1) -> int:
        """Count one call and return 0, or return the whole seconds it is told to wait.

        An album counts as its messages: it is taken once one of them fits, and the next call waits for all.
        """
        if now < self.blocked_until:
            rest = self.blocked_until - now
            longer = max(rest, min(rest * self.limits.penalty_growth, self.limits.penalty_max_s))
            return self.punish(longer, now)
        if not self.limits.enabled:
            return 0
        wait_s = max(part.wait_s(now) for part in self.parts)
        if wait_s > 0:
            return self.punish(max(wait_s, self.limits.penalty_s), now)
        for part in self.parts:
            part.spend(now, messages)
        return 0

    def punish(self, seconds: float, now: float) -> int:
        """Refuse every call for ``seconds``; return them as a whole number, at least 1."""
        told = max(1, math.ceil(seconds))
        self.blocked_until = now + told
        return told


class Budgets:
    """Every gate of one bot, made when first used."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._gates: dict[tuple[str, int], Gate] = {}

    def overall(self) -> Gate:
        """Return the gate over all chats."""
        limits = self._limits
        return self._gate(("overall", 0), [Bucket(limits.overall_per_s, limits.overall_burst)])

    def chat(self, chat_id: int) -> Gate:
        """Return the gate that sends, edits, deletes and typing of one chat share."""
        limits = self._limits
        if chat_id > 0:
            bucket = Bucket(limits.private_per_s, limits.private_burst)
        else:
            bucket = Bucket(limits.group_per_min / 60, limits.group_burst)
        return self._gate(("chat", chat_id), [bucket])

    def drafts(self, chat_id: int) -> Gate:
        """Return the gate of drafts and typing in one private chat."""
        return self._gate(("drafts", chat_id), [Window(count, span) for count, span in self._limits.drafts])

    def _gate(self, key: tuple[str, int], parts: Sequence[Bucket | Window]) -> Gate:
        return self._gates.setdefault(key, Gate(self._limits, parts))
