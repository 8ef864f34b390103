"""The scheduler alone, on simulated time: words in, frames out, no process and no network.

Used to choose the numbers of :class:`core.delivery.pacing.Pace` and to show how they do for lengths
that nobody waits for in a real run.
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

from core.delivery.operations import Step
from core.delivery.pacing import Pace
from core.delivery.scheduled_message import Grant, Lane
from core.delivery.scheduler import Scheduler
from core.delivery.streamed_message import Growing
from core.domain.events import Address, MessageRef, Page, ThreadKey
from core.ports.platform import Rung

WORD = "word "


class PlainPager:
    """One page, whatever its length."""

    def pages(self, markdown: str, *, complete: bool) -> Sequence[Page]:
        """Return the text as it is."""
        return [Page(source="", text=markdown)] if markdown.strip() else []


@dataclass(slots=True)
class Run:
    """One answer of a simulation: when its words came and when how many of them were shown."""

    words: Sequence[float]
    rungs: Sequence[Rung]
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

    def __init__(self, runs: Sequence[Run], *, pace: Pace | None = None, latency_s: float = 0.01) -> None:
        self.runs = runs
        self.scheduler = Scheduler(pace)
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
        growing = Growing(address, PlainPager(), run.rungs, opened_at=run.words[0])
        lane = Lane(growing=growing, status_at=None)
        self._run_of[id(lane)] = run
        self._at(run.words[0], lambda now: self.scheduler.add(lane, now))

        def say(now: float) -> None:
            growing.append(WORD, now)
            self.scheduler.touch(lane)

        for at in run.words:
            self._at(at, say)

        def finish(_: float) -> None:
            growing.finish()
            self.scheduler.touch(lane)

        self._at(run.words[-1], finish)

    def _dispatch(self, now: float) -> None:
        while True:
            grant, wake_at = self.scheduler.next(now)
            if grant is None:
                if wake_at < float("inf"):
                    self._at(max(wake_at, now + 1e-6), lambda _: None)
                return
            step = grant.lane.growing.compose(grant.opening, now)
            if step is None:
                self._nothing(grant, now)
            elif self.scheduler.may_spend(step.cost, now):
                self._send(grant, step, now)
            else:
                grant.lane.growing.again()
                grant.lane.not_before = self.scheduler.room_at(step.cost, now)
                self.scheduler.touch(grant.lane)

    def _nothing(self, grant: Grant, now: float) -> None:
        grant.lane.last_frame_at = now
        if grant.lane.growing.complete:
            self.scheduler.remove(grant.lane, now)
        else:
            self.scheduler.touch(grant.lane)

    def _send(self, grant: Grant, step: Step, now: float) -> None:
        lane = grant.lane
        self.scheduler.spend(grant, step.cost, now)
        lane.in_flight = True
        run = self._run_of[id(lane)]

        def land(then: float) -> None:
            lane.in_flight = False
            if step.page is not None:
                run.frames.append((now + self.latency_s / 2, len(step.page.text) // len(WORD)))
            lane.growing.settled(step, MessageRef(channel="c", message_id="1", rung=step.rung), then)
            self.scheduler.landed(lane, then)
            if step.ends and lane.growing.need(then) is None:
                self.scheduler.remove(lane, then)

        self._at(now + self.latency_s, land)


def steady(seconds: float, *, per_s: float = 40.0, start: float = 0.0) -> list[float]:
    """Return the word times of an answer that comes evenly."""
    return [start + index / per_s for index in range(round(seconds * per_s))]
