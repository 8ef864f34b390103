"""One line when an outage of Telegram begins and one when it ends."""

from structlog.testing import capture_logs
from telegram.error import Conflict, NetworkError, RetryAfter, TimedOut

from bots.telegram.outage_log import IngressOutageLog
from core.domain.errors import StoreUnavailable


class Time:
    """Seconds that a test sets."""

    now = 0.0


def levels_of(logs: list[dict[str, object]]) -> list[tuple[object, object]]:
    """Return (level, event) of each line."""
    return [(line["log_level"], line["event"]) for line in logs]


def test_an_outage_is_two_lines() -> None:
    """We chose: a hundred failed polls are one warning, and one line with the time at the end."""
    outages = IngressOutageLog(lambda: Time.now)
    with capture_logs() as logs:
        Time.now = 10.0
        for _ in range(100):
            assert outages.record_failure(NetworkError("no route")) == 0.0
        Time.now = 70.0
        outages.record_success()
        outages.record_success()

    assert [one for one in levels_of(logs) if one[0] != "debug"] == [
        ("warning", "telegram.unreachable"),
        ("info", "telegram.recovered"),
    ]
    assert (logs[-1]["down_s"], logs[-1]["failed"]) == (60.0, 100)


def test_another_reason_is_told_too() -> None:
    """An outage that turns into a conflict names both, and a new outage names its reason again."""
    outages = IngressOutageLog(lambda: 0.0)
    with capture_logs() as logs:
        outages.record_failure(TimedOut())
        outages.record_failure(Conflict("terminated by other getUpdates request"))
        outages.record_success()
        outages.record_failure(TimedOut())

    told = [one[1] for one in levels_of(logs)]
    assert told == ["telegram.unreachable", "telegram.conflict", "telegram.recovered", "telegram.unreachable"]


def test_a_pause_is_waited_for_each_time() -> None:
    """Telegram says how long: the second pause is waited for as the first is, and told once."""
    outages = IngressOutageLog(lambda: 0.0)
    with capture_logs() as logs:
        assert [outages.record_failure(RetryAfter(3)), outages.record_failure(RetryAfter(5))] == [3.5, 5.5]
    assert [one for one in levels_of(logs) if one[0] == "warning"] == [("warning", "telegram.rate_limited")]


def test_an_outage_of_the_database_is_told_by_the_store() -> None:
    """Its own lines say when it begins and ends; here it is worth no line at all."""
    outages = IngressOutageLog(lambda: 0.0)
    with capture_logs() as logs:
        outages.record_failure(StoreUnavailable("disk full"))
        outages.record_success()
    assert {level for level, _ in levels_of(logs)} == {"debug"}
