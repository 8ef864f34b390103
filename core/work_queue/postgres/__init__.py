"""The scale-out engine: many replicas on one PostgreSQL, on procrastinate's tables and worker.

What procrastinate 3.10 does not do by itself stands here, one file an idea:

====================  =============================================================================
:mod:`.statements`    our statements on its tables: enlist, finish, give back, take over, sweep
:mod:`.jobs`          its ``JobManager`` with a membership that can end, and no lost wake-ups
:mod:`.lease`         how long we may go on writing without word from the database; frozen loops
:mod:`.member`        one session that listens, beats, and watches the other replicas
:mod:`.wishes`        ending an answer that another replica writes
:mod:`.chores`        what is done now and then, once for the cluster, on its periodic tasks
:mod:`.engine`        the port, and the supervised worker
====================  =============================================================================

A replica is a row of ``procrastinate_workers``. It is dead once that row is deleted: by another
replica, which saw no heartbeat for :attr:`ClusterTiming.stalled_s`, or by itself. Deleting the row frees
its jobs in the same moment, and nothing that it sends later under that number has an effect.
"""

from core.work_queue.postgres.queue import PostgresWorkQueue
from core.work_queue.postgres.timing import ClusterTiming

__all__ = ["ClusterTiming", "PostgresWorkQueue"]
