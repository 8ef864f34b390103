"""Permits, their queue and their leases, on virtual time."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.domain.clock import Clock, SharedClock, SystemClock
from core.domain.errors import StoreUnavailable
from core.kimi import KimiContextTooLong, KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm import (
    AccountLimits,
    DatabaseLimiterStore,
    LimiterStore,
    LimiterTiming,
    MemoryLimiterStore,
    RateLimiter,
)
from core.llm.limiter_policy import advance_time, decide
from core.llm.limiter_reports import ReplicaReport, WaitingReport, apply_report
from core.llm.limiter_state import LimiterState
from core.ports.chat_model import QueuePosition, Requester
from core.store import Database

pytestmark = pytest.mark.virtual_time

MakeLimiter = Callable[..., RateLimiter]
Ask = tuple[Requester, int]


def ask(person: str, tokens: int = 100, weight: float = 1.0) -> Ask:
    """The arguments of one request for a permit."""
    return Requester(person=person, chat="room", weight=weight), tokens


def limited(limit: Any, value: int | None = None, **how: Any) -> KimiRateLimited:
    """A 429 as the client raises it."""
    return KimiRateLimited("HTTP 429: no", limit=limit, limit_value=value, status=429, **how)


async def answer(limiter: RateLimiter, who: Ask, order: list[str], clock: Clock, runs_s: float) -> None:
    """Wait for a permit and use it for a while."""
    with await limiter.acquire(*who) as permit:
        order.append(who[0].person)
        permit.mark_arrived()
        await clock.sleep(runs_s)
        permit.mark_finished()


async def test_two_hundred_of_one_person_do_not_hold_up_another(
    make_limiter: MakeLimiter, loop_clock: Clock
) -> None:
    """Behind a pile of 200, one question of somebody else waits less than a tenth of the pile's time."""
    limiter = make_limiter(limits=AccountLimits(concurrency=2))
    order: list[str] = []
    pile = [asyncio.create_task(answer(limiter, ask("ann"), order, loop_clock, 3.0)) for _ in range(200)]
    await loop_clock.sleep(10.0)
    asked_at = loop_clock.time()
    await answer(limiter, ask("bob"), order, loop_clock, 3.0)
    waited_s = loop_clock.time() - asked_at - 3.0
    await asyncio.gather(*pile)
    assert waited_s < 3.1
    assert loop_clock.time() == pytest.approx(301.5, abs=3.0)


async def test_a_weight_of_two_is_served_twice_as_often(make_limiter: MakeLimiter, loop_clock: Clock) -> None:
    """While both wait, the heavier chat gets two answers for each one of the other."""
    limiter = make_limiter(limits=AccountLimits(concurrency=1))
    order: list[str] = []
    asks = [ask(person, weight=weight) for person, weight in (("ann", 1.0), ("bob", 2.0)) for _ in range(9)]
    await asyncio.gather(*(answer(limiter, one, order, loop_clock, 1.0) for one in asks))
    assert order[:12].count("bob") == 8


async def test_people_see_how_they_move_forward(make_limiter: MakeLimiter, loop_clock: Clock) -> None:
    """Each position is reported as it changes, with a time that shrinks."""
    limiter = make_limiter(limits=AccountLimits(concurrency=1))
    others = [
        asyncio.create_task(answer(limiter, ask(f"p{number}"), [], loop_clock, 15.0)) for number in range(3)
    ]
    await loop_clock.sleep(0.1)
    positions: list[QueuePosition] = []
    with await limiter.acquire(*ask("me"), on_queue_position=positions.append):
        await asyncio.gather(*others)
    assert positions[0].position == 3
    assert sorted({one.position for one in positions}, reverse=True) == [3, 2, 1, 0]
    assert positions[0].eta_s == pytest.approx(45, abs=1)
    assert positions[-2].eta_s < 16
    assert all(later.eta_s <= sooner.eta_s + 0.5 for sooner, later in itertools.pairwise(positions))


async def test_minute_windows_are_used_to_the_full(make_limiter: MakeLimiter, loop_clock: Clock) -> None:
    """Three a minute are three a minute: neither a fourth nor much waiting beyond the minute."""
    limiter = make_limiter(limits=AccountLimits(rpm=3))
    began: list[float] = []

    async def one() -> None:
        with await limiter.acquire(*ask("ann")) as permit:
            began.append(loop_clock.time())
            await loop_clock.sleep(0.4)
            permit.mark_arrived()
            permit.mark_finished()

    await asyncio.gather(*(one() for _ in range(12)))
    assert all(later - sooner >= 60.0 for sooner, later in zip(began, began[3:], strict=False))
    assert began[-1] < 3 * 61.5


async def test_a_long_stream_keeps_its_place(make_limiter: MakeLimiter, loop_clock: Clock) -> None:
    """The lease of an answer that runs for minutes is renewed; nobody gets in beside it."""
    limiter = make_limiter(limits=AccountLimits(concurrency=1))
    order: list[str] = []
    await asyncio.gather(
        answer(limiter, ask("ann"), order, loop_clock, 400.0),
        answer(limiter, ask("bob"), order, loop_clock, 1.0),
    )
    assert order == ["ann", "bob"]
    assert loop_clock.time() == pytest.approx(401, abs=0.5)


async def test_a_request_that_leaves_the_queue_holds_nobody_up(
    make_limiter: MakeLimiter, loop_clock: Clock
) -> None:
    """Neither a cancelled wait nor a permit that is granted in the moment of the cancellation stays."""
    limiter = make_limiter(limits=AccountLimits(concurrency=1))
    first = asyncio.create_task(answer(limiter, ask("ann"), [], loop_clock, 5.0))
    await loop_clock.sleep(1.0)
    waiting = [asyncio.create_task(limiter.acquire(*ask(f"p{number}"))) for number in range(5)]
    await loop_clock.sleep(1.0)
    for task in waiting[:4]:
        task.cancel()
    first.cancel()
    with await waiting[4]:
        waited_until = loop_clock.time()
    assert all(task.cancelled() for task in waiting[:4])
    assert waited_until == pytest.approx(2.0 + LimiterTiming().abort_linger_s, abs=0.2)


@pytest.mark.parametrize(("limit", "value"), [("concurrency", 2), ("rpm", 4), ("tpm", 1000)])
async def test_a_limit_is_learnt_from_the_429_that_names_it(
    make_limiter: MakeLimiter, loop_clock: Clock, limit: str, value: int
) -> None:
    """A limiter that starts open keeps the named limit from then on, also in a new process."""
    store = MemoryLimiterStore()
    limiter = make_limiter(store)
    with capture_logs() as logs:
        with await limiter.acquire(*ask("ann")) as permit:
            permit.mark_refused(limited(limit, value, retry_after_s=1.0))
        await limiter.close()
    restarted = make_limiter(store)
    order: list[str] = []
    asks = [
        asyncio.create_task(answer(restarted, ask("ann", 300), order, loop_clock, 30.0)) for _ in range(9)
    ]
    await loop_clock.sleep(20.0)
    running = len(order)
    await asyncio.gather(*asks)
    assert [log["value"] for log in logs if log["event"] == "limiter.limit_observed"] == [value]
    assert running == {"concurrency": 2, "rpm": 3, "tpm": 3}[limit]  # rpm: the refused one counts too


async def test_a_refusal_is_read_from_the_exception_that_leaves_the_permit(
    make_limiter: MakeLimiter,
) -> None:
    """Whoever sends the request need not tell the limiter of a 429."""
    store = MemoryLimiterStore()
    limiter = make_limiter(store)
    with pytest.raises(KimiRateLimited), await limiter.acquire(*ask("ann")):
        raise limited("concurrency", 3)
    await limiter.close()
    assert store.state.observed_limits["concurrency"].value == 3


async def test_unexplained_refusals_are_met_with_longer_pauses(
    make_limiter: MakeLimiter, loop_clock: Clock
) -> None:
    """If somebody else uses the account up, each further 429 doubles the pause."""
    limiter = make_limiter(limits=AccountLimits(rpm=100))
    began: list[float] = []
    for _ in range(6):
        with await limiter.acquire(*ask("ann")) as permit:
            began.append(loop_clock.time())
            permit.mark_refused(limited("rpm", 100))
    assert [round(later - sooner) for sooner, later in itertools.pairwise(began)] == [1, 2, 4, 8, 16]


@pytest.mark.parametrize(
    ("error", "raised", "probe_s"),
    [
        (
            KimiQuotaExhausted("no balance", status=429),
            KimiQuotaExhausted,
            LimiterTiming().quota_probe_first_s,
        ),
        (limited("tpd", 1_500_000), KimiRateLimited, LimiterTiming().day_probe_first_s),
    ],
)
async def test_an_exhausted_account_fails_at_once_and_recovers_by_itself(
    make_limiter: MakeLimiter, loop_clock: Clock, error: Any, raised: type[KimiError], probe_s: float
) -> None:
    """Everybody is told promptly, the operator once; later one request tries, then all go again."""
    limiter = make_limiter(limits=AccountLimits(concurrency=1))
    with capture_logs() as logs:
        waiting = [asyncio.create_task(limiter.acquire(*ask(f"p{number}"))) for number in range(4)]
        with await waiting[0] as permit:
            permit.mark_refused(error)
        results = await asyncio.gather(*waiting[1:], return_exceptions=True)
        assert [type(result) for result in results] == [raised] * 3
        for then in (1, 4):  # the first probe is refused too, so the next one waits twice as long
            await loop_clock.sleep(probe_s - 1)
            with pytest.raises(raised):
                await limiter.acquire(*ask("eve"))
            await loop_clock.sleep(1.1)
            with await limiter.acquire(*ask("eve")) as permit:
                with pytest.raises(raised):
                    await limiter.acquire(*ask("bob"))
                permit.mark_refused(error)
            with pytest.raises(raised):
                await limiter.acquire(*ask("bob"))
            await loop_clock.sleep(probe_s * then)
        order: list[str] = []
        await answer(limiter, ask("eve"), order, loop_clock, 1.0)
        await answer(limiter, ask("bob"), order, loop_clock, 1.0)
        await limiter.close()
    assert order == ["eve", "bob"]
    events = [log["event"] for log in logs]
    assert events.count("limiter.exhausted") == 1
    assert events.count("limiter.recovered") == 1


async def test_a_request_that_can_never_pass_fails_at_once(make_limiter: MakeLimiter) -> None:
    """More tokens than a minute grants are an error, and hold nobody up."""
    limiter = make_limiter(limits=AccountLimits(tpm=1000))
    with pytest.raises(KimiContextTooLong):
        await limiter.acquire(*ask("ann", tokens=1001))
    with await limiter.acquire(*ask("bob", tokens=1000)):
        pass


async def test_the_load_counts_what_waits_and_runs(make_limiter: MakeLimiter, loop_clock: Clock) -> None:
    """The gauges of the account show this process's requests and the limits in force."""
    limiter = make_limiter(limits=AccountLimits(concurrency=1))
    asks = [asyncio.create_task(answer(limiter, ask("ann"), [], loop_clock, 5.0)) for _ in range(3)]
    await loop_clock.sleep(1.0)
    assert (limiter.load.running, limiter.load.waiting, limiter.load.paused) == (1, 2, False)
    assert limiter.load.limits == AccountLimits(concurrency=1)
    await asyncio.gather(*asks)


def test_a_stepping_wall_clock_changes_nothing() -> None:
    """What another replica's wall clock says when it joins can only make everybody more careful."""
    timing, limits = LimiterTiming(), AccountLimits(rpm=1)
    waiting = (WaitingReport(id="q1", requester_id="ann", cost=1.0, tokens=1),)
    state, _ = apply_report(
        LimiterState(updated_at=500.0), ReplicaReport(replica="a", waiting=waiting), limits, timing, 500.0
    )
    state = decide(advance_time(state, limits, timing, 500.0), limits, timing, 500.0, replica="a").state
    later = (WaitingReport(id="q2", requester_id="ann", cost=1.0, tokens=1),)

    class StoppedClock(SystemClock):
        def time(self) -> float:
            return 7.0

    joined = SharedClock(StoppedClock())
    for wall in (100.0, 99_999.0):  # behind at first; a later step of it is not even looked at
        now = joined.synchronize(state.updated_at, wall)
        assert now == 500.0
        state, _ = apply_report(state, ReplicaReport(replica="b", waiting=later), limits, timing, now)
        assert not decide(advance_time(state, limits, timing, now), limits, timing, now, replica="b").granted


@pytest.mark.parametrize("places", [1, 2])
async def test_replicas_share_one_queue(
    virtual_store: LimiterStore, make_limiter: MakeLimiter, loop_clock: Clock, places: int
) -> None:
    """Over three replicas never more run than may, everybody is served, and in order of arrival."""
    replicas = [make_limiter(virtual_store, AccountLimits(concurrency=places)) for _ in range(3)]
    running, most, order = 0, 0, list[int]()

    async def one(number: int, known: asyncio.Event) -> None:
        nonlocal running, most
        replica = replicas[number % 3]
        with await replica.acquire(*ask(f"p{number}"), on_queue_position=lambda _: known.set()) as permit:
            known.set()
            running += 1
            most = max(most, running)
            order.append(number)
            permit.mark_arrived()
            await loop_clock.sleep(2.0)
            permit.mark_finished()
            running -= 1

    tasks = []
    for number in range(9):
        known = asyncio.Event()
        tasks.append(asyncio.create_task(one(number, known)))
        await known.wait()  # the store knows of this one before the next one comes
    await asyncio.gather(*tasks)
    assert most == places
    assert sorted(order) == list(range(9))
    if places == 1:  # if two places are free, each replica takes its own when it looks
        assert order == sorted(order)


def kill(limiter: RateLimiter) -> None:
    """End a limiter as a killed process ends: nothing is renewed, nothing returned."""
    assert limiter._task is not None
    limiter._task.cancel()
    limiter._permits.clear()


async def test_a_dead_process_frees_its_place_when_its_lease_ends(
    virtual_store: LimiterStore, make_limiter: MakeLimiter, loop_clock: Clock
) -> None:
    """The lease of a silent holder runs out, not before its time and not much later."""
    timing = LimiterTiming(lease_s=8.0)
    killed, other = (
        make_limiter(virtual_store, AccountLimits(concurrency=1), timing=timing) for _ in range(2)
    )
    held_at = loop_clock.time()
    await killed.acquire(*ask("ann"))
    kill(killed)
    with await other.acquire(*ask("bob")):
        assert 7.9 <= loop_clock.time() - held_at < 9.0


async def test_a_single_process_takes_over_what_its_predecessor_left(
    virtual_store: LimiterStore, make_limiter: MakeLimiter, loop_clock: Clock
) -> None:
    """After a restart nobody waits for the leases of the process before."""
    killed = make_limiter(virtual_store, AccountLimits(concurrency=1), single_replica=True)
    await killed.acquire(*ask("ann"))
    kill(killed)
    restarted = make_limiter(virtual_store, AccountLimits(concurrency=1), single_replica=True)
    with await restarted.acquire(*ask("bob")):
        assert loop_clock.time() < LimiterTiming().abort_linger_s + 1


async def test_a_store_that_fails_for_a_moment_is_not_noticed(
    virtual_database: Database, make_limiter: MakeLimiter, loop_clock: Clock
) -> None:
    """Requests wait for it; only a failure beyond the deadline is an error."""
    store = DatabaseLimiterStore(virtual_database, "account")
    async with virtual_database.begin() as tx:
        await tx.exec_driver_sql("ALTER TABLE llm_limiter_state RENAME TO lost")
    with pytest.raises(StoreUnavailable):
        await make_limiter(store, timing=LimiterTiming(store_retry_deadline_s=2.0)).acquire(*ask("ann"))
    patient = make_limiter(store, timing=LimiterTiming(store_retry_deadline_s=600.0))
    waiting = asyncio.create_task(patient.acquire(*ask("ann")))
    await loop_clock.sleep(60)
    assert not waiting.done()
    async with virtual_database.begin() as tx:
        await tx.exec_driver_sql("ALTER TABLE lost RENAME TO llm_limiter_state")
    with await waiting:
        pass


async def test_closing_does_not_wait_for_a_dead_store_for_ever(
    virtual_database: Database, loop_clock: Clock
) -> None:
    """A process that stops gives up after the store's deadline and says so in the log."""
    limiter = RateLimiter(DatabaseLimiterStore(virtual_database, "account"), AccountLimits(), loop_clock)
    with await limiter.acquire(*ask("ann")):
        async with virtual_database.begin() as tx:
            await tx.exec_driver_sql("ALTER TABLE llm_limiter_state RENAME TO lost")
    began = loop_clock.time()
    with capture_logs() as logs:
        await limiter.close()
    assert loop_clock.time() - began == pytest.approx(LimiterTiming().store_retry_deadline_s)
    assert "limiter.close_timed_out" in [log["event"] for log in logs]
