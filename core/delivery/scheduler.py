"""Which message may show a frame now: pure policy over all messages that share budgets.

Final frames come first, then first frames, then previews, where they help most. Time comes in as
a number; the scheduler performs nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from core.delivery.bucket import Bucket
from core.delivery.growing import Growing, Need
from core.delivery.pace import Pace
from core.ports import Budget, Rung


@dataclass(slots=True, eq=False)
class Lane:
    """A growing message as the scheduler sees it."""

    growing: Growing
    status_cost: tuple[Budget, ...] = ()
    status_every_s: float = 0.0  #: 0: once is enough
    status_at: float | None = 0.0  #: when the status is due; None: never (again)
    in_flight: bool = False
    not_before: float = 0.0  #: back-off after a failed call
    last_frame_at: float = float("-inf")
    budgets: tuple[Budget, ...] = field(default=())

    def __post_init__(self) -> None:
        every = {
            budget.key: budget
            for rung in self.growing.rungs
            for budget in (*rung.open, *rung.grow, *rung.close)
        }
        self.budgets = tuple(every.values())


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission for one message to compose its next frame now."""

    lane: Lane
    need: Need
    opening: Rung


class Scheduler:
    """All buckets and all growing messages of this process."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.lanes: list[Lane] = []
        self.buckets: dict[str, Bucket] = {}

    def add(self, lane: Lane, now: float) -> None:
        """Let a message take part."""
        self.lanes.append(lane)
        for budget in lane.budgets:
            self.bucket(budget, now).lanes += 1

    def remove(self, lane: Lane, now: float) -> None:
        """Forget a message; buckets that nobody uses and that are full are forgotten too."""
        self.lanes.remove(lane)
        for budget in lane.budgets:
            bucket = self.bucket(budget, now)
            bucket.lanes -= 1
            idle = bucket.lanes == 0 and bucket.closed_until <= now and bucket.rate >= budget.per_s
            if idle and bucket.level(now) >= budget.burst:
                del self.buckets[budget.key]

    def bucket(self, budget: Budget, now: float) -> Bucket:
        """Return the bucket of a budget, full where it is new."""
        found = self.buckets.get(budget.key)
        if found is None:
            found = self.buckets[budget.key] = Bucket(budget, now)
        return found

    def next(self, now: float) -> tuple[Grant | None, float]:
        """Return the best frame that may go now, or None and the moment to ask again.

        The moment is infinite where only new words can change anything.
        """
        wake_at = float("inf")
        best: tuple[tuple[float, float], Grant] | None = None
        for lane in self.lanes:
            if lane.in_flight:
                continue
            if lane.not_before > now:
                wake_at = min(wake_at, lane.not_before)
                continue
            at, grant = self._ready_at(lane, now)
            if grant is None or at > now + 1e-9:
                wake_at = min(wake_at, at)
                continue
            rank = (float(grant.need), -lane.growing.worth(now))
            if best is None or rank < best[0]:
                best = (rank, grant)
        return (best[1], now) if best is not None else (None, wake_at)

    def may_spend(self, cost: Iterable[Budget], now: float) -> bool:
        """Return whether every budget has room for one call now."""
        return all(self.bucket(budget, now).room_at(now) <= now + 1e-9 for budget in cost)

    def spend(self, grant: Grant, cost: tuple[Budget, ...], now: float) -> None:
        """Take one call from every budget and let the pace know of the frame."""
        age_s = now - grant.lane.growing.opened_at
        for budget in cost:
            bucket = self.bucket(budget, now)
            bucket.take(now)
            if grant.need is not Need.STATUS:
                bucket.next_preview_at = now + self.pace.gap_s(bucket, age_s=age_s, now=now)
        grant.lane.last_frame_at = now

    def refused(self, cost: tuple[Budget, ...], retry_after_s: float, now: float) -> None:
        """Close the budget that a refusal names: the narrowest, which stands first."""
        for budget in cost[:1]:
            self.bucket(budget, now).refuse(now, retry_after_s)

    def _ready_at(self, lane: Lane, now: float) -> tuple[float, Grant | None]:
        need = lane.growing.need(now)
        opening, opens_at = self._opening(lane, now)
        if need is Need.FINAL:
            return self._final_at(lane, now), Grant(lane, need, opening)
        if need is Need.FIRST and not self._thin(opening.open):
            return opens_at, Grant(lane, need, opening)
        if need is Need.PREVIEW:
            return self._preview_at(lane, now), Grant(lane, need, opening)
        if need is None and lane.growing.unseen and not lane.growing.posted:
            # Words are there but too few to show: look again when even those few are worth it.
            return self._status_at(lane, now, opening, least=now + 0.1)
        return self._status_at(lane, now, opening, least=float("inf"))

    def _opening(self, lane: Lane, now: float) -> tuple[Rung, float]:
        """Return the first rung whose budgets have room now, else the one that has room first."""
        at = [
            max((self.bucket(budget, now).room_at(now) for budget in rung.open), default=now)
            for rung in lane.growing.rungs
        ]
        for rung, room_at in zip(lane.growing.rungs, at, strict=True):
            if room_at <= now + 1e-9 and not self._thin(rung.grow):
                return rung, now
        soonest = min(range(len(at)), key=at.__getitem__)
        return lane.growing.rungs[soonest], at[soonest]

    def _final_at(self, lane: Lane, now: float) -> float:
        """Return when the call that most probably comes next has room; composing tells for sure."""
        slots = lane.growing.slots
        current = next((slot for slot in reversed(slots) if slot.ref is not None), None)
        cost = lane.growing.rungs[-1].open if current is None else lane.growing.rung_of(current).close
        return max((self.bucket(budget, now).room_at(now) for budget in cost), default=now)

    def _preview_at(self, lane: Lane, now: float) -> float:
        current = next(slot for slot in reversed(lane.growing.slots) if slot.ref is not None)
        rung = lane.growing.rung_of(current)
        if not rung.grow or self._thin(rung.grow):
            return float("inf")
        due = [self.pace.preview_at(self.bucket(budget, now), now) for budget in rung.grow]
        return max(lane.last_frame_at + max(self.pace.min_gap_s, rung.min_gap_s), *due)

    def _status_at(self, lane: Lane, now: float, opening: Rung, least: float) -> tuple[float, Grant | None]:
        """A status is shown only from a full bucket: words are worth more than a sign of life."""
        if lane.status_at is None or lane.growing.posted or lane.growing.complete:
            return least, None
        room = [
            self.bucket(budget, now).room_at(now, max(1.0, budget.burst - 0.05))
            for budget in lane.status_cost
        ]
        at = max(lane.status_at, *room) if room else lane.status_at
        return (at, Grant(lane, Need.STATUS, opening)) if at <= least else (least, None)

    def _thin(self, cost: tuple[Budget, ...]) -> bool:
        return any(
            self.pace.too_thin(self.buckets[budget.key]) for budget in cost if budget.key in self.buckets
        )
