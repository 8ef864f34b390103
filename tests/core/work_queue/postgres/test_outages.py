"""What procrastinate 3.10 does not do by itself, one gap after the other (see the engine's docstrings)."""

import asyncio
import time
from dataclasses import replace
from typing import Any

from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status

from core.domain.queue import Lane, QueueKey
from core.domain.turn_states import CancelReason
from core.store import conversations, turns
from core.store.database import Transaction
from core.work_queue.port import WakeUp
from core.work_queue.postgres import ClusterTiming, statements
from tests.core.work_queue.postgres.conftest import RARELY_S


async def bury_a_worker(cluster: Any, conversation: int = 1) -> int:
    """Leave behind what a killed replica leaves: a row without heartbeat, and its running job."""
    [(job,)] = await cluster.rows(
        "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat)"
        " VALUES (now() - interval '1 minute') RETURNING id)"
        " UPDATE procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead"
        " WHERE lock = %s RETURNING procrastinate_jobs.id",
        f"{conversation}:turns",
    )
    return int(job)


async def test_gap_1_the_next_job_of_a_lock_does_not_wait_for_the_poll(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """A job that waited for its conversation's lock runs as soon as the lock is free."""
    replica = await cluster.replica(replace(fast, poll_s=RARELY_S, sweep_s=RARELY_S), busy=True)
    replica.leaves_open = True
    await replica.ingest(question(1, 1))
    await cluster.until(lambda: len(replica.seen) == 1)
    await replica.ingest(question(1, 2))
    await asyncio.sleep(0.1)  # the worker has looked by now, and found the lock taken
    replica.gate.set()
    await cluster.until(lambda: replica.done == ["1", "2"])


async def test_gap_1_a_notification_during_a_fetch_is_not_forgotten(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """Procrastinate clears its event after a fetch; many events at once all run without the poll."""
    replica = await cluster.replica(replace(fast, poll_s=RARELY_S, sweep_s=RARELY_S), local_concurrency=0)
    await asyncio.gather(*(replica.ingest(question(number, 1)) for number in range(30)))
    await cluster.until(lambda: len(replica.done) == 30)


async def test_gap_2_the_jobs_of_a_dead_replica_are_taken_over(cluster: Any, question: Any) -> None:
    """A job whose worker has no heartbeat runs again on a living one, soon."""
    replica = await cluster.replica(platforms=("slack",))  # takes nothing itself, but watches
    await replica.ingest(question(1, 1))
    await bury_a_worker(cluster)
    taker = await cluster.replica()
    await cluster.until(lambda: taker.done == ["1"])
    assert replica.queue.takeovers + taker.queue.takeovers == 1


async def test_gap_2_a_living_replica_keeps_its_jobs(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """Long work is left alone for as long as its replica beats."""
    owner = await cluster.replica(busy=True)
    await owner.ingest(question(1, 1))
    await cluster.until(lambda: len(owner.seen) == 1)
    other = await cluster.replica()
    await asyncio.sleep(1.2 * fast.stalled_s)
    assert (owner.seen, other.seen, owner.aborted) == ([(1, "1")], [], [])


async def test_gap_3_a_worker_that_was_thought_dead_finishes_nothing(cluster: Any, question: Any) -> None:
    """Finishing a job that another replica runs by now has no effect on it."""
    ghost = await cluster.replica(platforms=("slack",))
    await ghost.ingest(question(1, 1))
    old = await bury_a_worker(cluster)
    taker = await cluster.replica(busy=True)
    await cluster.until(lambda: len(taker.seen) == 1)
    job = Job(id=old, queue="telegram", lock="1:turns", queueing_lock="1:turns", task_name=statements.TASK)
    await ghost.queue.worker.jobs.finish_job(job, Status.SUCCEEDED, delete_job=True)
    assert await cluster.rows("SELECT status::text FROM procrastinate_jobs") == [("doing",)]


async def test_gap_3_a_replica_that_was_buried_gives_up_and_joins_anew(cluster: Any, question: Any) -> None:
    """Once its row is gone it aborts its work, cuts its calls, and works again under a new number."""
    replica = await cluster.replica(busy=True)
    await replica.ingest(question(1, 1))
    await cluster.until(lambda: len(replica.seen) == 1)
    before = replica.queue.worker.jobs.worker_id
    await cluster.rows("DELETE FROM procrastinate_workers")
    await cluster.until(lambda: replica.aborted == ["1"])
    assert replica.cuts == 1
    replica.gate.set()
    await cluster.until(lambda: replica.done == ["1"])
    assert replica.queue.worker.jobs.worker_id != before


async def test_gap_3_a_loop_that_stood_still_fences_itself(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """After a standstill nothing may be shown and all work is aborted before anything else goes on."""
    replica = await cluster.replica(busy=True)
    await replica.ingest(question(1, 1))
    await cluster.until(lambda: len(replica.seen) == 1)
    valid: list[bool] = []
    later = asyncio.get_running_loop().call_later(0.1, lambda: valid.append(replica.queue.lease.valid))
    time.sleep(1.2 * fast.lease_s)  # noqa: ASYNC251 (the loop shall stand still)
    await cluster.until(lambda: replica.aborted == ["1"])
    assert valid == [False], later
    assert replica.queue.lease_losses == 1
    replica.gate.set()
    await cluster.until(lambda: replica.done == ["1"])
    assert replica.queue.lease.valid


async def test_gap_4_a_listener_whose_line_is_dead_listens_again(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """A connection that stays open and silent is noticed by the heartbeat it carries."""
    replica = await cluster.replica(replace(fast, poll_s=RARELY_S, sweep_s=RARELY_S))
    sender = await cluster.replica(platforms=("slack",))
    await sender.ingest(question(1, 1))
    await cluster.until(lambda: replica.done == ["1"])
    replica.wire.swallow()
    for number in range(2, 22):  # a notification while it is deaf is lost
        await sender.ingest(question(1, number))
        await asyncio.sleep(1.0)
        if len(replica.done) > 1:
            break
    await cluster.until(lambda: replica.done == [str(one) for one in range(1, number + 1)])


async def test_gap_5_an_outage_ends_neither_heartbeat_nor_worker(cluster: Any, question: Any) -> None:
    """After the database was away, the same worker goes on: running work and new work."""
    replica = await cluster.replica(busy=True)
    await replica.ingest(question(1, 1))
    await cluster.until(lambda: len(replica.seen) == 1)
    worker = replica.queue.worker.jobs.worker_id
    replica.wire.refuse()
    await cluster.until(lambda: not replica.queue.lease.valid)
    replica.wire.heal()
    await cluster.until(lambda: replica.queue.lease.valid)
    assert (replica.queue.worker.jobs.worker_id, replica.aborted) == (worker, [])
    replica.gate.set()
    await replica.ingest(question(2, 2))
    await cluster.until(lambda: sorted(replica.done) == ["1", "2"])


async def test_gap_5_a_job_whose_fetch_lost_its_reply_is_given_back(
    cluster: Any, question: Any, monkeypatch: Any
) -> None:
    """The database gave us a job and the line broke: it runs all the same, and soon."""
    replica = await cluster.replica(local_concurrency=0)
    fetch = type(replica.queue.worker.jobs).__mro__[1].fetch_job
    lost: list[Job] = []

    async def lose_once(self: Any, queues: Any, worker_id: int) -> Job | None:
        job: Job | None = await fetch(self, queues, worker_id)
        if job is not None and not lost:
            lost.append(job)
            raise ConnectorException("the reply was lost")
        return job

    monkeypatch.setattr(type(replica.queue.worker.jobs).__mro__[1], "fetch_job", lose_once)
    await replica.ingest(question(1, 1))
    await cluster.until(lambda: replica.done == ["1"])
    assert len(lost) == 1


async def test_gap_5_a_worker_that_ends_is_replaced(cluster: Any, question: Any) -> None:
    """Whatever ends the worker, the supervisor starts a new one."""
    replica = await cluster.replica()
    await cluster.until(lambda: replica.queue.lease.valid)
    first = replica.queue.worker._worker
    first.stop()
    await cluster.until(lambda: replica.queue.worker._worker is not first)
    await replica.ingest(question(1, 1))
    await cluster.until(lambda: replica.done == ["1"])


async def test_gap_6_nobody_is_declared_dead_after_an_outage(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """All heartbeats look old when the database comes back, and nobody's work is taken."""
    owner, other = await cluster.replica(busy=True), await cluster.replica()
    other.gate.clear()
    for number in range(1, 9):
        await owner.ingest(question(number, number))
    await cluster.until(lambda: len(owner.seen) + len(other.seen) == 8)
    for replica in (owner, other):
        replica.wire.refuse()
    await asyncio.sleep(1.2 * fast.stalled_s)
    other.wire.heal()  # for a while it is alone with heartbeats that are all old
    await asyncio.sleep(0.5)
    owner.wire.heal()
    await asyncio.sleep(fast.eviction_grace_s + 0.5)
    assert len(owner.seen) + len(other.seen) == 8
    assert owner.aborted + other.aborted == []
    assert owner.queue.takeovers + other.queue.takeovers == 0


async def test_gap_6_who_stays_away_is_dead_after_the_quiet(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """The quiet after an outage ends: a replica that did not come back loses its work."""
    quick = replace(fast, eviction_grace_s=1.0)
    owner = await cluster.replica(quick, busy=True)
    await owner.ingest(question(1, 1))
    await cluster.until(lambda: len(owner.seen) == 1)
    other = await cluster.replica(quick)
    for replica in (owner, other):
        replica.wire.refuse()
    await asyncio.sleep(0.5)
    other.wire.heal()
    await cluster.until(lambda: other.done == ["1"])
    owner.wire.heal()
    await cluster.until(lambda: owner.aborted == ["1"])


async def test_gap_7_an_open_event_without_a_job_is_swept_up(
    cluster: Any, question: Any, monkeypatch: Any
) -> None:
    """Whatever lost its job, an open event is found and worked off."""
    replica = await cluster.replica()

    async def forget(_: Transaction, __: QueueKey) -> WakeUp:
        return lambda: None

    monkeypatch.setattr(replica.queue, "enqueue", forget)
    await replica.ingest(question(1, 1))
    await cluster.until(lambda: replica.done == ["1"])


async def test_gap_7_a_drain_that_leaves_an_event_open_runs_again(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """Finishing a job looks at its events: none is left without a job."""
    replica = await cluster.replica(replace(fast, sweep_s=RARELY_S), busy=True)
    replica.leaves_open = True
    for number in (1, 2, 3, 4):
        await replica.ingest(question(1, number))
    replica.gate.set()
    await cluster.until(lambda: replica.done == ["1", "2", "3", "4"])


async def test_an_event_behind_a_waiting_job_is_seen_by_it(cluster: Any, question: Any) -> None:
    """A job that waits is not begun before an event that relies on it is committed."""
    owner = await cluster.replica(platforms=("slack",))
    await owner.ingest(question(1, 1))
    async with owner.database.begin() as tx:
        found = await conversations.find(tx, question(1, 1).address.key)
        assert found is not None
        await owner.queue.enqueue(tx, QueueKey(found.id, Lane.TURNS))
        worker = await cluster.replica()
        await asyncio.sleep(0.8)
        assert worker.seen == []
    await cluster.until(lambda: worker.done == ["1"])
    assert await cluster.rows("SELECT count(*) FROM procrastinate_jobs") == [(0,)]


async def test_a_replica_takes_only_what_its_platforms_can_show(cluster: Any, question: Any) -> None:
    """Work of another platform waits for a replica that serves it."""
    slack = await cluster.replica(platforms=("slack",))
    await slack.ingest(question(1, 1))
    await asyncio.sleep(0.6)
    assert slack.seen == []
    telegram = await cluster.replica(platforms=("telegram",))
    await cluster.until(lambda: telegram.done == ["1"])


async def test_a_stopping_replica_hands_its_work_on_at_once(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """What does not end within the grace runs on another replica without any waiting for heartbeats."""
    leaving = await cluster.replica(busy=True)
    await leaving.ingest(question(1, 1))
    await cluster.until(lambda: len(leaving.seen) == 1)
    staying = await cluster.replica(replace(fast, stalled_s=RARELY_S, poll_s=RARELY_S, sweep_s=RARELY_S))
    await leaving.queue.stop(0.1)
    assert leaving.aborted == ["1"]
    await cluster.until(lambda: staying.done == ["1"])


async def _answer(cluster: Any, question: Any, timing: ClusterTiming) -> tuple[Any, Any, Any]:
    """Let one of two replicas write an answer, with a turn row as the service makes it."""
    owner = await cluster.replica(timing, busy=True)
    await owner.ingest(question(1, 1))
    await cluster.until(lambda: len(owner.seen) == 1)
    async with owner.database.begin() as tx:
        await turns.claim(tx, conversation_id=1, inbox_id=1, seq=1, asker_id="1")
    running = owner.running.register(1)
    running.task = asyncio.create_task(asyncio.sleep(3600))
    return owner, await cluster.replica(timing), running


async def test_an_answer_is_ended_from_another_replica(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """A stop that arrives elsewhere reaches the writing replica by a notification."""
    _, other, running = await _answer(cluster, question, replace(fast, poll_s=RARELY_S))
    async with other.database.begin() as tx:
        await turns.request_cancel(tx, 1, CancelReason.STOP)
    other.queue.cancel(1, CancelReason.STOP)
    await cluster.until(lambda: running.cancel_reason is CancelReason.STOP)


async def test_a_wish_to_end_that_nobody_told_is_found(
    cluster: Any, fast: ClusterTiming, question: Any
) -> None:
    """Should the notification be lost, the writing replica looks by itself."""
    _, other, running = await _answer(cluster, question, fast)
    async with other.database.begin() as tx:
        await turns.request_cancel(tx, 1, CancelReason.STOP)
    await cluster.until(lambda: running.cancel_reason is CancelReason.STOP)
