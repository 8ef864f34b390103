"""The scheduler alone, on simulated time: words in, frames out, no process and no network.

Used to choose the numbers of :class:`core.delivery.pacing.Pace` and to show how they do for lengths
that nobody waits for in a real run.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from core.delivery.message_operations import MessageOperation
from core.delivery.pacing import PacingPolicy
from core.delivery.scheduled_message import ScheduledMessage, SendPermit
from core.delivery.scheduler import DeliveryScheduler
from core.delivery.streamed_message import StreamedMessage
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import MessageRef, RenderedMessage
from core.ports.platform import DeliveryMode

WORD = "word "


class PlainPager:
    """One page, whatever its length."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the text as it is."""
        return [RenderedMessage(markdown="", text=markdown)] if markdown.strip() else []


@dataclass(slots=True)
class Run:
    """One answer of a simulation: when its words came and when how many of them were shown."""

    words: Sequence[float]
    rungs: Sequence[DeliveryMode]
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
        self.scheduler = DeliveryScheduler(pace)
        self.latency_s = latency_s
        self._order = count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._run_of: dict[int, Run] = {}

    def play(self) -> None:
        """Run everything to its end."""
        for run in self.runs:
            self._open(run)
        while self._events:
            now = self._events[0][0]
            while self._events and self._events[0][0] <= now:
                heapq.heappop(self._events)[2](now)
            self._dispatch(now)

    def _at(self, when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), what))

    def _open(self, run: Run) -> None:
        address = Address(key=ThreadKey(platform="sim", tenant="t", channel="c", thread=""))
        growing = StreamedMessage(address, PlainPager(), run.rungs, opened_at=run.words[0])
        lane = ScheduledMessage(streamed=growing, next_status_at=None)
        self._run_of[id(lane)] = run
        self._at(run.words[0], lambda now: self.scheduler.add(lane, now))

        def say(now: float) -> None:
            growing.append(WORD, now)
            self.scheduler.mark_changed(lane)

        for at in run.words:
            self._at(at, say)

        def finish(_: float) -> None:
            growing.finish()
            self.scheduler.mark_changed(lane)

        self._at(run.words[-1], finish)

    def _dispatch(self, now: float) -> None:
        while True:
            grant, wake_at = self.scheduler.next_permit(now)
            if grant is None:
                if wake_at < float("inf"):
                    self._at(max(wake_at, now + 1e-6), lambda _: None)
                return
            step = grant.message.streamed.compose(grant.create_mode, now)
            if step is None:
                self._nothing(grant, now)
            elif self.scheduler.has_room(step.cost, now):
                self._send(grant, step, now)
            else:
                grant.message.streamed.mark_not_shown()
                grant.message.not_before = self.scheduler.room_at(step.cost, now)
                self.scheduler.mark_changed(grant.message)

    def _nothing(self, grant: SendPermit, now: float) -> None:
        grant.message.last_update_at = now
        if grant.message.streamed.complete:
            self.scheduler.remove(grant.message, now)
        else:
            self.scheduler.mark_changed(grant.message)

    def _send(self, grant: SendPermit, step: MessageOperation, now: float) -> None:
        lane = grant.message
        self.scheduler.start_call(grant, step.cost, now)
        lane.in_flight = True
        run = self._run_of[id(lane)]

        def land(then: float) -> None:
            lane.in_flight = False
            if step.rendered is not None:
                run.frames.append((now + self.latency_s / 2, len(step.rendered.text) // len(WORD)))
            lane.streamed.mark_applied(step, MessageRef(channel="c", message_id="1", mode=step.mode), then)
            self.scheduler.complete_call(lane, then)
            if step.completes_answer and lane.streamed.next_priority(then) is None:
                self.scheduler.remove(lane, then)

        self._at(now + self.latency_s, land)


def steady(seconds: float, *, per_s: float = 40.0, start: float = 0.0) -> list[float]:
    """Return the word times of an answer that comes evenly."""
    return [start + index / per_s for index in range(round(seconds * per_s))]
