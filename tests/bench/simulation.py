"""The scheduler alone, on simulated time: words in, frames out, no process and no network.

Used to choose the parameters of :class:`core.delivery.pacing.PacingPolicy`, and to show their results for
lengths that would take too long in a real run.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf

from core.delivery.budget_pool import BudgetPool
from core.delivery.message_operations import StatusOperation
from core.delivery.message_target import MessageTarget
from core.delivery.pacing import PacingPolicy
from core.delivery.scheduler import CallScheduler, ReadyCall
from core.delivery.streamed_message import StreamedMessage
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import MessageRef, RenderedMessage
from core.domain.clock import FakeClock
from core.ports.platform import Budget, DeliveryMode
from core.testing.fake_message_channel import FakeMessageChannel

WORD = "word "


class OnePage:
    """One page, whatever its length."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the text as it is."""
        return [RenderedMessage(markdown="", text=markdown)] if markdown.strip() else []


class SimulatedChannel(FakeMessageChannel):
    """A channel whose answers grow in given modes; no call is sent to it."""

    def __init__(self, clock: FakeClock, modes: Sequence[DeliveryMode]) -> None:
        super().__init__(clock)
        self._delivery_modes = modes

    def build_renderer(self, address: Address) -> OnePage:
        """Return a renderer without a limit."""
        return OnePage()

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return the given modes."""
        return self._delivery_modes

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return what one typing status spends: as on Telegram, the same as a message."""
        return self._delivery_modes[0].create_cost


@dataclass(slots=True)
class Run:
    """One answer of a simulation: when its words came and when how many of them were shown."""

    words: Sequence[float]
    rungs: Sequence[DeliveryMode]
    asked_at: float | None = None  #: from then on a typing status is shown; None for no status
    frames: list[tuple[float, int]] = field(default_factory=list)  #: (time, words shown)

    @property
    def delays_s(self) -> list[float]:
        """Seconds from each word to the first frame that holds it."""
        found: list[float] = []
        for at, shown in self.frames:
            found += [at - word for word in self.words[len(found) : shown]]
        return found


class Simulation:
    """All runs on one scheduler; every call takes ``latency_s``."""

    def __init__(
        self, runs: Sequence[Run], *, pace: PacingPolicy | None = None, latency_s: float = 0.01
    ) -> None:
        self.runs = runs
        self.scheduler = CallScheduler(BudgetPool(pace))
        self.latency_s = latency_s
        self._clock = FakeClock()
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._run_of: dict[int, Run] = {}

    def play(self) -> None:
        """Run everything to its end."""
        for run in self.runs:
            opens_at = run.words[0] if run.asked_at is None else run.asked_at
            self._at(opens_at, lambda run=run: self._open(run))  # type: ignore[misc]
        while self._events:
            at = self._events[0][0]
            self._clock.advance(max(0.0, at - self._clock.time()))
            while self._events and self._events[0][0] <= at:
                heapq.heappop(self._events)[2]()
            self._dispatch()

    def _at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), what))

    def _open(self, run: Run) -> None:
        target = MessageTarget(
            channel=SimulatedChannel(self._clock, run.rungs),
            address=Address(key=ThreadKey(platform="sim", tenant="t", channel="c", thread="")),
            idempotency_key="1",
            on_refs_changed=_store_nothing,
        )
        message = StreamedMessage(
            target, self._clock, self.scheduler.mark_changed, show_status=run.asked_at is not None
        )
        self._run_of[id(message)] = run
        self.scheduler.add(message, self._clock.time())
        for at in run.words:
            self._at(at, lambda: message.append(WORD))
        self._at(run.words[-1], message.end_text)

    def _dispatch(self) -> None:
        now = self._clock.time()
        while isinstance(ready := self.scheduler.next_call(now), ReadyCall):
            self._send(ready)
        if ready < inf:
            self._at(max(ready, now + 1e-6), lambda: None)

    def _send(self, ready: ReadyCall) -> None:
        message, call, sent_at = ready.source, ready.call, self._clock.time()

        def land() -> None:
            now, run = self._clock.time(), self._run_of[id(message)]
            if isinstance(call, StatusOperation):
                self.scheduler.pool.complete(ready.pending, now)
                self.scheduler.finish(message)
                return
            if call.rendered is not None:
                run.frames.append((sent_at + self.latency_s / 2, len(call.rendered.text) // len(WORD)))
            self.scheduler.pool.complete(ready.pending, now)
            message.succeeded(call, MessageRef(channel="c", message_id="1", mode=call.mode), now)
            self.scheduler.finish(message)
            if message.complete:
                self.scheduler.remove(message, now)

        self._at(sent_at + self.latency_s, land)


async def _store_nothing(_: Sequence[MessageRef]) -> None:
    """Store no references."""


def steady(seconds: float, *, per_s: float = 40.0, start: float = 0.0) -> list[float]:
    """Return the word times of an answer that comes evenly."""
    return [start + index / per_s for index in range(round(seconds * per_s))]
