"""One session with the database, which listens, beats, and watches the other replicas.

The heartbeat goes over the very connection that listens: LISTEN cannot die unnoticed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from core.domain.errors import StoreUnavailable
from core.store import Database
from core.store.cluster import Notice, Session, Silent
from core.work_queue.postgres import statements
from core.work_queue.postgres.jobs import Jobs
from core.work_queue.postgres.lease import Lease, now
from core.work_queue.postgres.timing import Timing

log = structlog.get_logger(__name__)

QUIET_STALLED_S = 3600.0  #: whose heartbeat is that old is dead, whatever happened to the database


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Whom a member calls."""

    on_notice: Callable[[Notice], Awaitable[None]]  #: something was notified
    on_look: Callable[[], None]  #: time to look at what no notification told; must not wait
    on_dead: Callable[[], None]  #: the others have buried us
    on_return: Callable[[], None]  #: the database answers again
    on_silence: Callable[[], None]  #: the database does not answer, nor will it on other connections


class Member:
    """This replica among the others, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        lease: Lease,
        timing: Timing,
        *,
        channels: Iterable[str],
        calls: Calls,
    ) -> None:
        self._session = Session(database, name="member", timeout_s=timing.lease_s)
        self._jobs = jobs
        self._lease = lease
        self._timing = timing
        self._channels = tuple(channels)
        self._calls = calls
        self._quiet_until = 0.0
        self._met = False  #: we have spoken with the database before
        self._task: asyncio.Task[None] | None = None
        self.takeovers = 0  #: jobs taken from dead replicas

    def start(self) -> None:
        """Begin to listen and beat."""
        self._task = asyncio.create_task(self._run(), name="member")

    async def stop(self) -> None:
        """End; the worker should have left before."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._session.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._session.open()
                await self._session.listen(self._channels)
                if self._met:
                    self._calls.on_return()
                await self._take_part()
            except StoreUnavailable as exc:
                log.warning("database_lost", error=str(exc))
                if isinstance(exc, Silent):
                    self._calls.on_silence()
                self.quiet_for(self._timing.quiet_s)
            except Exception:  # the boundary of a task: a replica without a heartbeat is a dead one
                log.exception("member_failed")
            await self._session.close()
            await asyncio.sleep(self._timing.reconnect_s)

    async def _take_part(self) -> None:
        timing = self._timing
        beat_at = look_at = sweep_at = 0.0
        while True:
            started = now()
            if started >= beat_at:
                beat_at = started + timing.beat_s
                await self._beat()
            await self._watch()
            if started >= look_at:
                look_at = started + timing.poll_s
                self._calls.on_look()
            if started >= sweep_at:
                sweep_at = started + timing.sweep_s
                await self.sweep()
            tick_at = started + timing.watch_s
            while (wait_s := tick_at - now()) > 0:
                for notice in await self._session.notices(wait_s):
                    await self._calls.on_notice(notice)

    async def _beat(self) -> None:
        """Tell that we live; hear whether we are thought to."""
        worker = self._jobs.worker_id
        sent_at = now()
        if worker is None:
            await self._session.rows("SELECT 1")
        elif await self._session.rows(statements.BEAT, worker=worker):
            if worker == self._jobs.worker_id:
                self._lease.renew(sent_at)
        elif worker == self._jobs.worker_id:
            self._calls.on_dead()
        if not self._met:
            self._met = True
            self.quiet_for(self._timing.first_quiet_s)
        if worker is not None and self._jobs.doubtful:
            await self._look_for_strays(worker)

    async def _look_for_strays(self, worker: int) -> None:
        """Give jobs back which a fetch or a commit brought whose reply was lost."""
        known = self._jobs.known
        doing = [row[0] for row in await self._session.rows(statements.DOING, worker=worker)]
        for job_id in self._jobs.strays(doing, known):
            log.warning("stray_job", job=job_id)
            await self._session.rows(statements.FINISH, job=job_id, worker=worker, at_once=True)

    async def _watch(self) -> None:
        """Bury replicas without a heartbeat, and free what they had."""
        quiet = now() < self._quiet_until
        stalled_s = QUIET_STALLED_S if quiet else self._timing.stalled_s
        found = await self._session.rows(statements.TAKE_OVER, stalled_s=stalled_s)
        if found:
            buried = [id_ for kind, id_ in found if kind == "worker"]
            self.takeovers += len(found) - len(buried)
            log.warning("replica_dead", workers=buried, jobs=len(found) - len(buried))

    async def sweep(self) -> None:
        """Make jobs for open events that have none."""
        found = await self._session.rows(statements.SWEEP, task=statements.TASK)
        if found:
            log.warning("work_swept_up", lines=len(found))

    def quiet_for(self, seconds: float) -> None:
        """Declare nobody dead for a while: not the others, the database or we were away."""
        self._quiet_until = max(self._quiet_until, now() + seconds)
