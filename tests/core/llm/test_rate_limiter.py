"""Slots, their line and their leases, on virtual time or on every kind of ledger."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.domain.clock import Clock, ScaledClock
from core.domain.errors import StoreUnavailable
from core.kimi import KimiContextTooLong, KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm import (
    AccountLimits,
    DatabaseLimiterStore,
    LimiterTiming,
    MemoryLimiterStore,
    PermitRequest,
    QueuePosition,
    RateLimiter,
)
from core.llm.limiter_policy import advance_time, decide
from core.llm.limiter_reports import ReplicaReport, WaitingReport, apply_report
from core.llm.limiter_state import LimiterState

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def ask(asker: str, tokens: int = 100, weight: float = 1.0) -> PermitRequest:
    """One question."""
    return PermitRequest(requester_id=asker, chat="room", tokens=tokens, weight=weight)


def limited(limit: Any, value: int | None = None, **how: Any) -> KimiRateLimited:
    """A 429 as the client raises it."""
    return KimiRateLimited("HTTP 429: no", limit=limit, limit_value=value, status=429, **how)


async def answer(
    admission: RateLimiter, who: PermitRequest, order: list[str], clock: Clock, runs_s: float
) -> None:
    """Ask, and be answered for a while."""
    async with admission.permit(who) as slot:
        order.append(who.requester_id)
        slot.mark_arrived()
        await clock.sleep(runs_s)
        slot.mark_finished()


def test_two_hundred_of_one_asker_do_not_hold_up_another(run_virtually: Run, loop_clock: Clock) -> None:
    """Behind a pile of 200, one question of somebody else waits less than a tenth of the pile's time."""

    async def scene() -> tuple[float, float]:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(concurrency=2), loop_clock)
        order: list[str] = []
        pile = [
            asyncio.create_task(answer(admission, ask("ann"), order, loop_clock, 3.0)) for _ in range(200)
        ]
        await loop_clock.sleep(10.0)
        asked_at = loop_clock.time()
        await answer(admission, ask("bob"), order, loop_clock, 3.0)
        waited_s = loop_clock.time() - asked_at - 3.0
        await asyncio.gather(*pile)
        await admission.close()
        return waited_s, loop_clock.time()

    waited_s, pile_s = run_virtually(scene())
    assert pile_s == pytest.approx(301.5, abs=3.0)
    assert waited_s < 3.1


def test_a_weight_of_two_is_served_twice_as_often(run_virtually: Run, loop_clock: Clock) -> None:
    """While both wait, the heavier chat's asker gets two answers for each one of the other."""

    async def scene() -> list[str]:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(concurrency=1), loop_clock)
        order: list[str] = []
        asks = [ask(asker, weight=weight) for asker, weight in (("ann", 1.0), ("bob", 2.0)) for _ in range(9)]
        await asyncio.gather(*(answer(admission, one, order, loop_clock, 1.0) for one in asks))
        return order

    assert run_virtually(scene())[:12].count("bob") == 8


def test_people_see_how_they_come_forward(run_virtually: Run, loop_clock: Clock) -> None:
    """Each place is told as it changes, with a time that shrinks."""

    async def scene() -> list[QueuePosition]:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(concurrency=1), loop_clock)
        order: list[str] = []
        others = [
            asyncio.create_task(answer(admission, ask(f"p{n}"), order, loop_clock, 15.0)) for n in range(3)
        ]
        await loop_clock.sleep(0.1)
        places: list[QueuePosition] = []
        async with admission.permit(ask("me"), on_place=places.append):
            await asyncio.gather(*others)
        return places

    places = run_virtually(scene())
    assert [place.position for place in places][:1] == [3]
    assert sorted({place.position for place in places}, reverse=True) == [3, 2, 1, 0]
    assert places[0].eta_s == pytest.approx(45, abs=1)
    assert places[-2].eta_s < 16
    assert all(later.eta_s <= sooner.eta_s + 0.5 for sooner, later in itertools.pairwise(places))


def test_minute_windows_are_used_to_the_full(run_virtually: Run, loop_clock: Clock) -> None:
    """Three a minute are three a minute: neither a fourth nor much waiting beyond the minute."""

    async def scene() -> list[float]:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(rpm=3), loop_clock)
        began: list[float] = []

        async def one() -> None:
            async with admission.permit(ask("ann")) as slot:
                began.append(loop_clock.time())
                await loop_clock.sleep(0.4)
                slot.mark_arrived()
                slot.mark_finished()

        await asyncio.gather(*(one() for _ in range(12)))
        return began

    began = run_virtually(scene())
    assert all(later - sooner >= 60.0 for sooner, later in zip(began, began[3:], strict=False))
    assert began[-1] < 3 * 61.5


def test_a_long_stream_keeps_its_place(run_virtually: Run, loop_clock: Clock) -> None:
    """The lease of an answer that runs for minutes is renewed; nobody gets in beside it."""

    async def scene() -> list[str]:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(concurrency=1), loop_clock)
        order: list[str] = []
        await asyncio.gather(
            answer(admission, ask("ann"), order, loop_clock, 400.0),
            answer(admission, ask("bob"), order, loop_clock, 1.0),
        )
        return [*order, f"{loop_clock.time():.0f}"]

    assert run_virtually(scene()) == ["ann", "bob", "401"]


def test_who_leaves_the_line_is_forgotten(run_virtually: Run, loop_clock: Clock) -> None:
    """Cancelling the wait, or winning a slot in the same moment, holds nobody up."""

    async def scene() -> float:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(concurrency=1), loop_clock)
        order: list[str] = []
        first = asyncio.create_task(answer(admission, ask("ann"), order, loop_clock, 5.0))
        await loop_clock.sleep(1.0)
        waiting = [asyncio.create_task(admission.acquire(ask(f"p{n}"))) for n in range(5)]
        await loop_clock.sleep(1.0)
        for task in waiting[:4]:
            task.cancel()
        first.cancel()
        slot = await waiting[4]
        waited_until = loop_clock.time()
        with slot:
            pass
        assert all(task.cancelled() for task in waiting[:4])
        await admission.close()
        return waited_until

    assert run_virtually(scene()) == pytest.approx(2.0 + LimiterTiming().abort_linger_s, abs=0.2)


@pytest.mark.parametrize(("limit", "value"), [("concurrency", 2), ("rpm", 4), ("tpm", 1000)])
def test_a_limit_is_learnt_from_the_429_that_names_it(
    run_virtually: Run, loop_clock: Clock, limit: str, value: int
) -> None:
    """A limiter that starts open holds the told number from then on, also in a new process."""

    async def scene() -> tuple[list[dict[str, Any]], int]:
        ledger = MemoryLimiterStore()
        admission = RateLimiter(ledger, AccountLimits(), loop_clock)
        with capture_logs() as logs:
            async with admission.permit(ask("ann")) as slot:
                slot.mark_refused(limited(limit, value, retry_after_s=1.0))
            await admission.close()
        again = RateLimiter(ledger, AccountLimits(), loop_clock)
        order: list[str] = []
        asks = [
            asyncio.create_task(answer(again, ask("ann", 300), order, loop_clock, 30.0)) for _ in range(9)
        ]
        await loop_clock.sleep(20.0)
        running = len(order)
        await asyncio.gather(*asks)
        await again.close()
        return logs, running

    logs, running = run_virtually(scene())
    assert [log["value"] for log in logs if log["event"] == "limiter.limit_observed"] == [value]
    assert running == {"concurrency": 2, "rpm": 3, "tpm": 3}[limit]  # rpm: the refused one counts too


def test_refusals_that_nobody_explains_are_met_with_longer_pauses(
    run_virtually: Run, loop_clock: Clock
) -> None:
    """Where somebody else uses the account up, each further 429 doubles the pause."""

    async def scene() -> list[float]:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(rpm=100), loop_clock)
        began: list[float] = []
        for _ in range(6):
            async with admission.permit(ask("ann")) as slot:
                began.append(loop_clock.time())
                slot.mark_refused(limited("rpm", 100))
        return [round(later - sooner) for sooner, later in itertools.pairwise(began)]

    assert run_virtually(scene()) == [1, 2, 4, 8, 16]


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
def test_a_used_up_account_stops_at_once_and_heals_by_itself(
    run_virtually: Run, loop_clock: Clock, error: Any, raised: type[KimiError], probe_s: float
) -> None:
    """Everybody is told promptly, the operator once; one request tries later, and all go again."""

    async def scene() -> list[dict[str, Any]]:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(concurrency=1), loop_clock)
        with capture_logs() as logs:
            waiting = [asyncio.create_task(admission.acquire(ask(f"p{n}"))) for n in range(4)]
            with await waiting[0] as slot:
                slot.mark_refused(error)
            results = await asyncio.gather(*waiting[1:], return_exceptions=True)
            assert [type(result) for result in results] == [raised] * 3
            for then in (1, 4):  # the first probe finds nothing new, the next waits twice as long
                await loop_clock.sleep(probe_s - 1)
                with pytest.raises(raised):
                    await admission.acquire(ask("eve"))
                await loop_clock.sleep(1.1)
                with await admission.acquire(ask("eve")) as slot:
                    with pytest.raises(raised):
                        await admission.acquire(ask("bob"))
                    slot.mark_refused(error)
                with pytest.raises(raised):
                    await admission.acquire(ask("bob"))
                await loop_clock.sleep(probe_s * then)
            order: list[str] = []
            await asyncio.gather(
                answer(admission, ask("eve"), order, loop_clock, 1.0), return_exceptions=False
            )
            await answer(admission, ask("bob"), order, loop_clock, 1.0)
            await admission.close()
        assert order == ["eve", "bob"]
        return logs

    logs = [log["event"] for log in run_virtually(scene())]
    assert logs.count("limiter.exhausted") == 1
    assert logs.count("limiter.recovered") == 1


def test_a_request_that_can_never_pass_is_told_so(run_virtually: Run, loop_clock: Clock) -> None:
    """More tokens than a minute grants are an error at once, and hold nobody up."""

    async def scene() -> None:
        admission = RateLimiter(MemoryLimiterStore(), AccountLimits(tpm=1000), loop_clock)
        with pytest.raises(KimiContextTooLong):
            await admission.acquire(ask("ann", tokens=1001))
        with await admission.acquire(ask("bob", tokens=1000)):
            pass

    run_virtually(scene())


def test_a_stepping_wall_clock_changes_nothing() -> None:
    """What another replica's wall says when it joins can only make everybody more careful."""
    timing, limits = LimiterTiming(), AccountLimits(rpm=1)
    waiting = (WaitingReport(id="q1", requester_id="ann", cost=1.0, tokens=1),)
    state, _ = apply_report(
        LimiterState(updated_at=500.0), ReplicaReport(replica="a", waiting=waiting), limits, timing, 500.0
    )
    state = decide(advance_time(state, limits, timing, 500.0), limits, timing, 500.0, replica="a").state
    later = (WaitingReport(id="q2", requester_id="ann", cost=1.0, tokens=1),)
    from core.domain.clock import SharedClock

    class Still:
        def time(self) -> float:
            return 7.0

        async def sleep(self, delay_s: float) -> None:
            raise NotImplementedError

    joined = SharedClock(Still())
    for wall in (100.0, 99_999.0):  # behind at first; a later step of it is not even looked at
        now = joined.synchronize(state.updated_at, wall)
        assert now == 500.0
        state, _ = apply_report(state, ReplicaReport(replica="b", waiting=later), limits, timing, now)
        assert (
            decide(advance_time(state, limits, timing, now), limits, timing, now, replica="b").granted == ()
        )


@pytest.mark.parametrize("places", [1, 2])
async def test_replicas_share_one_line(admissions: Any, places: int) -> None:
    """Over three replicas never more run than may, everybody is served, and in the order they came."""
    clock = ScaledClock(20.0)
    replicas = [admissions(AccountLimits(concurrency=places), clock) for _ in range(3)]
    running, most, order = 0, 0, []

    async def one(number: int, known: asyncio.Event) -> None:
        nonlocal running, most
        async with replicas[number % 3].slot(ask(f"p{number}"), on_place=lambda _: known.set()) as slot:
            known.set()
            running += 1
            most = max(most, running)
            order.append(number)
            slot.arrived()
            await clock.sleep(2.0)
            slot.finished()
            running -= 1

    tasks = []
    for number in range(9):
        known = asyncio.Event()
        tasks.append(asyncio.create_task(one(number, known)))
        await known.wait()  # the line knows of this one before the next one comes
    await asyncio.gather(*tasks)
    assert most == places
    assert sorted(order) == list(range(9))
    if places == 1:  # where two places are free, each replica takes its own when it looks
        assert order == sorted(order)


async def test_a_dead_process_frees_its_place_by_and_by(admissions: Any) -> None:
    """The lease of a holder that is not heard of any more runs out, not before and not much later."""
    clock = ScaledClock(20.0)
    timing = LimiterTiming(lease_s=8.0)
    killed, other = (admissions(AccountLimits(concurrency=1), clock, timing=timing) for _ in range(2))
    held_at = clock.time()
    await killed.acquire(ask("ann"))
    killed._task.cancel()  # as a killed process: nothing is renewed, nothing given back
    with await other.acquire(ask("bob")):
        assert 7.9 <= clock.time() - held_at < 12.0
    killed._slots.clear()


async def test_the_only_process_takes_over_what_its_predecessor_left(admissions: Any) -> None:
    """After a restart nobody waits for the leases of the process before."""
    clock = ScaledClock(20.0)
    killed = admissions(AccountLimits(concurrency=1), clock, sole=True)
    await killed.acquire(ask("ann"))
    killed._task.cancel()
    killed._slots.clear()
    began = clock.time()
    again = admissions(AccountLimits(concurrency=1), clock, sole=True)
    with await again.acquire(ask("bob")):
        assert clock.time() - began < 10.0


async def test_a_database_that_is_away_is_waited_for(sqlite_url: str) -> None:
    """People are told when it fails for longer than the patience, and a short failure is not seen."""
    from core.store import Database, migrate

    clock = ScaledClock(20.0)
    database = Database(sqlite_url)  # without tables: every step fails
    impatient = RateLimiter(
        DatabaseLimiterStore(database, "account"),
        AccountLimits(),
        clock,
        timing=LimiterTiming(store_retry_deadline_s=2.0),
    )
    with pytest.raises(StoreUnavailable):
        await impatient.acquire(ask("ann"))
    timing = LimiterTiming(store_retry_deadline_s=600.0)
    admission = RateLimiter(DatabaseLimiterStore(database, "account"), AccountLimits(), clock, timing=timing)
    waiting = asyncio.create_task(admission.acquire(ask("ann")))
    await migrate.upgrade(sqlite_url)
    with await waiting:
        pass
    await admission.close()
    await database.close()
