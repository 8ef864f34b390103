"""Which message may show a frame now: pure policy over all messages that share budgets.

Final frames come first, then first frames, then previews, where they help most. Time comes in as
a number; the scheduler performs nothing.

A message that waits stands in a heap, for a moment of its own (a back-off, a least gap, patience
with the first words) or for the moment its budgets have room. Only when that comes, or when whoever
changes the message tells of it with :meth:`Scheduler.touch`, is it looked at; the others cost
nothing meanwhile. Messages that wait for one budget come due together, and the best of them goes.
"""

import heapq
from collections.abc import Iterable
from itertools import count
from math import inf

from core.delivery.operations import Need
from core.delivery.pacing import Pace
from core.delivery.scheduled_message import Grant, Lane
from core.delivery.shared_budget import Row, Verdict, adopt
from core.delivery.streamed_message import FIRST_WORDS_PATIENCE_S
from core.delivery.token_bucket import EPSILON, Bucket, bucket_of
from core.ports.platform import Budget, Rung

STATUS_COMES_BACK_S = 1.0  #: Kimi takes about so long to its first word anyway


class Scheduler:
    """All buckets and all growing messages of this process."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.lanes: dict[int, Lane] = {}
        self.buckets: dict[str, Bucket] = {}
        self.spent_before: dict[str, Row] = {}  #: buckets of an earlier process, until they are used
        self.calls = 0  #: spent so far
        self._changed: dict[int, Lane] = {}
        self._due: dict[int, tuple[Need, Lane]] = {}
        self._starved: dict[int, Lane] = {}  # no previews: too many share a budget
        self._heap: list[tuple[float, int, Lane]] = []
        self._numbers = count()

    def add(self, lane: Lane, now: float) -> None:
        """Let a message take part."""
        self.lanes[id(lane)] = lane
        for budget in lane.budgets:
            self.bucket(budget, now).users += 1
        self._ride(lane, 1)
        if lane.status_at is not None:
            # A sign of life costs a call that words want: it waits for as long as that needs to come back.
            costs = [1.0 / budget.per_s for budget in lane.status_cost if budget in lane.rung.grow]
            lane.status_at += max(0.0, max(costs, default=0.0) - STATUS_COMES_BACK_S)
        self.touch(lane)

    def remove(self, lane: Lane, now: float) -> None:
        """Forget a message; buckets that nobody uses and that are full are forgotten too."""
        self._ride(lane, -1)
        self.landed(lane, now)
        key = id(lane)
        for place in (self.lanes, self._changed, self._due, self._starved):
            place.pop(key, None)
        lane.wake_at = inf
        for budget in lane.budgets:
            bucket = self.bucket(budget, now)
            bucket.users -= 1
            if bucket.idle(now):
                del self.buckets[budget.key]
        self._changed.update(self._starved)

    def bucket(self, budget: Budget, now: float) -> Bucket:
        """Return the bucket of a budget, full where it is new."""
        found = self.buckets.get(budget.key)
        if found is None:
            found = self.buckets[budget.key] = bucket_of(budget, now)
            if (row := self.spent_before.pop(budget.key, None)) is not None:
                found.load(row, now)
                found.settle_flying(now)
        return found

    def touch(self, lane: Lane) -> None:
        """Note that something about a message has changed that time alone does not tell."""
        if id(lane) in self.lanes:
            self._changed[id(lane)] = lane

    def next(self, now: float) -> tuple[Grant | None, float]:
        """Return the best frame that may go now, or None and the moment to ask again.

        The moment is infinite where only new words can change anything.
        """
        self._sort(now)
        rooms: dict[int, float] = {}
        best, best_rank = None, (inf, inf)
        for need, lane in list(self._due.values()):
            at = self._room_at(lane, need, now, rooms)
            if at > now + EPSILON:
                del self._due[id(lane)]
                self._wake(lane, at)
                continue
            rank = (float(need), -lane.growing.worth(now))
            if rank < best_rank:
                best, best_rank = (lane, need), rank
        if best is not None:
            return Grant(best[0], best[1], self._opening(best[0], now)[0]), now
        return None, self._heap[0][0] if self._heap else inf

    def may_spend(self, cost: Iterable[Budget], now: float) -> bool:
        """Return whether every budget has room for one call now."""
        return self.room_at(cost, now) <= now + EPSILON

    def room_at(self, cost: Iterable[Budget], now: float) -> float:
        """Return the moment from which every budget has room for one call; not before ``now``."""
        return max((self.bucket(budget, now).room_at(now) for budget in cost), default=now)

    def spend(self, grant: Grant, cost: tuple[Budget, ...], now: float) -> int:
        """Send one call out of every budget and let the pace know of the frame; return its number."""
        lane = grant.lane
        if grant.need is Need.FIRST:
            self._switch(lane, grant.opening)
        call = next(self._numbers)
        self.calls += 1
        for budget in cost:
            bucket = self.bucket(budget, now)
            bucket.send(call, now)
            lane.sent.append((bucket, call))
        self._due.pop(id(lane), None)
        if grant.need is not Need.STATUS:
            self._pace(lane, cost, now)
        return call

    def learn(self, verdict: Verdict, *, replica: str, now: float) -> None:
        """Let our buckets be what all replicas together have made of them."""
        for key, row in verdict.rows.items():
            if (bucket := self.buckets.get(key)) is not None:
                adopt(bucket, row, replica=replica, shared_now=verdict.now, now=now)

    def unsent(self, lane: Lane) -> None:
        """Note that the call of a message was not made: others had spent what it needs."""
        for bucket, call in lane.sent:
            bucket.unsend(call)
            bucket.next_preview_at = 0.0
        lane.sent.clear()
        self.touch(lane)

    def landed(self, lane: Lane, now: float) -> None:
        """Note that the call of a message has its reply."""
        for bucket, call in lane.sent:
            bucket.land(call, now)
        lane.sent.clear()
        self.touch(lane)

    def refused(
        self, cost: tuple[Budget, ...], retry_after_s: float, now: float, *, method: str = ""
    ) -> Budget | None:
        """Close the budget that a refusal names, and return it: that of ``method``, else the first."""
        named = tuple(budget for budget in cost if method and budget.key.endswith(f":{method}"))
        closed = next(iter(named or cost), None)
        if closed is not None:
            self.bucket(closed, now).refuse(now, retry_after_s)
        return closed

    def _pace(self, lane: Lane, cost: tuple[Budget, ...], now: float) -> None:
        """Say when the buckets that paid for a frame, or that the next ones come from, are due."""
        if lane.first_frame_at is None and lane.growing.words_since is not None:
            lane.first_frame_at = now
        lane.last_frame_at = now
        age_s = 0.0 if lane.first_frame_at is None else now - lane.first_frame_at
        for budget in cost:
            bucket = self.bucket(budget, now)
            bucket.next_preview_at = now + self.pace.gap_s(bucket, age_s=age_s, now=now)
        if cost != lane.rung.grow:
            gaps = (self.pace.gap_s(self.bucket(b, now), age_s=age_s, now=now) for b in lane.rung.grow)
            lane.second_frame_at = now + max(gaps, default=0.0)

    def _sort(self, now: float) -> None:
        """Put every message whose state or time has come to where it belongs."""
        while self._heap and self._heap[0][0] <= now + EPSILON:
            at, _, lane = heapq.heappop(self._heap)
            if lane.wake_at == at:
                self._changed[id(lane)] = lane
        while self._heap and self._heap[0][2].wake_at != self._heap[0][0]:
            heapq.heappop(self._heap)
        changed, self._changed = self._changed, {}
        for lane in changed.values():
            self._place(lane, now)

    def _place(self, lane: Lane, now: float) -> None:
        self._due.pop(id(lane), None)
        self._starved.pop(id(lane), None)
        lane.wake_at = inf
        if lane.in_flight:
            return
        self._follow(lane)
        need, at = self._wants(lane, now)
        if at == inf:
            return
        if need is not None and at <= now + EPSILON:
            self._due[id(lane)] = (need, lane)
        else:
            self._wake(lane, at)

    def _wake(self, lane: Lane, at: float) -> None:
        lane.wake_at = at
        if at < inf:
            heapq.heappush(self._heap, (at, next(self._numbers), lane))

    def _wants(self, lane: Lane, now: float) -> tuple[Need | None, float]:
        """Return what a message needs next and when, as far as it alone decides."""
        growing = lane.growing
        need = growing.need(now)
        if need is None and growing.complete:
            return None, inf
        if lane.not_before > now:
            return None, lane.not_before
        if need is Need.FINAL:
            return need, now
        if need in (Need.FIRST, Need.PREVIEW):
            if not self._thin(lane.rung.grow):
                return need, now if need is Need.FIRST else self._preview_from(lane)
            self._starved[id(lane)] = lane
        status_at = inf if lane.status_at is None or growing.posted else max(now, lane.status_at)
        if need is None and growing.fades_at < inf:
            return None, growing.fades_at
        if need is None and growing.unseen and not growing.posted and growing.words_since is not None:
            # Words are there but too few to show: look again when even those few are worth it.
            patient_until = growing.words_since + FIRST_WORDS_PATIENCE_S
            if now + EPSILON < patient_until < status_at:
                return None, patient_until
        return Need.STATUS, status_at

    def _preview_from(self, lane: Lane) -> float:
        if not lane.rung.grow:
            return inf
        gap_s = max(self.pace.min_gap_s, lane.rung.min_gap_s)
        words_at = (lane.growing.words_since or 0.0) + self.pace.settle_s
        return max(lane.last_frame_at + gap_s, lane.second_frame_at, words_at)

    def _room_at(self, lane: Lane, need: Need, now: float, rooms: dict[int, float]) -> float:
        """Return when the budgets have room for what a message needs; ``rooms`` spares asking twice."""
        match need:
            case Need.PREVIEW:
                latest = now
                for budget in lane.rung.grow:
                    bucket = self.buckets[budget.key]
                    at = rooms.get(id(bucket))
                    if at is None:
                        at = rooms[id(bucket)] = self.pace.preview_at(bucket, now)
                    latest = max(latest, at)
                return latest
            case Need.FINAL:
                return self._final_at(lane, now)
            case Need.FIRST:
                return self._opening(lane, now)[1]
            case _:
                return self._status_room_at(lane, now)

    def _opening(self, lane: Lane, now: float) -> tuple[Rung, float]:
        """Return the first rung whose budgets have room now, else the one that has room first."""
        soonest, soonest_at = lane.growing.rungs[-1], inf
        for rung in lane.growing.rungs:
            at = self.room_at(rung.open, now)
            if at <= now + EPSILON and not self._thin(rung.grow):
                return rung, now
            if at < soonest_at:
                soonest, soonest_at = rung, at
        return soonest, soonest_at

    def _final_at(self, lane: Lane, now: float) -> float:
        """Return when the call that most probably comes next has room; composing tells for sure."""
        slots = lane.growing.slots
        current = next((slot for slot in reversed(slots) if slot.ref is not None), None)
        if current is None:
            return self.room_at(lane.growing.rungs[-1].open, now)
        rung = lane.growing.rung_of(current)
        ends_at = self.room_at(rung.close, now)
        if ends_at <= now or lane.growing.only_end_missing or not rung.grow:
            return ends_at
        return min(ends_at, self.room_at(rung.grow, now))  # see Growing.unended

    def _status_room_at(self, lane: Lane, now: float) -> float:
        """A status is shown only from a full bucket where words share it: they are worth more."""
        latest = now
        for budget in lane.status_cost:
            bucket = self.buckets[budget.key]
            shared = bucket.riders or bucket.ends
            calls = max(1.0, budget.burst - 0.05) if shared else 1.0
            latest = max(latest, bucket.room_at(now, calls))
        return latest

    def _thin(self, cost: tuple[Budget, ...]) -> bool:
        return any(self.pace.too_thin(self.buckets[budget.key]) for budget in cost)

    def _follow(self, lane: Lane) -> None:
        """Count a message to the budgets of the rung that its current message grows by."""
        current = next((slot for slot in reversed(lane.growing.slots) if slot.ref is not None), None)
        if current is not None:
            self._switch(lane, lane.growing.rung_of(current))

    def _switch(self, lane: Lane, rung: Rung) -> None:
        if rung is not lane.rung:
            self._ride(lane, -1)
            lane.rung = rung
            self._ride(lane, 1)

    def _ride(self, lane: Lane, step: int) -> None:
        for budget in lane.rung.grow:
            self.buckets[budget.key].growers += step
        for budget in lane.rung.close:
            self.buckets[budget.key].finals += step
