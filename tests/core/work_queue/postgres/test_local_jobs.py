"""Which jobs a replica knows to be its own, and which it must have lost."""

import pytest
from procrastinate.jobs import Job

from core.work_queue.postgres import local_jobs
from core.work_queue.postgres.local_jobs import RESERVATION_TTL_S, LocalJobs


@pytest.fixture
def time_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, to be changed."""
    now = [0.0]
    monkeypatch.setattr(local_jobs, "now", lambda: now[0])
    return now


def job(number: int) -> Job:
    """Return a stored job."""
    return Job(id=number, queue="telegram", lock=None, queueing_lock=None, task_name="t")


def test_a_confirmed_job_is_handed_over_once(time_s: list[float]) -> None:
    """A job that is ours since a commit never waits in the database's queue."""
    jobs = LocalJobs()
    first = job(1)
    jobs.reserve(first)
    assert jobs.take_handed_over() is None
    jobs.confirm(first)
    assert jobs.take_handed_over() is first
    assert jobs.take_handed_over() is None
    assert jobs.known() == {1}
    jobs.remove(first)
    assert jobs.known() == set()


def test_a_reservation_that_nobody_confirms_is_lost(time_s: list[float]) -> None:
    """The reply to a commit may never arrive: for some seconds the job may still be confirmed, then not."""
    jobs = LocalJobs()
    jobs.reserve(job(1))
    assert jobs.maybe_lost
    assert jobs.find_lost([1], jobs.known()) == []
    assert jobs.maybe_lost  # it is not over yet
    time_s[0] = RESERVATION_TTL_S + 0.1
    assert jobs.find_lost([1], jobs.known()) == [1]
    assert not jobs.maybe_lost


def test_a_job_that_ended_while_the_database_was_asked_is_not_lost(time_s: list[float]) -> None:
    """The database's reply may be older than what is known here."""
    jobs = LocalJobs()
    jobs.add(job(1))
    before = jobs.known()
    jobs.remove(job(1))
    assert jobs.find_lost([1, 2], before) == [2]


def test_a_new_membership_has_no_jobs(time_s: list[float]) -> None:
    """What an earlier membership had is other replicas' by then."""
    jobs = LocalJobs()
    jobs.add(job(1))
    jobs.reserve(job(2))
    jobs.confirm(job(2))
    jobs.clear()
    assert (jobs.known(), jobs.take_handed_over()) == (set(), None)


def test_a_job_without_an_id_is_refused(time_s: list[float]) -> None:
    """Only a stored job can be ours."""
    with pytest.raises(ValueError, match="never stored"):
        LocalJobs().add(Job(id=None, queue="q", lock=None, queueing_lock=None, task_name="t"))
