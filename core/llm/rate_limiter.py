"""Slots to wait for: this process's side of the limiter.

One task reports everything that this process has in the account to the ledger and learns who may
go. It runs only while somebody waits or runs; requests that come while a report is under way go
into the next one together, so a rush of hundreds is a handful of transactions.
"""

import asyncio
import contextlib
import contextvars
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import structlog

from core.domain.clock import Clock, SharedClock
from core.domain.errors import StoreUnavailable
from core.kimi import KimiContextTooLong, KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm.limiter_policy import Decision, Standing, Why, aged, decide
from core.llm.limiter_reports import News, Report, Waiting, reported
from core.llm.limiter_state import State, effective
from core.llm.limiter_store import Ledger
from core.llm.limits import AccountLimits, Timing
from core.llm.permit import Slot

log = structlog.get_logger(__name__)

RETRY_S = 0.5  #: between tries of a database that fails
BUSY_STEP_S = 0.001  #: with hundreds of requests a step is work; then it gets a sixth of a core at most
DAY_FULL_LOG_S = 3600.0  #: how often the operator is told that the day's tokens are spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request that wants a slot."""

    asker: str  #: whose share it is of; each asker has the same
    chat: str  #: where it was asked
    tokens: int  #: estimated prompt and requested completion
    weight: float = 1.0  #: of the chat: 2 gets twice the share while it waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request stands in the line."""

    position: int  #: 1 is next; 0: it goes now
    eta_s: float  #: a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much of an account is in use."""

    waiting: int  #: requests of this process in the line
    running: int  #: requests of this process at Kimi
    paused: bool  #: a 429 lets nothing go for a while
    closed: str  #: "", "quota" or "tpd": used up
    limits: AccountLimits  #: configured or learnt, the stricter of both


OnPlace = Callable[[Place], None]


@dataclass(slots=True)
class _Entry:
    """One request of this process that waits."""

    waiting: Waiting
    slot: "asyncio.Future[Slot]"
    on_place: OnPlace | None
    told: bool = False


class Admission:
    """One account's limiter in one process."""

    def __init__(
        self,
        ledger: Ledger,
        limits: AccountLimits,
        clock: Clock,
        *,
        name: str = "kimi",
        sole: bool = False,
        timing: Timing | None = None,
    ) -> None:
        """Take the account kept in ``ledger``, with what is configured of its limits.

        ``sole`` says that no other replica exists: nothing is polled, and what an earlier process
        left running is over. ``name`` stands in the log.
        """
        self._ledger = ledger
        self._limits = limits
        self._clock = clock
        self._name = name
        self._sole = sole
        self._timing = timing or Timing()
        self._time = SharedClock(clock)
        self._replica = uuid.uuid4().hex[:12]
        self._entries: dict[str, _Entry] = {}
        self._slots: dict[str, Slot] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._next_at = self._stepped_at = 0.0
        self._version = 0
        self._thought_s = 0.0  # what the latest step took to compute
        self._failing_since: float | None = None
        self._day_full_told_at = float("-inf")
        self._count = 0
        self._state = State()  # as the latest step left it
        self._untold = False  # somebody left the line, and the ledger does not know

    @contextlib.asynccontextmanager
    async def slot(self, ask: Ask, *, on_place: OnPlace | None = None) -> AsyncIterator[Slot]:
        """Wait for a slot and hold it for the length of the block; see :meth:`acquire`."""
        with await self.acquire(ask, on_place=on_place) as slot:
            yield slot

    async def acquire(self, ask: Ask, *, on_place: OnPlace | None = None) -> Slot:
        """Wait in the line; return the slot, which must be used as a block at once.

        ``on_place`` is told the place in the line whenever it changes.

        Raises:
            KimiQuotaExhausted: the account has no balance.
            KimiRateLimited: its tokens for the day are spent (``limit`` is "tpd").
            KimiContextTooLong: the request alone is more than a minute or a day grants.
            StoreUnavailable: the database failed for too long.
        """
        self._count += 1
        waiting = Waiting(
            id=f"{self._replica}-{self._count}",
            asker=ask.asker,
            cost=1.0 / max(ask.weight, 1e-3),
            tokens=ask.tokens,
        )
        entry = _Entry(waiting, asyncio.get_running_loop().create_future(), on_place)
        self._entries[waiting.id] = entry
        self._stir()
        try:
            return await entry.slot
        except asyncio.CancelledError:
            if (late := self._slots.get(waiting.id)) is not None:
                late.unsent()
            raise
        finally:
            if self._entries.pop(waiting.id, None) is not None:
                self._untold = True
                self._stir()

    @property
    def load(self) -> Load:
        """What this process has in the account now, and how the account stood when it was last asked."""
        now = self._time.now()
        return Load(
            waiting=len(self._entries),
            running=len(self._slots),
            paused=any(pause.until > now for pause in self._state.pauses.values()),
            closed=self._state.closed.why if self._state.closed is not None else "",
            limits=effective(self._limits, self._state),
        )

    async def close(self) -> None:
        """Return when what ended here is known to the others; whoever still waits is not helped."""
        if self._task is not None:
            self._stir()
            patience = asyncio.ensure_future(self._clock.sleep(self._timing.store_patience_s))
            await asyncio.wait({self._task, patience}, return_when=asyncio.FIRST_COMPLETED)
            for task in (self._task, patience):
                task.cancel()
            await asyncio.gather(self._task, patience, return_exceptions=True)

    def _stir(self) -> None:
        """Let the task look: something has changed here."""
        self._wake.set()
        if self._task is None or self._task.done():
            # In a context of its own: what it logs is of no single turn.
            self._task = asyncio.create_task(
                self._run(), name=f"account-{self._name}", context=contextvars.Context()
            )

    async def _run(self) -> None:
        try:
            while self._entries or self._slots or self._untold:
                self._wake.clear()
                self._untold = False
                try:
                    await self._step()
                except StoreUnavailable as exc:
                    self._store_failed(exc)
                    await self._pause(RETRY_S)
                    continue
                if self._thought_s > BUSY_STEP_S:
                    await asyncio.sleep(5 * self._thought_s)
                if self._entries or self._slots:
                    await self._rest()
        except Exception as exc:  # the boundary of the task: nobody may wait for ever
            log.exception("limiter_failed", account=self._name)
            self._fail(exc)

    async def _step(self) -> None:
        """Report, decide, and hand out what was decided."""
        report = Report(
            replica=self._replica,
            waiting=tuple(entry.waiting for entry in self._entries.values()),
            running=tuple(slot.told for slot in self._slots.values()),
            sole=self._sole,
        )

        def step(state: State, wall: float) -> tuple[State, tuple[Decision, list[News]]]:
            began = time.perf_counter()
            now = self._time.synchronize(state.now, wall)
            state, news = reported(state, report, self._limits, self._timing, now)
            state = aged(state, self._limits, self._timing, now)
            decision = decide(state, self._limits, self._timing, now, replica=self._replica)
            self._thought_s = time.perf_counter() - began
            return decision.state, (decision, news)

        (decision, news), self._version = await self._ledger.change(step)
        self._failing_since = None
        for one in news:
            (log.error if one.serious else log.info)(one.event, account=self._name, **one.facts)
        for told in report.running:
            if told.end is not None:
                del self._slots[told.id]
        self._hand_out(decision)

    def _hand_out(self, decision: Decision) -> None:
        self._next_at, self._stepped_at = decision.next_at, self._time.now()
        self._state = decision.state
        for call in decision.granted:
            slot = Slot(call, self._time.now, self._wake.set)
            self._slots[call.id] = slot
            entry = self._entries.pop(call.id, None)
            if entry is None or entry.slot.done():
                slot.unsent()  # its person left meanwhile
            else:
                if entry.told:
                    _tell(entry, Standing(position=0, eta_s=0.0))
                entry.slot.set_result(slot)
        for id_, why in decision.denied.items():
            entry = self._entries.pop(id_, None)
            if entry is not None and not entry.slot.done():
                entry.slot.set_exception(self._denial(why, closed=decision.state.closed is not None))
        stamps = {one.id: one for one in decision.state.waiters}
        for id_, standing in decision.standing.items():
            if (entry := self._entries.get(id_)) is not None:
                stamp = stamps[id_]
                entry.waiting = replace(entry.waiting, virtual=stamp.virtual, seq=stamp.seq)
                _tell(entry, standing)

    async def _rest(self) -> None:
        """Return when another report may change something."""
        timing = self._timing
        due = [self._stepped_at + timing.lease_s / 3]
        shared = bool(self._entries) and not self._sole
        if self._entries:
            beat_s = timing.beat_s if shared else 5 * timing.beat_s
            due += [self._next_at, self._stepped_at + beat_s]
        due_at = max(min(due), self._stepped_at + 0.005)
        while not self._wake.is_set() and (left_s := due_at - self._time.now()) > 0:
            poll_s = timing.poll_s * (0.6 + 0.4 * random.random())  # noqa: S311 (jitter)
            await self._pause(min(left_s, poll_s) if shared else left_s)
            if shared and not self._wake.is_set() and await self._has_news():
                return

    async def _has_news(self) -> bool:
        try:
            return await self._ledger.version() != self._version
        except StoreUnavailable:
            return True  # the next step will tell

    async def _pause(self, delay_s: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(delay_s))
        waker = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({timer, waker}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            waker.cancel()

    def _store_failed(self, error: StoreUnavailable) -> None:
        now = self._clock.time()
        if self._failing_since is None:
            log.warning("limiter_store_failed", account=self._name, error=str(error))
            self._failing_since = now
        elif now - self._failing_since > self._timing.store_patience_s:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        for entry in self._entries.values():
            if not entry.slot.done():
                entry.slot.set_exception(error)
        self._entries.clear()
        self._failing_since = None

    def _denial(self, why: Why, *, closed: bool) -> KimiError:
        match why:
            case "quota":
                return KimiQuotaExhausted("the account was found without balance; asked again later")
            case "too_large":
                return KimiContextTooLong("the request alone is more than the account's limits grant")
            case "tpd":
                now = self._clock.time()
                if not closed and now - self._day_full_told_at > DAY_FULL_LOG_S:
                    self._day_full_told_at = now
                    log.error("account_day_full", account=self._name)
                return KimiRateLimited("the account's tokens for the day are spent", limit="tpd")


def _tell(entry: _Entry, standing: Standing) -> None:
    if entry.on_place is not None and not entry.slot.done():
        entry.told = True
        entry.on_place(Place(position=standing.position, eta_s=standing.eta_s))
