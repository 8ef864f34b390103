"""The work queue of many replicas on one PostgreSQL, built on procrastinate's tables and worker.

What procrastinate 3.10 does not do by itself, one module an idea:

======================  ===========================================================================
:mod:`.statements`      our statements on its tables: enqueue, finish, evict, take over, sweep
:mod:`.job_manager`     its ``JobManager`` with a membership that can end, and no lost wake-ups
:mod:`.local_jobs`      the jobs that are ours as far as we know
:mod:`.lease`           how long we may write without word from the database; frozen event loops
:mod:`.heartbeat`       one session that listens, sends heartbeats, and watches the other replicas
:mod:`.cancellation`    cancelling an answer that another replica writes
:mod:`.periodic_jobs`   periodic tasks, once for the cluster, on its periodic tasks
:mod:`.worker`          its worker, restarted whenever it ends
:mod:`.postgres_queue`  the port
======================  ===========================================================================

A replica is a row of ``procrastinate_workers``. It is dead once that row is deleted: by another replica,
which saw no heartbeat for :attr:`ClusterTiming.stalled_s`, or by itself. Deleting the row frees its jobs in
the same moment, and nothing that it sends later under that number has an effect.
"""

from core.work_queue.postgres.postgres_queue import PostgresWorkQueue
from core.work_queue.postgres.timing import ClusterTiming

__all__ = ["ClusterTiming", "PostgresWorkQueue"]
