"""Events that a replica works on itself, without the queue."""

import asyncio
from dataclasses import replace
from typing import Any

from core.domain.queue import QueueKey
from core.store.database import Transaction
from core.work_queue.port import WakeUp
from core.work_queue.postgres import ClusterTiming, job_manager, local_jobs
from tests.core.work_queue.postgres.conftest import RARELY_S

ALONE = {"poll_s": RARELY_S, "sweep_s": RARELY_S}


async def no_jobs_left(cluster: Any) -> None:
    """Wait until the last job is finished."""
    async with asyncio.timeout(RARELY_S / 3):
        while await cluster.rows("SELECT id FROM procrastinate_jobs"):  # noqa: ASYNC110  (the database tells nobody)
            await asyncio.sleep(0.02)


async def test_who_has_time_takes_what_comes_in_at_its_door(
    cluster: Any, fast: ClusterTiming, question: Any, monkeypatch: Any
) -> None:
    """Nothing is fetched from the queue for it, here or elsewhere."""
    looked: set[int] = set()
    fetched: list[int] = []
    base = job_manager.JobManager
    fetch = base.fetch_job

    async def counted(self: Any, queues: Any, worker_id: int) -> Any:
        job = await fetch(self, queues, worker_id)
        looked.add(worker_id)
        fetched.extend([] if job is None else [job.id])
        return job

    monkeypatch.setattr(base, "fetch_job", counted)
    replica, other = [await cluster.replica(replace(fast, **ALONE)) for _ in range(2)]
    await cluster.until(lambda: replica.queue.lease.valid and other.queue.lease.valid and len(looked) == 2)
    for number in range(5):
        await replica.ingest(question(number, 1))
    await cluster.until(lambda: len(replica.done) == 5)
    assert (fetched, other.seen) == ([], [])
    await no_jobs_left(cluster)


async def test_what_is_more_than_we_have_time_for_is_anybodys(
    cluster: Any, fast: ClusterTiming, question: Any, monkeypatch: Any
) -> None:
    """A replica with enough to do leaves new events to the queue, and the others are told."""
    looked: list[int] = []
    base = job_manager.JobManager
    fetch = base.fetch_job

    async def fetch_unless_first(self: Any, queues: Any, worker_id: int) -> Any:
        looked.append(worker_id)
        return None if worker_id == looked[0] else await fetch(self, queues, worker_id)

    monkeypatch.setattr(base, "fetch_job", fetch_unless_first)
    replica = await cluster.replica(replace(fast, **ALONE), busy=True, local_concurrency=2)
    await cluster.until(lambda: looked)
    await asyncio.gather(*(replica.ingest(question(number, 1)) for number in range(2)))
    await cluster.until(lambda: len(replica.seen) == 2)
    other = await cluster.replica(replace(fast, **ALONE))
    await cluster.until(lambda: other.queue.lease.valid and len(set(looked)) == 2)
    for number in range(2, 12):
        await replica.ingest(question(number, 1))
    await cluster.until(lambda: len(other.done) == 10)
    assert len(replica.seen) == 2


async def test_events_of_one_conversation_keep_their_order_whoever_takes_them(
    cluster: Any, question: Any
) -> None:
    """Events that come in at two doors at once are worked on one after the other, each once."""
    doors = [await cluster.replica() for _ in range(2)]
    for number in range(20):
        await asyncio.gather(*(door.ingest(question(1, 2 * number + i)) for i, door in enumerate(doors)))
    done = lambda: doors[0].done + doors[1].done  # noqa: E731
    await cluster.until(lambda: len(done()) == 40)
    assert sorted(map(int, done())) == list(range(40))
    await no_jobs_left(cluster)


async def test_a_job_whose_commit_was_never_heard_of_is_given_back(
    cluster: Any, question: Any, monkeypatch: Any
) -> None:
    """The database made a job ours and the line broke: it runs all the same, and soon."""
    monkeypatch.setattr(local_jobs, "RESERVATION_TTL_S", 0.3)
    replica = await cluster.replica()
    await cluster.until(lambda: replica.queue.lease.valid)
    enqueue = replica.queue.enqueue

    async def never_wake(tx: Transaction, queue_key: QueueKey) -> WakeUp:
        await enqueue(tx, queue_key)
        return lambda: None

    monkeypatch.setattr(replica.queue, "enqueue", never_wake)
    await replica.ingest(question(1, 1))
    await cluster.until(lambda: replica.done == ["1"])
