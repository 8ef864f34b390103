"""The jobs of this replica as far as it knows: those that run, and those that may become its own. No I/O."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from procrastinate.jobs import Job

from core.work_queue.postgres.lease import now

RESERVATION_TTL_S: Final = 3.0  #: after which a reserved job that was not confirmed counts as lost


class LocalJobs:
    """Jobs that the database gives this replica, by id.

    A job becomes ours in the database before its id reaches us: with the reply to a fetch, or with a
    commit that enqueues an event. If that reply is lost, the job is lost, until :meth:`find_lost`
    compares what the database says with what is known here.
    """

    def __init__(self) -> None:
        self._running: set[int] = set()
        self._reserved_until: dict[int, float] = {}
        self._handed_over: deque[Job] = deque()
        self.maybe_lost = False  #: whether a reply may have been lost

    def clear(self) -> None:
        """Forget everything: a new membership has no jobs."""
        self._running.clear()
        self._reserved_until.clear()
        self._handed_over.clear()

    def reserve(self, job: Job) -> None:
        """Record a job that is ours once a transaction is committed."""
        self._reserved_until[_id(job)] = now() + RESERVATION_TTL_S
        self.maybe_lost = True  # the end of the commit may never be heard of

    def confirm(self, job: Job) -> None:
        """Hand a reserved job over to the worker: its transaction is committed."""
        self._reserved_until.pop(_id(job), None)
        self._running.add(_id(job))
        self._handed_over.append(job)

    def take_handed_over(self) -> Job | None:
        """Return a job that was handed over, for the worker to run; None if there is none."""
        return self._handed_over.popleft() if self._handed_over else None

    def add(self, job: Job) -> None:
        """Record a job that was fetched."""
        self._running.add(_id(job))

    def remove(self, job: Job) -> None:
        """Forget a job that has ended."""
        self._running.discard(_id(job))

    def known(self) -> set[int]:
        """Return the ids of the jobs that are ours, or are about to be."""
        self._reserved_until = {id_: until for id_, until in self._reserved_until.items() if until > now()}
        return self._running | self._reserved_until.keys()

    def find_lost(self, stored: Iterable[int], known_before: set[int]) -> list[int]:
        """Return which of our jobs in the database never reached us.

        Args:
            stored: ids of the jobs that are ours according to the database.
            known_before: result of :meth:`known` from before ``stored`` was read.
        """
        known = known_before | self.known()
        self.maybe_lost = bool(self._reserved_until)
        return [job_id for job_id in stored if job_id not in known]


def _id(job: Job) -> int:
    if job.id is None:
        raise ValueError("the job was never stored")
    return job.id
