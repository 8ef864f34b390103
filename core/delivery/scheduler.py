"""Which message may show a frame now: pure policy over all messages that share budgets.

Final frames come first, then first frames, then previews, where they help most. Time comes in as
a number; the scheduler performs nothing.

A message that waits stands in a heap, for a moment of its own (a back-off, a least gap, patience
with the first words) or for the moment its budgets have room. Only when that comes, or when whoever
changes the message tells of it with :meth:`DeliveryScheduler.touch`, is it looked at; the others cost
nothing meanwhile. Messages that wait for one budget come due together, and the best of them goes.
"""

import heapq
from collections.abc import Iterable
from itertools import count
from math import inf

from core.delivery.message_operations import Priority
from core.delivery.pacing import PacingPolicy
from core.delivery.scheduled_message import ScheduledMessage, SendPermit
from core.delivery.shared_budget import BudgetRow, Reservation, sync_from_shared
from core.delivery.streamed_message import FIRST_UPDATE_TIMEOUT_S
from core.delivery.token_bucket import EPSILON, TokenBucket, build_bucket
from core.ports.platform import Budget, DeliveryMode

FREE_STATUS_REFILL_S = 1.0  #: Kimi takes about so long to its first word anyway


class DeliveryScheduler:
    """All buckets and all growing messages of this process."""

    def __init__(self, pacing: PacingPolicy | None = None) -> None:
        self.pacing = pacing or PacingPolicy()
        self.messages: dict[int, ScheduledMessage] = {}
        self.buckets: dict[str, TokenBucket] = {}
        self.restored_rows: dict[str, BudgetRow] = {}  #: buckets of an earlier process, until they are used
        self.calls_made = 0  #: spent so far
        self._changed: dict[int, ScheduledMessage] = {}
        self._due: dict[int, tuple[Priority, ScheduledMessage]] = {}
        self._oversubscribed: dict[int, ScheduledMessage] = {}  # no previews: too many share a budget
        self._heap: list[tuple[float, int, ScheduledMessage]] = []
        self._ids = count()

    def add(self, message: ScheduledMessage, now: float) -> None:
        """Let a message take part."""
        self.messages[id(message)] = message
        for budget in message.budgets:
            self.bucket(budget, now).ref_count += 1
        self._count_streams(message, 1)
        if message.next_status_at is not None:
            # A sign of life costs a call that words want: it waits for as long as that needs to come back.
            costs = [
                1.0 / budget.per_s for budget in message.status_cost if budget in message.mode.update_cost
            ]
            message.next_status_at += max(0.0, max(costs, default=0.0) - FREE_STATUS_REFILL_S)
        self.mark_changed(message)

    def remove(self, message: ScheduledMessage, now: float) -> None:
        """Forget a message; buckets that nobody uses and that are full are forgotten too."""
        self._count_streams(message, -1)
        self.complete_call(message, now)
        key = id(message)
        for place in (self.messages, self._changed, self._due, self._oversubscribed):
            place.pop(key, None)
        message.wake_at = inf
        for budget in message.budgets:
            bucket = self.bucket(budget, now)
            bucket.ref_count -= 1
            if bucket.is_idle(now):
                del self.buckets[budget.key]
        self._changed.update(self._oversubscribed)

    def bucket(self, budget: Budget, now: float) -> TokenBucket:
        """Return the bucket of a budget, full where it is new."""
        found = self.buckets.get(budget.key)
        if found is None:
            found = self.buckets[budget.key] = build_bucket(budget, now)
            if (row := self.restored_rows.pop(budget.key, None)) is not None:
                found.load(row, now)
                found.complete_all(now)
        return found

    def mark_changed(self, message: ScheduledMessage) -> None:
        """Note that something about a message has changed that time alone does not tell."""
        if id(message) in self.messages:
            self._changed[id(message)] = message

    def next_permit(self, now: float) -> tuple[SendPermit | None, float]:
        """Return the best frame that may go now, or None and the moment to ask again.

        The moment is infinite where only new words can change anything.
        """
        self._process_changed(now)
        rooms: dict[int, float] = {}
        best, best_rank = None, (inf, inf)
        for need, lane in list(self._due.values()):
            at = self._budgets_ready_at(lane, need, now, rooms)
            if at > now + EPSILON:
                del self._due[id(lane)]
                self._schedule_wake(lane, at)
                continue
            rank = (float(need), -lane.streamed.preview_value(now))
            if rank < best_rank:
                best, best_rank = (lane, need), rank
        if best is not None:
            return SendPermit(best[0], best[1], self._choose_create_mode(best[0], now)[0]), now
        return None, self._heap[0][0] if self._heap else inf

    def has_room(self, cost: Iterable[Budget], now: float) -> bool:
        """Return whether every budget has room for one call now."""
        return self.room_at(cost, now) <= now + EPSILON

    def room_at(self, cost: Iterable[Budget], now: float) -> float:
        """Return the moment from which every budget has room for one call; not before ``now``."""
        return max((self.bucket(budget, now).room_at(now) for budget in cost), default=now)

    def start_call(self, permit: SendPermit, cost: tuple[Budget, ...], now: float) -> int:
        """Send one call out of every budget and let the pace know of the frame; return its number."""
        lane = permit.message
        if permit.priority is Priority.FIRST:
            self._switch_mode(lane, permit.create_mode)
        call = next(self._ids)
        self.calls_made += 1
        for budget in cost:
            bucket = self.bucket(budget, now)
            bucket.start(call, now)
            lane.reserved_calls.append((bucket, call))
        self._due.pop(id(lane), None)
        if permit.priority is not Priority.STATUS:
            self._plan_next_previews(lane, cost, now)
        return call

    def sync_from_shared(self, reservation: Reservation, *, replica: str, now: float) -> None:
        """Let our buckets be what all replicas together have made of them."""
        for key, row in reservation.rows.items():
            if (bucket := self.buckets.get(key)) is not None:
                sync_from_shared(bucket, row, replica=replica, shared_now=reservation.now, now=now)

    def abort_call(self, message: ScheduledMessage) -> None:
        """Note that the call of a message was not made: others had spent what it needs."""
        for bucket, call in message.reserved_calls:
            bucket.abort(call)
            bucket.next_preview_at = 0.0
        message.reserved_calls.clear()
        self.mark_changed(message)

    def complete_call(self, message: ScheduledMessage, now: float) -> None:
        """Note that the call of a message has its reply."""
        for bucket, call in message.reserved_calls:
            bucket.complete(call, now)
        message.reserved_calls.clear()
        self.mark_changed(message)

    def record_rate_limit(
        self, cost: tuple[Budget, ...], retry_after_s: float, now: float, *, method: str = ""
    ) -> Budget | None:
        """Close the budget that a refusal names, and return it: that of ``method``, else the first."""
        named = tuple(budget for budget in cost if method and budget.key.endswith(f":{method}"))
        closed = next(iter(named or cost), None)
        if closed is not None:
            self.bucket(closed, now).record_rate_limit(now, retry_after_s)
        return closed

    def _plan_next_previews(self, message: ScheduledMessage, cost: tuple[Budget, ...], now: float) -> None:
        """Say when the buckets that paid for a frame, or that the next ones come from, are due."""
        if message.first_update_at is None and message.streamed.pending_since is not None:
            message.first_update_at = now
        message.last_update_at = now
        age_s = 0.0 if message.first_update_at is None else now - message.first_update_at
        for budget in cost:
            bucket = self.bucket(budget, now)
            bucket.next_preview_at = now + self.pacing.preview_interval_s(bucket, age_s=age_s, now=now)
        if cost != message.mode.update_cost:
            gaps = (
                self.pacing.preview_interval_s(self.bucket(b, now), age_s=age_s, now=now)
                for b in message.mode.update_cost
            )
            message.second_update_at = now + max(gaps, default=0.0)

    def _process_changed(self, now: float) -> None:
        """Put every message whose state or time has come to where it belongs."""
        while self._heap and self._heap[0][0] <= now + EPSILON:
            at, _, lane = heapq.heappop(self._heap)
            if lane.wake_at == at:
                self._changed[id(lane)] = lane
        while self._heap and self._heap[0][2].wake_at != self._heap[0][0]:
            heapq.heappop(self._heap)
        changed, self._changed = self._changed, {}
        for lane in changed.values():
            self._classify(lane, now)

    def _classify(self, message: ScheduledMessage, now: float) -> None:
        self._due.pop(id(message), None)
        self._oversubscribed.pop(id(message), None)
        message.wake_at = inf
        if message.in_flight:
            return
        self._sync_mode(message)
        need, at = self._next_priority(message, now)
        if at == inf:
            return
        if need is not None and at <= now + EPSILON:
            self._due[id(message)] = (need, message)
        else:
            self._schedule_wake(message, at)

    def _schedule_wake(self, message: ScheduledMessage, at: float) -> None:
        message.wake_at = at
        if at < inf:
            heapq.heappush(self._heap, (at, next(self._ids), message))

    def _next_priority(self, message: ScheduledMessage, now: float) -> tuple[Priority | None, float]:
        """Return what a message needs next and when, as far as it alone decides."""
        growing = message.streamed
        need = growing.next_priority(now)
        if need is None and growing.complete:
            return None, inf
        if message.not_before > now:
            return None, message.not_before
        if need is Priority.FINAL:
            return need, now
        if need in (Priority.FIRST, Priority.PREVIEW):
            if not self._is_oversubscribed(message.mode.update_cost):
                return need, now if need is Priority.FIRST else self._earliest_preview_at(message)
            self._oversubscribed[id(message)] = message
        status_at = (
            inf if message.next_status_at is None or growing.posted else max(now, message.next_status_at)
        )
        if need is None and growing.expires_at < inf:
            return None, growing.expires_at
        if (
            need is None
            and growing.pending_chars
            and not growing.posted
            and growing.pending_since is not None
        ):
            # Words are there but too few to show: look again when even those few are worth it.
            patient_until = growing.pending_since + FIRST_UPDATE_TIMEOUT_S
            if now + EPSILON < patient_until < status_at:
                return None, patient_until
        return Priority.STATUS, status_at

    def _earliest_preview_at(self, message: ScheduledMessage) -> float:
        if not message.mode.update_cost:
            return inf
        gap_s = max(self.pacing.min_interval_s, message.mode.min_interval_s)
        words_at = (message.streamed.pending_since or 0.0) + self.pacing.debounce_s
        return max(message.last_update_at + gap_s, message.second_update_at, words_at)

    def _budgets_ready_at(
        self, message: ScheduledMessage, priority: Priority, now: float, cache: dict[int, float]
    ) -> float:
        """Return when the budgets have room for what a message needs; ``rooms`` spares asking twice."""
        match priority:
            case Priority.PREVIEW:
                latest = now
                for budget in message.mode.update_cost:
                    bucket = self.buckets[budget.key]
                    at = cache.get(id(bucket))
                    if at is None:
                        at = cache[id(bucket)] = self.pacing.preview_at(bucket, now)
                    latest = max(latest, at)
                return latest
            case Priority.FINAL:
                return self._final_ready_at(message, now)
            case Priority.FIRST:
                return self._choose_create_mode(message, now)[1]
            case _:
                return self._status_ready_at(message, now)

    def _choose_create_mode(self, message: ScheduledMessage, now: float) -> tuple[DeliveryMode, float]:
        """Return the first rung whose budgets have room now, else the one that has room first."""
        soonest, soonest_at = message.streamed.modes[-1], inf
        for rung in message.streamed.modes:
            at = self.room_at(rung.create_cost, now)
            if at <= now + EPSILON and not self._is_oversubscribed(rung.update_cost):
                return rung, now
            if at < soonest_at:
                soonest, soonest_at = rung, at
        return soonest, soonest_at

    def _final_ready_at(self, message: ScheduledMessage, now: float) -> float:
        """Return when the call that most probably comes next has room; composing tells for sure."""
        slots = message.streamed.sent_messages
        current = next((slot for slot in reversed(slots) if slot.ref is not None), None)
        if current is None:
            return self.room_at(message.streamed.modes[-1].create_cost, now)
        rung = message.streamed.mode_of(current)
        ends_at = self.room_at(rung.finalize_cost, now)
        if ends_at <= now or message.streamed.only_finalize_pending or not rung.update_cost:
            return ends_at
        return min(ends_at, self.room_at(rung.update_cost, now))  # see Growing.unended

    def _status_ready_at(self, message: ScheduledMessage, now: float) -> float:
        """A status is shown only from a full bucket where words share it: they are worth more."""
        latest = now
        for budget in message.status_cost:
            bucket = self.buckets[budget.key]
            shared = bucket.active_streams or bucket.pending_finals
            calls = max(1.0, budget.burst - 0.05) if shared else 1.0
            latest = max(latest, bucket.room_at(now, calls))
        return latest

    def _is_oversubscribed(self, cost: tuple[Budget, ...]) -> bool:
        return any(self.pacing.oversubscribed(self.buckets[budget.key]) for budget in cost)

    def _sync_mode(self, message: ScheduledMessage) -> None:
        """Count a message to the budgets of the rung that its current message grows by."""
        current = next(
            (slot for slot in reversed(message.streamed.sent_messages) if slot.ref is not None), None
        )
        if current is not None:
            self._switch_mode(message, message.streamed.mode_of(current))

    def _switch_mode(self, message: ScheduledMessage, mode: DeliveryMode) -> None:
        if mode is not message.mode:
            self._count_streams(message, -1)
            message.mode = mode
            self._count_streams(message, 1)

    def _count_streams(self, message: ScheduledMessage, delta: int) -> None:
        for budget in message.mode.update_cost:
            self.buckets[budget.key].own_streams += delta
        for budget in message.mode.finalize_cost:
            self.buckets[budget.key].own_finals += delta
