"""Our statements on procrastinate's tables, where its own would lose or double something.

``%(name)s`` are psycopg's parameters. The tables are those of 3.10, which the migration 0001_initial creates.
A job's lock and queueing lock are the same text, ``conversation:lane``: at most one job of a
conversation's lane runs, and at most one waits.
"""

from collections.abc import Sequence

from procrastinate.jobs import Job

from core.domain.queue import QueueKey
from core.store import Transaction

TASK = "moonthread:work_off"

# A replica that has time takes the job itself, if there is no other job of that lane: the job is inserted
# as "doing", no replica is notified, and none fetches it. Else the job waits for a replica to fetch it. If
# one waits already, it is locked until our event is committed: procrastinate's fetch skips locked jobs, so
# the replica that runs it sees the event. The insert's own trigger notifies nobody then.
ENQUEUE = """
WITH line AS (
    SELECT platform || ':' || tenant AS queue_name,
           jsonb_build_object('conversation_id', id, 'lane', %(lane)s::text) AS args
      FROM conversations WHERE id = %(conversation)s
), ours AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args, status, worker_id)
    SELECT queue_name, %(task)s, %(lock)s, %(lock)s, args, 'doing', w.id
      FROM line, procrastinate_workers w
     WHERE w.id = %(worker)s AND queue_name = ANY(%(queues)s)
       AND NOT EXISTS (SELECT FROM procrastinate_jobs WHERE queueing_lock = %(lock)s AND status = 'todo')
    ON CONFLICT (lock) WHERE status = 'doing' DO NOTHING
    RETURNING id, queue_name
), anybodys AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    SELECT queue_name, %(task)s, %(lock)s, %(lock)s, args FROM line WHERE NOT EXISTS (SELECT FROM ours)
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE SET scheduled_at = NULL
    RETURNING id, queue_name
)
SELECT id, queue_name, '' FROM ours
UNION ALL
SELECT NULL, queue_name,
       pg_notify('procrastinate_queue_v1#' || queue_name,
                 json_build_object('type', 'job_inserted', 'job_id', id)::text)::text FROM anybodys
"""

# The job is deleted, and another is inserted if events of its lane are still open: ids are never used
# twice, so a worker that was taken for dead cannot finish a job that another one runs now. After a job
# that ended by itself and left events open, the next one waits a moment, so that it does not spin. A row
# is returned if a job of the same lane waits.
FINISH = """
WITH done AS (
    DELETE FROM procrastinate_jobs
     WHERE id = %(job)s AND worker_id = %(worker)s AND status = 'doing'
    RETURNING *
), again AS (
    INSERT INTO procrastinate_jobs
           (queue_name, task_name, priority, lock, queueing_lock, args, attempts, scheduled_at)
    SELECT queue_name, task_name, priority, lock, queueing_lock, args, attempts + 1,
           CASE WHEN %(at_once)s THEN NULL ELSE now() + interval '1 second' END
      FROM done
     WHERE EXISTS (SELECT FROM inbox
                    WHERE status = 'open' AND conversation_id = (done.args ->> 'conversation_id')::bigint
                      AND lane = done.args ->> 'lane')
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
    RETURNING id
)
SELECT id FROM again
UNION ALL
SELECT j.id FROM procrastinate_jobs j JOIN done ON j.queueing_lock = done.lock WHERE j.status = 'todo'
"""

#: The jobs that the database says a worker has.
RUNNING_JOBS = "SELECT id FROM procrastinate_jobs WHERE worker_id = %(worker)s AND status = 'doing'"

HEARTBEAT = "UPDATE procrastinate_workers SET last_heartbeat = now() WHERE id = %(worker)s RETURNING id"

# One statement decides on a row: a heartbeat that comes at the same time either renews the row or finds
# it deleted. The jobs of the deleted workers are freed, and those of workers that were deleted earlier:
# the foreign key has set their worker_id to NULL.
EVICT_STALLED = """
WITH dead AS (
    DELETE FROM procrastinate_workers
     WHERE last_heartbeat < now() - make_interval(secs => %(stalled_s)s)
    RETURNING id
), orphaned AS (
    DELETE FROM procrastinate_jobs
     WHERE status = 'doing' AND (worker_id IS NULL OR worker_id IN (SELECT id FROM dead))
    RETURNING *
), again AS (
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, attempts)
    SELECT queue_name, task_name, priority, lock, queueing_lock, args, attempts + 1 FROM orphaned
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
)
SELECT 'worker', id FROM dead UNION ALL SELECT 'job', id FROM orphaned
"""

#: Enqueues jobs for open events that have none: should any other way have failed.
SWEEP = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
SELECT c.platform || ':' || c.tenant, %(task)s, c.id || ':' || i.lane, c.id || ':' || i.lane,
       jsonb_build_object('conversation_id', c.id, 'lane', i.lane)
  FROM (SELECT DISTINCT conversation_id, lane FROM inbox WHERE status = 'open') i
  JOIN conversations c ON c.id = i.conversation_id
 WHERE NOT EXISTS (SELECT FROM procrastinate_jobs j
                    WHERE j.lock = c.id || ':' || i.lane AND j.status IN ('todo', 'doing'))
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
RETURNING lock
"""


def queue_name(platform: str, tenant: str) -> str:
    """Return the procrastinate queue of a tenant's conversations: only replicas that serve it look there."""
    return f"{platform}:{tenant}"


def lock_name(queue_key: QueueKey) -> str:
    """Return the lock of the jobs of a conversation's lane."""
    return f"{queue_key.conversation_id}:{queue_key.lane}"


async def enqueue(
    tx: Transaction, queue_key: QueueKey, *, worker_id: int | None = None, queues: Sequence[str] = ()
) -> Job | None:
    """Insert a job for ``queue_key`` into its tenant's queue, in the caller's transaction.

    With ``worker_id``, whose worker serves ``queues``, the job is that worker's at once if there is no other
    job of its lane; it is returned then, and must be run once the transaction is committed.
    """
    lock = lock_name(queue_key)
    values = {
        "task": TASK,
        "lock": lock,
        "lane": queue_key.lane.value,
        "conversation": queue_key.conversation_id,
    }
    made = (await tx.exec_driver_sql(ENQUEUE, {**values, "worker": worker_id, "queues": list(queues)})).one()
    if made.id is None:
        return None
    return Job(
        id=made.id,
        status="doing",
        queue=made.queue_name,
        lock=lock,
        queueing_lock=lock,
        task_name=TASK,
        task_kwargs={"conversation_id": queue_key.conversation_id, "lane": queue_key.lane.value},
        worker_id=worker_id,
    )
