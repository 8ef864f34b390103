"""What holds for every arrival of text, every number of messages and every budget."""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count, pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.delivery.budget_pool import BudgetPool
from core.delivery.message_operations import MessageOperation
from core.delivery.platform_call import Priority
from core.delivery.scheduler import CallScheduler, ReadyCall
from core.delivery.streamed_message import StreamedMessage
from core.delivery.token_bucket import RATE_LIMIT_MARGIN_S
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage
from core.domain.clock import FakeClock
from core.domain.errors import PlatformRateLimited
from core.ports.platform import Budget, DeliveryMode
from core.testing.fake_message_channel import FakeMessageChannel
from tests.core.delivery.scenes import target


class OnePage:
    """A renderer without a limit."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the text in one page."""
        return [RenderedMessage(markdown="", text=markdown)] if markdown.strip() else []


class Channel(FakeMessageChannel):
    """A channel with given modes, which no call is sent to."""

    def __init__(self, clock: FakeClock, modes: Sequence[DeliveryMode]) -> None:
        super().__init__(clock)
        self.given_modes = modes

    def build_renderer(self, address: Address) -> OnePage:
        """Return a renderer without a limit."""
        return OnePage()

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return the given modes."""
        return self.given_modes


@dataclass
class Strict:
    """A platform's own count of one budget; calls are counted when they arrive."""

    budget: Budget
    arrivals: list[float] = field(default_factory=list)

    def overdrawn(self) -> bool:
        """Return whether more calls arrived than are granted."""
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

    words: list[float]  #: when they arrive
    modes: Sequence[DeliveryMode]
    message: StreamedMessage | None = None
    frames: list[tuple[float, MessageOperation, str]] = field(default_factory=list)  #: (sent, call, text)
    ended_at: float = inf


class World:
    """Runs answers through a scheduler; latencies and refusals are drawn from ``seed``."""

    def __init__(self, answers: Sequence[Answer], *, seed: int, refusals: int = 0) -> None:
        self.answers, self.clock = answers, FakeClock()
        self.scheduler = CallScheduler(BudgetPool())
        self.draw, self.refusals_left = random.Random(seed), refusals  # noqa: S311
        self.platform: dict[str, Strict] = {}
        self.refused: list[tuple[str, float, float]] = []  #: (budget, told at, may go again at)
        self.sent: list[tuple[str, float]] = []
        self.stolen: list[float] = []  #: previews that took a call a final update waited for
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._of: dict[int, Answer] = {}

    def play(self) -> None:
        """Let everything happen."""
        for answer in self.answers:
            self._at(answer.words[0], lambda answer=answer: self._begin(answer))
        rounds = 0
        while self._events:
            rounds += 1
            assert rounds < 200_000, "the scheduler spins"
            at, _, what = heapq.heappop(self._events)
            self.clock.advance(max(0.0, at - self.clock.time()))
            what()
            if not self._events or self._events[0][0] > at:
                self._dispatch()

    def _at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), what))

    def _begin(self, answer: Answer) -> None:
        message = answer.message = StreamedMessage(
            target(Channel(self.clock, answer.modes)),
            self.clock,
            self.scheduler.mark_changed,
            show_status=False,
        )
        self._of[id(message)] = answer
        self.scheduler.add(message, self.clock.time())
        for at in answer.words:
            self._at(at, lambda: message.append("word "))
        self._at(answer.words[-1], message.end_text)

    def _dispatch(self) -> None:
        now = self.clock.time()
        while isinstance(ready := self.scheduler.next_call(now), ReadyCall):
            self._send(ready)
        assert ready > now
        if ready < inf:
            self._at(ready, lambda: None)

    def _send(self, ready: ReadyCall) -> None:
        now, call, answer = self.clock.time(), ready.call, self._of[id(ready.source)]
        assert isinstance(call, MessageOperation)
        if call.priority is Priority.PREVIEW and self._a_final_waits_for(call.cost):
            self.stolen.append(now)
        latency = self.draw.choice((0.01, 0.05, self.draw.uniform(0, 0.4)))
        arrives = now + latency * self.draw.random()
        for budget in call.cost:
            self.platform.setdefault(budget.key, Strict(budget)).arrivals.append(arrives)
            self.sent.append((budget.key, now))
        refuse = self.refusals_left > 0 and self.draw.random() < 0.1
        if refuse:
            self.refusals_left -= 1
            self._at(now + latency, lambda: self._refuse(ready, call))
        else:
            assert call.rendered is not None
            answer.frames.append((now, call, call.rendered.text))
            self._at(now + latency, lambda: self._land(ready, call))

    def _a_final_waits_for(self, cost: tuple[Budget, ...]) -> bool:
        """Whether a complete answer with no call in flight waits for these budgets and for no other one."""
        now, keys = self.clock.time(), {budget.key for budget in cost}
        for answer in self.answers:
            message = answer.message
            if message is None or message not in self.scheduler or message in self.in_flight:
                continue
            wanted: Any = message.wanted_call(now, previews=True)
            if getattr(wanted, "priority", None) is Priority.FINAL:
                waiting = [b for option in wanted.options[:1] for b in option.cost]
                full = {b.key for b in waiting if self.scheduler.pool.bucket(b, now).room_at(now) > now}
                if full and full <= keys:  # while another budget is closed, the call helps the final nothing
                    return True
        return False

    @property
    def in_flight(self) -> list[object]:
        """Sources with a call in flight."""
        return [entry.source for entry in self.scheduler._entries.values() if entry.in_flight]

    def _land(self, ready: ReadyCall, call: MessageOperation) -> None:
        now, message = self.clock.time(), ready.source
        self.scheduler.pool.complete(ready.pending, now)
        message.succeeded(call, MessageRef(channel="c", message_id="1", mode=call.mode), now)
        self.scheduler.finish(message)
        if message.complete:
            self._of[id(message)].ended_at = now
            self.scheduler.remove(message, now)

    def _refuse(self, ready: ReadyCall, call: MessageOperation) -> None:
        now, wait_s = self.clock.time(), self.draw.uniform(0.5, 20)
        self.scheduler.pool.complete(ready.pending, now)
        self.scheduler.pool.record_rate_limit(call.cost, wait_s, now)
        ready.source.failed(call, PlatformRateLimited("slow", retry_after_s=wait_s), now)
        self.scheduler.finish(ready.source)
        self.refused.append((call.cost[0].key, now, now + wait_s + RATE_LIMIT_MARGIN_S))


def one_budget(budget: Budget) -> list[DeliveryMode]:
    """Everything is paid from one bucket, as in a Telegram chat."""
    return [
        DeliveryMode(
            name=DeliveryModeName.EDIT, create_cost=(budget,), update_cost=(budget,), finalize_cost=(budget,)
        )
    ]


@st.composite
def budgets(draw: st.DrawFn) -> Callable[[int], list[DeliveryMode]]:
    """Draw the modes of answer number i."""
    per_s, burst = draw(st.floats(0.2, 3)), float(draw(st.integers(1, 20)))
    shared = Budget(key="all", per_s=per_s, burst=burst)

    def chats(index: int) -> list[DeliveryMode]:
        own = Budget(key=f"chat{index % 3}", per_s=1.0, burst=3.0)
        cost = (own, shared)
        return [
            DeliveryMode(name=DeliveryModeName.EDIT, create_cost=cost, update_cost=cost, finalize_cost=cost)
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
    """Draw word times: steady, in clumps, with pauses."""
    at, times = draw(st.floats(0, 10)), []
    for _ in range(draw(st.integers(1, 6))):
        gap = draw(st.sampled_from([0.0, 0.005, 0.025, 0.2]))
        for _ in range(draw(st.integers(1, 40))):
            at += gap
            times.append(at)
        at += draw(st.sampled_from([0.0, 0.3, 2.0, 8.0]))
    return times


@settings(max_examples=30)
@given(budgets(), st.lists(arrivals(), min_size=1, max_size=8), st.integers(0, 2**20), st.integers(0, 4))
def test_whatever_comes_no_budget_is_overdrawn_and_all_ends(
    modes: Callable[[int], list[DeliveryMode]], words: list[list[float]], seed: int, refusals: int
) -> None:
    """Strict platforms see no call too many, refusals are obeyed, and every answer ends whole."""
    answers = [Answer(words=times, modes=modes(index)) for index, times in enumerate(words)]
    world = World(answers, seed=seed, refusals=refusals)

    world.play()

    refusing = {
        key for key, _, _ in world.refused
    }  # after a wait such a platform grants one, whatever it says
    for key, strict in world.platform.items():
        assert key in refusing or not strict.overdrawn()
    for key, told_at, again_at in world.refused:
        assert not [at for sent, at in world.sent if sent == key and told_at < at < again_at - 1e-6]
    assert world.stolen == []
    for answer in answers:
        texts = [text for _, _, text in answer.frames]
        assert answer.ended_at < inf
        assert texts[-1] == "word " * len(answer.words)
        assert all(
            len(earlier) < len(later) or call.completes
            for earlier, (_, call, later) in zip(texts, answer.frames[1:], strict=False)
        )
    assert len(world.scheduler) == 0
    assert world.scheduler.next_call(1e9) == inf


@settings(max_examples=8)
@given(st.integers(2, 12), st.floats(0.5, 3), st.integers(2, 20), st.integers(0, 2**20))
def test_previews_are_fair(answers: int, per_s: float, burst: int, seed: int) -> None:
    """While a message waits for its next preview, no other of equal speed gets more than two."""
    budget = Budget(key="all", per_s=per_s, burst=float(burst))
    words = [index / 10 for index in range(400)]
    shown = [Answer(words=words, modes=one_budget(budget)) for _ in range(answers)]

    World(shown, seed=seed).play()

    for answer in shown:
        times = [at for at, call, _ in answer.frames if call.priority is not Priority.FINAL]
        for begin, end in pairwise([*times, words[-1]]):
            for other in shown:
                between = [
                    at
                    for at, call, _ in other.frames
                    if begin < at < end and call.priority is Priority.PREVIEW
                ]
                assert len(between) <= 2


@settings(max_examples=30)
@given(arrivals(), st.floats(0.3, 3), st.integers(2, 20), st.integers(0, 2**20))
def test_a_lone_final_update_goes_at_once(words: list[float], per_s: float, burst: int, seed: int) -> None:
    """A message by itself shows its last words within the promised wait, whatever came before."""
    answer = Answer(words=words, modes=one_budget(Budget(key="all", per_s=per_s, burst=float(burst))))
    world = World([answer], seed=seed)

    world.play()

    latency_s = 0.4
    allowed_s = world.scheduler.pool.pacing.max_final_wait_s + latency_s + 1e-6
    assert answer.frames[-1][0] - words[-1] <= allowed_s


def open_message(
    scheduler: CallScheduler, clock: FakeClock, modes: Sequence[DeliveryMode]
) -> StreamedMessage:
    """Add a message to a scheduler."""
    message = StreamedMessage(target(Channel(clock, modes)), clock, scheduler.mark_changed, show_status=False)
    scheduler.add(message, clock.time())
    return message


def land(scheduler: CallScheduler, ready: ReadyCall | float, now: float) -> StreamedMessage:
    """Let a call succeed and return its message."""
    assert isinstance(ready, ReadyCall)
    assert isinstance(ready.source, StreamedMessage)
    scheduler.pool.complete(ready.pending, now)
    ready.source.succeeded(ready.call, MessageRef(channel="c", message_id="1"), now)
    scheduler.finish(ready.source)
    return ready.source


def test_finals_come_before_firsts_and_firsts_before_previews() -> None:
    """We chose: with one call left, the most urgent message of three gets it."""
    clock, scheduler = FakeClock(), CallScheduler(BudgetPool())
    modes = one_budget(Budget(key="all", per_s=1.0, burst=2.0))
    preview, final = open_message(scheduler, clock, modes), open_message(scheduler, clock, modes)
    for message in (preview, final):
        message.append("a few words to read ")
        land(scheduler, scheduler.next_call(clock.time()), clock.time())
        message.append("and more ")
    first = open_message(scheduler, clock, modes)
    first.append("a few words to read ")
    final.end_text()

    order = []
    for _ in range(3):
        clock.advance(5.0)
        order.append(land(scheduler, scheduler.next_call(clock.time()), clock.time()))
        scheduler.remove(order[-1], clock.time())

    assert order == [final, first, preview]


def test_a_budget_too_small_for_previews_shows_each_answer_once() -> None:
    """We chose: forty answers in one group get no first updates that nobody could follow."""
    budget = Budget(key="all", per_s=1 / 3, burst=5.0)
    words = [index / 40 for index in range(400)]
    answers = [Answer(words=words, modes=one_budget(budget)) for _ in range(40)]
    world = World(answers, seed=1)

    world.play()

    assert not world.platform["all"].overdrawn()
    assert [answer for answer in answers if answer.frames[0][0] < 9.0] == []


def test_previews_come_back_when_there_is_room_for_them_again() -> None:
    """A message whose previews were suspended shows its text once enough others have ended."""
    clock, scheduler = FakeClock(), CallScheduler(BudgetPool())
    modes = one_budget(Budget(key="all", per_s=1 / 3, burst=5.0))
    messages = [open_message(scheduler, clock, modes) for _ in range(20)]
    messages[0].append("a few words to read ")
    assert scheduler.next_call(clock.time()) == inf

    for message in messages[1:]:
        scheduler.remove(message, clock.time())

    assert isinstance(scheduler.next_call(clock.time()), ReadyCall)


@pytest.mark.parametrize("messages", [50, 500])
def test_a_decision_looks_only_at_messages_that_changed(messages: int) -> None:
    """Words for one message do not make the scheduler look at the hundreds that wait for a time."""
    clock, scheduler = FakeClock(), CallScheduler(BudgetPool())
    asked = 0

    class Counted(StreamedMessage):
        def wanted_call(self, now: float, *, previews: bool) -> Any:
            nonlocal asked
            asked += 1
            return super().wanted_call(now, previews=previews)

    made = []
    for index in range(messages):
        modes = one_budget(Budget(key=f"c{index}", per_s=1.0, burst=3.0))
        made.append(Counted(target(Channel(clock, modes)), clock, scheduler.mark_changed, show_status=False))
        scheduler.add(made[-1], 0.0)
    scheduler.next_call(0.0)
    asked = 0

    made[7].append("one")
    scheduler.next_call(0.0)

    assert asked == 1
