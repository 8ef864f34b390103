"""What holds for every arrival of words, every number of messages and every budget."""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.delivery.message_operations import MessageOperation, Priority
from core.delivery.scheduled_message import ScheduledMessage, SendPermit
from core.delivery.scheduler import DeliveryScheduler
from core.delivery.streamed_message import StreamedMessage
from core.delivery.token_bucket import RATE_LIMIT_MARGIN_S
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage
from core.ports.platform import Budget, DeliveryMode

ADDRESS = Address(key=ThreadKey(platform="fake", tenant="t", channel="c", thread=""))


class OnePage:
    """A pager without a limit."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the text in one page."""
        return [RenderedMessage(markdown="", text=markdown)] if markdown.strip() else []


@dataclass
class Strict:
    """A platform's own count of one budget; calls are counted when they arrive."""

    budget: Budget
    arrivals: list[float] = field(default_factory=list)

    def overdrawn(self) -> bool:
        """Return whether more calls arrived than were granted."""
        times, level, seen = sorted(self.arrivals), self.budget.burst, 0.0
        if self.budget.window_s:
            most = int(self.budget.burst)
            return any(b - a < self.budget.window_s - 1e-6 for a, b in zip(times, times[most:], strict=False))
        for at in times:
            level = min(self.budget.burst, level + (at - seen) * self.budget.per_s) - 1
            seen = at
            if level < -1e-6:
                return True
        return False


@dataclass
class Answer:
    """One message of a simulation, with what became of it."""

    words: list[float]  #: when they come
    rungs: Sequence[DeliveryMode]
    lane: ScheduledMessage | None = None
    frames: list[tuple[float, Priority, str]] = field(default_factory=list)  #: (sent, need, text)
    finals: list[tuple[float, float]] = field(default_factory=list)  #: (could be sent, was sent)
    ended_at: float = inf


class World:
    """Runs answers through a scheduler; latencies and refusals are drawn from ``seed``."""

    def __init__(self, answers: Sequence[Answer], *, seed: int, refusals: int = 0) -> None:
        self.answers, self.scheduler = answers, DeliveryScheduler()
        self.draw, self.refusals_left = random.Random(seed), refusals  # noqa: S311
        self.platform: dict[str, Strict] = {}
        self.refused: list[tuple[str, float, float]] = []  #: (budget, told at, may go again at)
        self.sent: list[tuple[str, float]] = []
        self.stolen: list[float] = []  #: previews that took a call a final frame waited for
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._of: dict[int, Answer] = {}

    def play(self) -> None:
        """Let everything happen."""
        for answer in self.answers:
            self._begin(answer)
        rounds = 0
        while self._events:
            rounds += 1
            assert rounds < 200_000, "the scheduler spins"
            now, _, what = heapq.heappop(self._events)
            what(now)
            if not self._events or self._events[0][0] > now:
                self._dispatch(now)

    def _at(self, when: float, what: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), what))

    def _begin(self, answer: Answer) -> None:
        growing = StreamedMessage(ADDRESS, OnePage(), answer.rungs, opened_at=answer.words[0])
        lane = answer.lane = ScheduledMessage(streamed=growing, next_status_at=None)
        self._of[id(lane)] = answer

        def word(now: float) -> None:
            growing.append("word ", now)
            self.scheduler.mark_changed(lane)

        def finish(_: float) -> None:
            growing.finish()
            self.scheduler.mark_changed(lane)

        self._at(answer.words[0], lambda now: self.scheduler.add(lane, now))
        for at in answer.words:
            self._at(at, word)
        self._at(answer.words[-1], finish)

    def _dispatch(self, now: float) -> None:
        while True:
            grant, wake_at = self.scheduler.next_permit(now)
            if grant is None:
                assert wake_at > now
                if wake_at < inf:
                    self._at(wake_at, lambda _: None)
                return
            step = grant.message.streamed.compose(grant.create_mode, now)
            if step is None:
                grant.message.last_update_at = now
                self.scheduler.mark_changed(grant.message)
                self._end_if_complete(grant.message, now)
            elif self.scheduler.has_room(step.cost, now):
                self._send(grant, step, now)
            else:
                grant.message.streamed.mark_not_shown()
                grant.message.not_before = self.scheduler.room_at(step.cost, now)
                self.scheduler.mark_changed(grant.message)

    def _send(self, grant: SendPermit, step: MessageOperation, now: float) -> None:
        lane, answer = grant.message, self._of[id(grant.message)]
        if step.priority is Priority.PREVIEW and self._a_final_waits_for(step.cost, now):
            self.stolen.append(now)
        self.scheduler.start_call(grant, step.cost, now)
        lane.in_flight = True
        latency = self.draw.choice((0.01, 0.05, self.draw.uniform(0, 0.4)))
        arrives = now + latency * self.draw.random()
        for budget in step.cost:
            self.platform.setdefault(budget.key, Strict(budget)).arrivals.append(arrives)
            self.sent.append((budget.key, now))
        refuse = self.refusals_left > 0 and self.draw.random() < 0.1
        if refuse:
            self.refusals_left -= 1
            self._at(now + latency, lambda then: self._refuse(lane, step, then))
        else:
            assert step.rendered is not None
            answer.frames.append((now, step.priority, step.rendered.text))
            self._at(now + latency, lambda then: self._land(lane, step, then))

    def _a_final_waits_for(self, cost: tuple[Budget, ...], now: float) -> bool:
        for answer in self.answers:
            lane = answer.lane
            assert lane is not None
            ready = not lane.in_flight and lane.not_before <= now and id(lane) in self.scheduler.messages
            if ready and lane.streamed.next_priority(now) is Priority.FINAL:
                wanted = (
                    lane.mode.finalize_cost if lane.streamed.posted else lane.streamed.modes[-1].create_cost
                )
                blocked = [one for one in wanted if self.scheduler.bucket(one, now).room_at(now) > now]
                if {one.key for one in blocked} & {one.key for one in cost}:
                    return True
        return False

    def _land(self, lane: ScheduledMessage, step: MessageOperation, now: float) -> None:
        lane.in_flight = False
        self.scheduler.complete_call(lane, now)
        lane.streamed.mark_applied(step, MessageRef(channel="c", message_id="1", mode=step.mode), now)
        self._end_if_complete(lane, now)

    def _refuse(self, lane: ScheduledMessage, step: MessageOperation, now: float) -> None:
        wait = self.draw.uniform(0.5, 20)
        lane.in_flight = False
        self.scheduler.complete_call(lane, now)
        self.scheduler.record_rate_limit(step.cost, wait, now)
        self.refused.append((step.cost[0].key, now, now + wait + RATE_LIMIT_MARGIN_S))
        lane.streamed.mark_not_shown()

    def _end_if_complete(self, lane: ScheduledMessage, now: float) -> None:
        if lane.streamed.complete and lane.streamed.next_priority(now) is None:
            self._of[id(lane)].ended_at = now
            self.scheduler.remove(lane, now)


def one_budget(budget: Budget) -> list[DeliveryMode]:
    """Everything is paid from one bucket, as in a Telegram chat."""
    return [
        DeliveryMode(
            name=DeliveryModeName.EDIT, create_cost=(budget,), update_cost=(budget,), finalize_cost=(budget,)
        )
    ]


@st.composite
def budgets(draw: st.DrawFn) -> Callable[[int], list[DeliveryMode]]:
    """Draw what answer number i is shown by."""
    per_s, burst = draw(st.floats(0.2, 3)), float(draw(st.integers(1, 20)))
    shared = Budget(key="all", per_s=per_s, burst=burst)

    def chats(index: int) -> list[DeliveryMode]:
        own = Budget(key=f"chat{index % 3}", per_s=1.0, burst=3.0)
        return [
            DeliveryMode(
                name=DeliveryModeName.EDIT,
                create_cost=(own, shared),
                update_cost=(own, shared),
                finalize_cost=(own, shared),
            )
        ]

    def streams(index: int) -> list[DeliveryMode]:
        opens = Budget(key="open", per_s=1 / 3, burst=4.0, window_s=12.0)
        closes = Budget(key="close", per_s=1 / 3, burst=4.0, window_s=12.0)
        return [
            DeliveryMode(
                name=DeliveryModeName.STREAM,
                create_cost=(opens,),
                update_cost=(shared,),
                finalize_cost=(closes,),
            ),
            *one_budget(Budget(key="edit", per_s=0.7, burst=8.0)),
        ]

    return draw(st.sampled_from([lambda _: one_budget(shared), chats, streams]))


@st.composite
def arrivals(draw: st.DrawFn) -> list[float]:
    """Draw word times: steady, in clumps, with stalls."""
    at, times = draw(st.floats(0, 10)), []
    for _ in range(draw(st.integers(1, 6))):
        gap = draw(st.sampled_from([0.0, 0.005, 0.025, 0.2]))
        for _ in range(draw(st.integers(1, 40))):
            at += gap
            times.append(at)
        at += draw(st.sampled_from([0.0, 0.3, 2.0, 8.0]))
    return times


@settings(max_examples=80, deadline=None)
@given(budgets(), st.lists(arrivals(), min_size=1, max_size=8), st.integers(0, 2**20), st.integers(0, 4))
def test_whatever_comes_no_budget_is_overdrawn_and_all_ends(
    rungs: Callable[[int], list[DeliveryMode]], words: list[list[float]], seed: int, refusals: int
) -> None:
    """Strict platforms see no call too many, refusals are obeyed, and every answer stands whole."""
    answers = [Answer(words=times, rungs=rungs(index)) for index, times in enumerate(words)]
    world = World(answers, seed=seed, refusals=refusals)
    world.play()
    # After a wait such a platform grants one, whatever it says.
    refusing = {key for key, _, _ in world.refused}
    for key, strict in world.platform.items():
        assert key in refusing or not strict.overdrawn()
    for key, told_at, again_at in world.refused:
        assert not [at for sent, at in world.sent if sent == key and told_at < at < again_at - 1e-6]
    assert world.stolen == []
    for answer in answers:
        texts = [text for _, _, text in answer.frames]
        assert answer.ended_at < inf
        assert texts[-1] == "word " * len(answer.words)
        assert all(len(earlier) < len(later) for earlier, later in pairwise(texts))
    assert not world.scheduler.messages
    assert not world.scheduler.next_permit(1e9)[0]


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 12), st.floats(0.5, 3), st.integers(2, 20), st.integers(0, 2**20))
def test_previews_are_fair(lanes: int, per_s: float, burst: int, seed: int) -> None:
    """While a message waits for its next preview, no other of equal speed gets more than two."""
    budget = Budget(key="all", per_s=per_s, burst=float(burst))
    words = [index / 10 for index in range(600)]
    answers = [Answer(words=words, rungs=one_budget(budget)) for _ in range(lanes)]
    World(answers, seed=seed).play()
    for answer in answers:
        times = [at for at, need, _ in answer.frames if need is not Priority.FINAL]
        for begin, end in pairwise([*times, words[-1]]):
            for other in answers:
                between = [
                    at for at, need, _ in other.frames if begin < at < end and need is Priority.PREVIEW
                ]
                assert len(between) <= 2


@settings(max_examples=60, deadline=None)
@given(arrivals(), st.floats(0.3, 3), st.integers(2, 20), st.integers(0, 2**20))
def test_a_lone_final_frame_goes_at_once(words: list[float], per_s: float, burst: int, seed: int) -> None:
    """A message by itself shows its last words within the promised wait, whatever came before."""
    answer = Answer(words=words, rungs=one_budget(Budget(key="all", per_s=per_s, burst=float(burst))))
    world = World([answer], seed=seed)
    world.play()
    latency_s = 0.4
    assert answer.frames[-1][0] - words[-1] <= world.scheduler.pacing.max_final_wait_s + latency_s + 1e-6


def test_finals_come_before_firsts_and_firsts_before_previews() -> None:
    """With one call left, the most urgent message of three gets it."""
    budget = Budget(key="all", per_s=1.0, burst=2.0)
    scheduler = DeliveryScheduler()
    made = {}
    for name in ("preview", "first", "final"):
        growing = StreamedMessage(ADDRESS, OnePage(), one_budget(budget))
        growing.append("a few words to read ", 0.0)
        made[name] = ScheduledMessage(streamed=growing, next_status_at=None)
        scheduler.add(made[name], 0.0)
    for name in ("preview", "final"):
        growing = made[name].streamed
        growing.sent_messages[0:] = []
        step = growing.compose(growing.modes[0], 0.0)
        assert step is not None
        growing.mark_applied(step, MessageRef(channel="c", message_id=name), 0.0)
        growing.append("and more ", 0.0)
    made["final"].streamed.finish()
    order = []
    for _ in range(3):
        now = 10.0 + 5 * len(order)
        grant, _ = scheduler.next_permit(now)
        assert grant is not None
        order.append(next(name for name, lane in made.items() if lane is grant.message))
        scheduler.remove(grant.message, now)
    assert order == ["final", "first", "preview"]


def test_a_budget_too_thin_for_previews_shows_each_answer_once() -> None:
    """Forty answers in one group: no first frames that nobody could follow, each whole at its end."""
    budget = Budget(key="all", per_s=1 / 3, burst=5.0)
    words = [index / 40 for index in range(400)]
    answers = [Answer(words=words, rungs=one_budget(budget)) for _ in range(40)]
    world = World(answers, seed=1)
    world.play()
    assert not world.platform["all"].overdrawn()
    early = [answer for answer in answers if answer.frames[0][0] < 9.0]
    assert not early


@pytest.mark.parametrize("lanes", [50, 500])
def test_a_decision_looks_only_at_messages_that_changed(lanes: int) -> None:
    """Words for one message do not make the scheduler look at the hundreds that wait for a moment."""
    scheduler = DeliveryScheduler()
    asked = 0

    class Counted(StreamedMessage):
        def next_priority(self, now: float) -> Priority | None:
            nonlocal asked
            asked += 1
            return super().next_priority(now)

    made = []
    for index in range(lanes):
        growing = Counted(ADDRESS, OnePage(), one_budget(Budget(key=f"c{index}", per_s=1.0, burst=3.0)))
        made.append(ScheduledMessage(streamed=growing, next_status_at=None))
        scheduler.add(made[-1], 0.0)
    scheduler.next_permit(0.0)
    asked = 0
    made[7].streamed.append("one", 1.0)
    scheduler.mark_changed(made[7])
    scheduler.next_permit(1.0)
    assert asked == 1
