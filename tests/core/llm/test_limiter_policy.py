"""Nothing ever passes a limit, nobody starves, and shares are fair: proved on random histories.

Kimi's side is the strict stand-in's own meter, fed at the moments when requests arrive there.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.simulator.kimi.account import Account, Meter
from core.llm.account_limits import AccountLimits, LimiterTiming
from core.llm.fair_queue import queue_order
from core.llm.limiter_codec import decode_state, encode_state
from core.llm.limiter_policy import Decision, advance_time, decide
from core.llm.limiter_reports import ReplicaReport, RunningReport, WaitingReport, apply_report
from core.llm.limiter_state import LimiterState, QueuedRequest

TIMING = LimiterTiming()
UNLIMITED = 10**9


@dataclass(frozen=True)
class Plan:
    """What somebody will ask, and what will become of it."""

    at: float
    replica: str
    asker: str
    tokens: int
    weight: float
    flight_s: float  #: from being let go to arriving at Kimi
    hold_s: float  #: from there to its end
    heard: bool  #: whether Kimi is heard before the end
    end: Any


QUIET = Plan(0.0, "a", "ann", 1, 1.0, 0.0, 0.0, heard=False, end="ended")


@dataclass
class Sent:
    """One granted request on its way to Kimi and there."""

    replica: str
    told: RunningReport
    plan: Plan
    arrived: bool = False


@dataclass
class History:
    """Several replicas, one state, one strict Kimi, one true time."""

    limits: AccountLimits
    state: LimiterState = field(default_factory=LimiterState)
    now: float = 1000.0
    waiting: dict[str, dict[str, WaitingReport]] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)
    leaving: list[float] = field(default_factory=list)  #: when Kimi notices that a client left
    granted: list[str] = field(default_factory=list)
    denied: dict[str, str] = field(default_factory=dict)
    next_at: float = math.inf

    def __post_init__(self) -> None:
        account = {name: getattr(self.limits, name) for name in ("concurrency", "rpm", "tpm")}
        known = {name: UNLIMITED if value is None else value for name, value in account.items()}
        self.meter = Meter(Account(**known, tpd=self.limits.tpd))

    def ask(self, replica: str, asker: str, tokens: int, weight: float = 1.0, plan: Plan = QUIET) -> str:
        """Somebody asks."""
        one = WaitingReport(id=f"q{len(self.plans)}", requester_id=asker, cost=1 / weight, tokens=tokens)
        self.plans[one.id] = plan
        self.waiting.setdefault(replica, {})[one.id] = one
        return one.id

    def step(self, replica: str) -> Decision:
        """A replica reports and learns what was decided."""
        mine = [one for one in self.sent.values() if one.replica == replica]
        report = ReplicaReport(
            replica=replica,
            waiting=tuple(self.waiting.get(replica, {}).values()),
            running=tuple(one.told for one in mine),
        )
        stored = decode_state(encode_state(self.state))
        assert stored == self.state
        state, _ = apply_report(stored, report, self.limits, TIMING, self.now)
        decision = decide(
            advance_time(state, self.limits, TIMING, self.now), self.limits, TIMING, self.now, replica=replica
        )
        self.state = decision.state
        for one in mine:
            if one.told.end_reason is not None:
                del self.sent[one.told.id]
        for call in decision.granted:
            del self.waiting[replica][call.id]
            told = RunningReport(id=call.id, granted_at=self.now, tokens=call.tokens)
            self.sent[call.id] = Sent(replica, told, self.plans[call.id])
            self.granted.append(call.id)
        for id_, why in decision.denied.items():
            del self.waiting[replica][id_]
            self.denied[id_] = why
        self.next_at = decision.next_change_at
        return decision

    def arrive(self, one: Sent) -> None:
        """A request reaches Kimi, which must never refuse it."""
        refusal = self.meter.admit(one.told.tokens, self.now)
        assert refusal is None, refusal.message
        one.arrived = True

    def end(self, one: Sent, how: Any) -> None:
        """A request ends, or is broken off and ends at Kimi a little later."""
        if one.told.end_reason is not None:
            return
        if how == "unsent" and not one.arrived:
            one.told = replace(one.told, end_reason="unsent")
            return
        if not one.arrived:
            self.arrive(one)
        if how == "broken":
            one.told = replace(one.told, end_reason="broken")
            self.leaving.append(self.now + TIMING.abort_linger_s)
        else:
            one.told = replace(one.told, end_reason="ended")
            self.meter.release()

    def end_all(self) -> None:
        """Everything that runs ends well."""
        for one in self.sent.values():
            self.end(one, "ended")

    def die(self, replica: str) -> None:
        """A replica's process is killed: what was on the wire still arrives, and ends."""
        self.waiting.pop(replica, None)
        for one in [one for one in self.sent.values() if one.replica == replica]:
            if one.told.end_reason is None:
                self.end(one, "broken")
            del self.sent[one.told.id]

    def play(self) -> None:
        """Do what is due at Kimi and on the wire."""
        for moment in [at for at in self.leaving if at <= self.now]:
            self.leaving.remove(moment)
            self.meter.release()
        for one in self.sent.values():
            arrives_at = one.told.granted_at + one.plan.flight_s
            if one.told.end_reason is None and not one.arrived and arrives_at <= self.now:
                if one.plan.end == "unsent":
                    self.end(one, "unsent")
                else:
                    self.arrive(one)
            if one.arrived and one.plan.heard and one.told.arrived_at is None:
                one.told = replace(one.told, arrived_at=self.now)
            if one.arrived and arrives_at + one.plan.hold_s <= self.now:
                self.end(one, one.plan.end)

    def due(self) -> float:
        """Return when something happens next."""
        moments = [*self.leaving, self.next_at, self.now + TIMING.lease_s / 3]
        for one in self.sent.values():
            arrives_at = one.told.granted_at + one.plan.flight_s
            moments += [arrives_at, arrives_at + one.plan.hold_s]
        return min(moment for moment in moments if moment > self.now)

    def live(self, plans: list[Plan], deaths: list[tuple[float, str]]) -> None:
        """Play everything to its end."""
        start = self.now
        asks = sorted(plans, key=lambda plan: plan.at)
        alive = {name: name for name in "abc"}
        while asks or self.sent or any(self.waiting.values()):
            while asks and start + asks[0].at <= self.now:
                plan = asks.pop(0)
                self.ask(alive[plan.replica], plan.asker, plan.tokens, plan.weight, plan)
            for at, replica in [death for death in deaths if start + death[0] <= self.now]:
                deaths.remove((at, replica))
                self.die(alive[replica])
                alive[replica] += "'"  # it starts again as somebody new
            self.play()
            due_at = math.inf
            for replica in alive.values():
                self.step(replica)
                self.play()
                due_at = min(due_at, self.next_at)
            self.next_at = due_at
            self.now = min([self.due(), *(start + plan.at for plan in asks[:1])])
            assert self.now < start + 3 * 86_400, "somebody starves"


SECONDS = st.sampled_from([0.0, 0.1, 0.3, 0.9, 2.0, 2.9])
PLANS = st.builds(
    Plan,
    at=st.sampled_from([0.0, 0.0, 0.0, 0.2, 1.0, 20.0, 59.9, 61.0]),
    replica=st.sampled_from("abc"),
    asker=st.sampled_from(["ann", "bob", "eve", "kim"]),
    tokens=st.sampled_from([1, 10, 60, 100, 150]),
    weight=st.sampled_from([0.5, 1.0, 3.0]),
    flight_s=SECONDS,
    hold_s=st.sampled_from([0.0, 0.5, 4.0, 70.0]),
    heard=st.booleans(),
    end=st.sampled_from(["ended", "ended", "broken", "unsent"]),
)
LIMITS = st.builds(
    AccountLimits,
    concurrency=st.none() | st.integers(1, 3),
    rpm=st.none() | st.integers(1, 4),
    tpm=st.none() | st.sampled_from([150, 170, 260]),
    tpd=st.none() | st.sampled_from([150, 300, 1000]),
)


@settings(max_examples=40)
@given(
    LIMITS,
    st.lists(PLANS, min_size=1, max_size=30),
    st.lists(st.tuples(st.sampled_from([0.5, 3.0, 25.0]), st.sampled_from("abc")), max_size=2),
)
def test_no_limit_is_ever_passed_and_everybody_is_served(
    limits: AccountLimits, plans: list[Plan], deaths: list[tuple[float, str]]
) -> None:
    """Whatever is asked on three replicas, and whichever dies: Kimi never refuses, nobody is left."""
    History(limits).live(plans, deaths)


@settings(max_examples=30)
@given(
    st.dictionaries(st.sampled_from(["ann", "bob", "eve"]), st.sampled_from([0.5, 1.0, 2.0]), min_size=2),
    st.integers(1, 3),
)
def test_between_two_who_keep_asking_neither_gets_ahead(weights: dict[str, float], rpm: int) -> None:
    """At every moment their shares, by weight, differ by at most one request of each."""
    history = History(AccountLimits(rpm=rpm))
    whose: dict[str, str] = {}
    for asker, weight in weights.items():
        for _ in range(30):
            whose[history.ask("a", asker, 1, weight)] = asker
    served = dict.fromkeys(weights, 0.0)
    for _ in range(20):
        before = len(history.granted)
        history.step("a")
        for id_ in history.granted[before:]:
            served[whose[id_]] += 1 / weights[whose[id_]]
        for one in weights:
            for other in weights:
                bound = 1 / weights[one] + 1 / weights[other]
                assert abs(served[one] - served[other]) <= bound + 1e-9
        history.end_all()
        history.now += 61.0


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 30))
@settings(max_examples=20)
def test_a_newcomer_passes_every_pile(pile: int, askers: int, served: int) -> None:
    """At most one request of each other asker goes before somebody who has not asked for a while."""
    history = History(AccountLimits(concurrency=1))
    for _ in range(pile):
        for asker in range(askers):
            history.ask("a", f"asker{asker}", 1)
    for _ in range(min(served, pile * askers)):
        history.step("a")
        history.end_all()
    newcomer = history.ask("a", "newcomer", 1)
    before = len(history.granted)
    while newcomer not in history.granted:
        history.step("a")
        history.end_all()
    assert len(history.granted) - before - 1 <= askers


def test_a_second_question_does_not_wait_for_ever_new_people() -> None:
    """Where somebody new asks for each place that gets free, who asked before has a turn all the same."""
    history = History(AccountLimits(concurrency=1))
    history.ask("a", "ann", 1)
    history.ask("a", "bob", 1)
    history.step("a")
    second = history.ask("a", "ann", 1)
    for number in range(20):
        history.ask("a", f"new{number}", 1)
        history.end_all()
        history.step("a")
        if second in history.granted:
            break
    assert second in history.granted
    assert len(history.state.finish_tags) < 10


def test_who_leaves_the_line_costs_the_asker_nothing() -> None:
    """A hundred questions taken back do not move the asker's next one backwards."""
    history = History(AccountLimits(concurrency=1))
    history.ask("a", "bob", 1)
    history.step("a")
    for _ in range(100):
        history.ask("a", "ann", 1)
    history.step("a")
    history.waiting["a"].clear()
    history.step("a")
    again = history.ask("a", "ann", 1)
    history.ask("a", "eve", 1)
    standing = history.step("a").estimates
    assert standing[again].position == 1


def test_a_place_survives_a_pause_of_its_replica() -> None:
    """Who drops out because the replica was not heard of comes back to the same place."""
    waiting = tuple(
        QueuedRequest(
            id=f"q{n}", replica="a", requester_id="ann", cost=1.0, tokens=1, virtual_arrival=0.0, seq=n
        )
        for n in (1, 2)
    )
    back = ReplicaReport(
        replica="a",
        waiting=tuple(
            WaitingReport(
                id=one.id,
                requester_id="ann",
                cost=1.0,
                tokens=1,
                virtual_arrival=one.virtual_arrival,
                seq=one.seq,
            )
            for one in waiting
        ),
    )
    other = QueuedRequest(
        id="q3", replica="b", requester_id="bob", cost=1.0, tokens=1, virtual_arrival=1.0, seq=3
    )
    state, _ = apply_report(LimiterState(seq=3, queued=(other,)), back, AccountLimits(), TIMING, 5.0)
    assert [waiter.id for _, waiter in queue_order(state)] == ["q1", "q2", "q3"]


@pytest.mark.parametrize(
    ("limits", "positions", "etas"),
    [
        (AccountLimits(concurrency=1), [1, 2, 3], [15.0, 30.0, 45.0]),
        (AccountLimits(rpm=2), [1, 2], [60.0, 60.0]),
        (AccountLimits(concurrency=2, rpm=3), [1, 2], [15.0, 60.0]),
    ],
)
def test_everybody_in_the_line_is_told_place_and_time(
    limits: AccountLimits, positions: list[int], etas: list[float]
) -> None:
    """Places count from one; times follow from how long answers take and when windows have room."""
    history = History(limits)
    for asker in range(4):
        history.ask("a", f"asker{asker}", 10)
    standing = history.step("a").estimates.values()
    assert [one.position for one in standing] == positions
    assert [round(one.eta_s) for one in standing] == etas


@pytest.mark.parametrize(
    ("limits", "tokens", "why"),
    [
        (AccountLimits(tpm=100), 101, "too_large"),
        (AccountLimits(tpd=100), 101, "too_large"),
        (AccountLimits(tpd=100), 60, "tpd"),
    ],
)
def test_what_cannot_pass_soon_is_told_at_once(limits: AccountLimits, tokens: int, why: str) -> None:
    """More than a minute's or a day's tokens, or a day that is spent, are nothing to wait for."""
    history = History(limits)
    history.ask("a", "ann", 60)
    history.step("a")
    asked = history.ask("a", "bob", tokens)
    history.step("a")
    assert history.denied == {asked: why}


def test_another_replicas_request_keeps_its_room() -> None:
    """A later request does not take the place that an earlier one of another replica is due."""
    history = History(AccountLimits(concurrency=1))
    history.ask("a", "ann", 1)
    history.step("a")
    first, second = history.ask("b", "bob", 1), history.ask("a", "eve", 1)
    history.step("b")
    history.end_all()
    assert history.step("a").granted == ()
    assert [call.id for call in history.step("b").granted] == [first]
    assert second in history.waiting["a"]


def test_a_dead_replica_blocks_the_line_only_for_moments() -> None:
    """What a process that is gone left in the line and at work is forgotten after a while."""
    history = History(AccountLimits(concurrency=1))
    history.ask("a", "ann", 1)
    history.ask("a", "kim", 1)
    history.step("a")
    history.die("a")
    waiting = history.ask("b", "bob", 1)
    assert history.step("b").estimates[waiting].position == 2
    history.now += TIMING.replica_ttl_s + 0.1
    assert history.step("b").estimates[waiting].position == 1
    history.now += TIMING.lease_s
    assert [call.id for call in history.step("b").granted] == [waiting]


def test_nobody_overtakes_a_request_that_needs_more_room() -> None:
    """A small request behind a large one waits with it, else the large one might wait for ever."""
    history = History(AccountLimits(tpm=100))
    history.ask("a", "ann", 60)
    history.step("a")
    large = history.ask("a", "bob", 90)
    small = history.ask("a", "eve", 10)
    standing = history.step("a").estimates
    assert [standing[large].position, standing[small].position] == [1, 2]
