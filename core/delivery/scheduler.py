"""Chooses and composes the call to send now. Pure policy over all sources that share budgets.

Final calls come first, then first ones, then notices, then previews, of those the most helpful. Of equally
urgent messages those of a person with few others come first. Time is passed in as a number; the scheduler
sends nothing.

A waiting source is in a heap, either for a time of its own (a back-off, a shortest interval, patience
with the first words) or for the time at which its budgets have room. It is looked at only when that time
comes, or when :meth:`CallScheduler.mark_changed` says that it has changed; sources that wait cost nothing
meanwhile. Sources that wait for the same budget come due together, and the best of them goes.
"""

import heapq
from dataclasses import dataclass
from itertools import count
from math import inf

import structlog

from core.delivery.answer_lengths import AnswerLengths
from core.delivery.budget_pool import BudgetPool, Demand, PendingCall
from core.delivery.call_source import AnySource
from core.delivery.platform_call import CallOption, LookAgain, PlannedCall, Priority, WantedCall
from core.delivery.token_bucket import EPSILON, TokenBucket
from core.domain.errors import PlatformRefused

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReadyCall:
    """A call to send now; its budgets have reserved it."""

    source: AnySource
    call: PlannedCall
    pending: PendingCall


@dataclass(slots=True, eq=False)
class _Entry:
    """A source in the schedule."""

    source: AnySource
    demand: Demand  #: as counted in the pool
    in_flight: bool = False
    blocked_until: float = 0.0  #: its budgets had no room for the call that it composed
    last_update_at: float = -inf
    first_update_at: float | None = None  #: when its first text was sent
    second_update_at: float = 0.0  #: earliest preview after a first update that another budget paid
    expected_s: float | None = None  #: how long its answer will take, if that can be guessed
    wake_at: float = inf  #: its one valid time in the heap


class CallScheduler:
    """All sources of this process."""

    def __init__(self, pool: BudgetPool) -> None:
        self.pool = pool
        self._lengths = AnswerLengths()
        self._entries: dict[int, _Entry] = {}
        self._changed: dict[int, _Entry] = {}
        self._due: dict[int, tuple[_Entry, WantedCall]] = {}
        self._oversubscribed: dict[int, _Entry] = {}  # sources whose previews are suspended
        self._heap: list[tuple[float, int, _Entry]] = []
        self._order = count()

    def __len__(self) -> int:
        """Return the number of sources."""
        return len(self._entries)

    def __contains__(self, source: object) -> bool:
        """Return whether a source is in the schedule."""
        return id(source) in self._entries

    def add(self, source: AnySource, now: float) -> None:
        """Add a source."""
        self.pool.acquire(source.budgets, now)
        entry = self._entries[id(source)] = _Entry(source, source.demand())
        entry.expected_s = self._lengths.expected_s(source.chat)
        self.pool.add_demand(entry.demand, 1)
        self._changed[id(source)] = entry

    def remove(self, source: AnySource, now: float) -> None:
        """Remove a source; buckets that nobody uses and that are full are dropped."""
        entry = self._entries.pop(id(source), None)
        if entry is None:
            return
        if source.chat and entry.first_update_at is not None and entry.last_update_at > entry.first_update_at:
            self._lengths.record(source.chat, entry.last_update_at - entry.first_update_at)
        self.pool.add_demand(entry.demand, -1)
        self._due.pop(id(source), None)
        self._changed.pop(id(source), None)
        self._oversubscribed.pop(id(source), None)
        entry.wake_at = inf
        self.pool.release(source.budgets, now)
        self._changed.update(self._oversubscribed)

    def mark_changed(self, source: AnySource) -> None:
        """Take note that a source may want another call now, other than by the passing of time."""
        if (entry := self._entries.get(id(source))) is not None:
            self._changed[id(source)] = entry

    def next_call(self, now: float) -> ReadyCall | float:
        """Return the best call that may be sent now, or the time to ask again.

        The call is composed and reserved; :meth:`finish` must be called when it has ended. The time is
        infinite if only a change of a source can bring a call.
        """
        while True:
            self._process_changed(now)
            chosen = self._choose(now)
            if chosen is None:
                return self._heap[0][0] if self._heap else inf
            entry, wanted, option = chosen
            call = self._compose(entry, wanted, option, now)
            if call is not None:
                return ReadyCall(entry.source, call, self._start(entry, call, now))

    def finish(self, source: AnySource) -> None:
        """Record the end of the source's call, successful or not."""
        if (entry := self._entries.get(id(source))) is not None:
            entry.in_flight = False
            self._changed[id(source)] = entry

    def block(self, source: AnySource, until: float) -> None:
        """Send no call of a source before a time."""
        if (entry := self._entries.get(id(source))) is not None:
            entry.blocked_until = until
            self._changed[id(source)] = entry

    def _choose(self, now: float) -> tuple[_Entry, WantedCall, CallOption] | None:
        """Return the most urgent source with room in its budgets, and its next call."""
        best: tuple[_Entry, WantedCall, CallOption] | None = None
        best_rank = (inf, inf, inf)
        for key, (entry, wanted) in list(self._due.items()):
            option, at = self._choose_option(wanted, now)
            if at > now + EPSILON:
                del self._due[key]
                self._schedule_wake(entry, at)
                continue
            order = 0 if wanted.priority is Priority.PREVIEW else entry.source.order
            rank = (float(wanted.priority), float(order), -entry.source.preview_value(now))
            if rank < best_rank:
                best, best_rank = (entry, wanted, option), rank
        return best

    def _compose(
        self, entry: _Entry, wanted: WantedCall, option: CallOption, now: float
    ) -> PlannedCall | None:
        """Return the call that a source makes of its permission, if there is room for it."""
        source = entry.source
        try:
            call: PlannedCall | None = source.compose(wanted.priority, option, now)
        except Exception as exc:  # a renderer's defect must end one answer, not the loop
            log.exception("delivery.compose_failed", platform=source.platform)
            source.completion.end(PlatformRefused(f"cannot be composed: {type(exc).__name__}"))
            call = None
        if source.completion.ended:
            self.remove(source, now)
            return None
        if call is None:
            entry.last_update_at = now  # so that the same call is not composed again at once
            self._changed[id(source)] = entry
            return None
        if not self.pool.is_ready(call.cost, call.priority, now):
            call = source.cheaper(call) or call
        until = self.pool.ready_at(call.cost, call.priority, now)
        if until <= now + EPSILON:
            return call
        # The call spends from other budgets than was expected, and they have no room yet.
        source.postponed(call, until)
        self.block(source, until)
        return None

    def _start(self, entry: _Entry, call: PlannedCall, now: float) -> PendingCall:
        """Reserve a call that is sent now, and plan the next previews."""
        self._due.pop(id(entry.source), None)
        self._sync_demand(entry)
        pending = self.pool.start(call.cost, now)
        entry.in_flight = True
        if call.priority is not Priority.STATUS:
            self._plan_next_previews(entry, call, now)
        return pending

    def _plan_next_previews(self, entry: _Entry, call: PlannedCall, now: float) -> None:
        """Set when the budgets that pay this update, and those of the next previews, are due again."""
        if entry.first_update_at is None and call.text_since is not None:
            entry.first_update_at = now
        entry.last_update_at = now
        age_s = 0.0 if entry.first_update_at is None else now - entry.first_update_at

        def next_preview_at(bucket: TokenBucket) -> float:
            return now + self.pool.pacing.preview_interval_s(
                bucket, age_s=age_s, now=now, expected_s=entry.expected_s
            )

        for budget in call.cost:
            bucket = self.pool.bucket(budget, now)
            bucket.next_preview_at = next_preview_at(bucket)
        if call.cost != entry.demand.previews:
            buckets = [self.pool.bucket(budget, now) for budget in entry.demand.previews]
            entry.second_update_at = max(map(next_preview_at, buckets), default=now)

    def _process_changed(self, now: float) -> None:
        """Classify every changed or due source."""
        while self._heap and self._heap[0][0] <= now + EPSILON:
            at, _, entry = heapq.heappop(self._heap)
            if entry.wake_at == at:
                self._changed[id(entry.source)] = entry
        while self._heap and self._heap[0][2].wake_at != self._heap[0][0]:
            heapq.heappop(self._heap)
        changed, self._changed = self._changed, {}
        for entry in changed.values():
            self._classify(entry, now)

    def _classify(self, entry: _Entry, now: float) -> None:
        key = id(entry.source)
        self._due.pop(key, None)
        self._oversubscribed.pop(key, None)
        entry.wake_at = inf
        if entry.in_flight:
            return
        self._sync_demand(entry)
        previews = not self.pool.oversubscribed(entry.demand.previews)
        if not previews:
            self._oversubscribed[key] = entry
        match entry.source.wanted_call(now, previews=previews):
            case WantedCall() as wanted:
                at = self._earliest(entry, wanted)
                if at <= now + EPSILON:
                    self._due[key] = entry, wanted
                else:
                    self._schedule_wake(entry, at)
            case LookAgain(at):
                self._schedule_wake(entry, at)
            case None:
                pass

    def _earliest(self, entry: _Entry, wanted: WantedCall) -> float:
        """Return when a source may send its call as far as its budgets do not matter."""
        at = max(wanted.not_before, entry.blocked_until)
        if wanted.priority is Priority.FIRST:
            return max(at, wanted.text_since + self._first_wait_s(entry, wanted))
        if wanted.priority is not Priority.PREVIEW:
            return at
        pacing = self.pool.pacing
        return max(
            at,
            entry.last_update_at + max(pacing.min_interval_s, wanted.min_interval_s),
            entry.second_update_at,
            wanted.text_since + pacing.debounce_s,
        )

    def _first_wait_s(self, entry: _Entry, wanted: WantedCall) -> float:
        """Return how long a first update waits for more words, so that its call is there for a later one."""
        option, since = wanted.options[0], wanted.text_since
        if not since or option.mode is None:
            return 0.0
        shared = [self.pool.bucket(each, since) for each in option.mode.update_cost if each in option.cost]
        waits = [
            self.pool.pacing.first_wait_s(bucket, now=since, expected_s=entry.expected_s) for bucket in shared
        ]
        return max(waits, default=0.0)

    def _schedule_wake(self, entry: _Entry, at: float) -> None:
        entry.wake_at = at
        if at < inf:
            heapq.heappush(self._heap, (at, next(self._order), entry))

    def _choose_option(self, wanted: WantedCall, now: float) -> tuple[CallOption, float]:
        """Return the first option that has room now, or the one that has room first, with that time."""
        soonest, soonest_at = wanted.options[-1], inf
        for option in wanted.options:
            at = self.pool.ready_at(option.cost, wanted.priority, now)
            if at <= now + EPSILON and not self._is_crowded(wanted, option):
                return option, now
            if at < soonest_at:
                soonest, soonest_at = option, at
        return soonest, soonest_at

    def _is_crowded(self, wanted: WantedCall, option: CallOption) -> bool:
        """Return whether a new message of this mode would share its budget with too many others."""
        if wanted.priority is not Priority.FIRST or option.mode is None:
            return False
        return self.pool.oversubscribed(option.mode.update_cost)

    def _sync_demand(self, entry: _Entry) -> None:
        """Count a source to the budgets that it spends from now."""
        demand = entry.source.demand()
        if demand is not entry.demand:
            self.pool.add_demand(entry.demand, -1)
            self.pool.add_demand(demand, 1)
            entry.demand = demand
