"""What the log says of a database that goes away and comes back (we chose: two lines, however many wait)."""

import pytest
from structlog.testing import capture_logs

from core.domain.errors import StoreUnavailable
from core.store import Database
from core.store.outage import OutageLog


def fail(outages: OutageLog) -> None:
    """Let one transaction fail."""
    with pytest.raises(StoreUnavailable), outages.watch():
        raise StoreUnavailable("connection refused")


def succeed(outages: OutageLog) -> None:
    """Let one transaction succeed."""
    with outages.watch():
        pass


def test_an_outage_is_two_lines() -> None:
    """One line with the reason when it begins; one at the end with its length and the failures."""
    times = iter([100.0, 112.5])
    outages = OutageLog(lambda: next(times))

    with capture_logs() as lines:
        succeed(outages)
        for _ in range(5):
            fail(outages)
        succeed(outages)
        succeed(outages)

    assert lines == [
        {"event": "store.unavailable", "log_level": "error", "error": "connection refused"},
        {"event": "store.recovered", "log_level": "info", "down_s": 12.5, "failed": 5},
    ]


def test_another_error_is_no_outage() -> None:
    """A refused value or a defect says nothing about the database."""
    outages = OutageLog()

    with capture_logs() as lines, pytest.raises(ValueError, match="no"), outages.watch():
        raise ValueError("no")

    assert lines == []


async def test_only_the_service_logs_outages() -> None:
    """A command prints its own sentence; the service's database watches every transaction."""
    database = Database("sqlite:////nowhere/at/all.db")

    with capture_logs() as before, pytest.raises(StoreUnavailable):
        async with database.read():
            pass
    database.log_outages()
    with capture_logs() as after, pytest.raises(StoreUnavailable):
        async with database.begin():
            pass
    await database.close()

    assert before == []
    assert [line["event"] for line in after] == ["store.unavailable"]
