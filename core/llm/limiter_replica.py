"""One process as a replica of an account's limiter: reports to the shared state and gets decisions."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import structlog

from core.domain.clock import Clock, SharedClock
from core.domain.errors import StoreUnavailable
from core.llm.account_limits import AccountLimits, LimiterTiming
from core.llm.limiter_policy import Decision, advance_time, decide
from core.llm.limiter_refusals import LogEvent
from core.llm.limiter_reports import ReplicaReport, RunningReport, WaitingReport, apply_report
from core.llm.limiter_state import LimiterState
from core.llm.limiter_store import LimiterStore

log = structlog.get_logger(__name__)

MIN_SYNC_INTERVAL_S: Final = 0.005
LONE_HEARTBEAT_FACTOR: Final = 5  #: a single replica has nobody to be heard by, only estimates to refresh


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterConfig:
    """Configuration of one account's limiter, the same in every replica."""

    limits: AccountLimits
    timing: LimiterTiming = field(default_factory=LimiterTiming)
    name: str = "kimi"  #: the account's name in logs
    single_replica: bool = False  #: no other process shares the account


class LimiterReplica:
    """Synchronizes one process with the shared state of an account."""

    def __init__(self, store: LimiterStore, config: LimiterConfig, clock: Clock) -> None:
        self.config = config
        self.id = uuid.uuid4().hex[:12]
        self.decision = Decision(state=LimiterState(), denied={}, estimates={}, next_change_at=0.0)
        self.compute_s = 0.0  #: processor time of the latest decision
        self._store = store
        self._time = SharedClock(clock)
        self._synced_at = 0.0
        self._version = 0

    def now(self) -> float:
        """Return the time that all replicas agree on, in seconds."""
        return self._time.now()

    def next_sync_at(self, *, has_waiting: bool) -> float:
        """Return when the shared state has to be visited again, even if nothing happens here.

        Running requests renew their leases; waiting ones hear of freed capacity and show that their
        replica is alive.
        """
        timing = self.config.timing
        due = [self._synced_at + timing.lease_s / 3]
        if has_waiting:
            heartbeat_s = timing.heartbeat_s * (LONE_HEARTBEAT_FACTOR if self.config.single_replica else 1)
            due += [self.decision.next_change_at, self._synced_at + heartbeat_s]
        return max(min(due), self._synced_at + MIN_SYNC_INTERVAL_S)

    async def sync(self, waiting: Iterable[WaitingReport], running: Iterable[RunningReport]) -> Decision:
        """Report all requests of this process and return who of them may be sent.

        Raises:
            StoreUnavailable: it is not known whether the report was stored; report again.
        """
        report = ReplicaReport(
            replica=self.id,
            waiting=tuple(waiting),
            running=tuple(running),
            single_replica=self.config.single_replica,
        )

        log_events: list[LogEvent] = []

        def change(state: LimiterState, wall_s: float) -> tuple[LimiterState, Decision]:
            nonlocal log_events  # the store may run this twice; only the last result counts
            decision, log_events = self._decide(state, report, wall_s)
            return decision.state, decision

        self.decision, self._version = await self._store.update(change)
        self._synced_at = self.now()
        for entry in log_events:
            write = log.error if entry.is_error else log.info
            write(entry.event, account=self.config.name, **entry.fields)
        return self.decision

    async def has_store_changed(self) -> bool:
        """Return whether another replica has changed the state since the latest :meth:`sync`."""
        try:
            return await self._store.version() != self._version
        except StoreUnavailable:
            return True  # the next sync finds out

    def _decide(
        self, state: LimiterState, report: ReplicaReport, wall_s: float
    ) -> tuple[Decision, list[LogEvent]]:
        began = time.perf_counter()
        limits, timing = self.config.limits, self.config.timing
        now = self._time.synchronize(state.updated_at, wall_s)
        state, log_events = apply_report(state, report, limits, timing, now)
        state = advance_time(state, limits, timing, now)
        decision = decide(state, limits, timing, now, replica=self.id)
        self.compute_s = time.perf_counter() - began
        return decision, log_events
