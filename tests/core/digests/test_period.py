"""The period of a digest, as people write it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.digests.period import MAX_AGE, MAX_MESSAGES, DigestPeriod, parse_period

NOW = datetime(2026, 11, 30, 1, 0, tzinfo=UTC)  #: Monday, 9:00 in Shanghai
SHANGHAI = ZoneInfo("Asia/Shanghai")


def local(day: int, hour: int = 0) -> datetime:
    """Return a time of November in Shanghai."""
    return datetime(2026, 11, day, hour, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("words", "period"),
    [
        ("", DigestPeriod(since=NOW - timedelta(hours=24))),
        ("200", DigestPeriod(count=200)),
        ("the last 50 messages", DigestPeriod(count=50)),
        ("５０条", DigestPeriod(count=50)),
        ("99999", DigestPeriod(count=MAX_MESSAGES)),
        ("Today", DigestPeriod(since=local(30))),
        ("今天", DigestPeriod(since=local(30))),
        ("since yesterday!", DigestPeriod(since=local(29))),
        ("昨天以来", DigestPeriod(since=local(29))),
        ("since  I was here", DigestPeriod(since_own=True)),
        ("我上次发言以来", DigestPeriod(since_own=True)),
        ("last 3 days", DigestPeriod(since=NOW - timedelta(days=3))),
        ("最近3天", DigestPeriod(since=NOW - timedelta(days=3))),
        ("过去 2 小时", DigestPeriod(since=NOW - timedelta(hours=2))),
        ("since 2026-11-28", DigestPeriod(since=local(28))),
        ("since 2026-11-28T09:00+00:00", DigestPeriod(since=datetime(2026, 11, 28, 9, tzinfo=UTC))),
        ("99999 weeks", DigestPeriod(since=NOW - MAX_AGE)),
        ("since 2020-01-01", DigestPeriod(since=NOW - MAX_AGE)),
    ],
)
def test_what_people_write_is_understood(words: str, period: DigestPeriod) -> None:
    """Numbers, days, durations and dates, in both languages, full width and any case."""
    assert parse_period(words, now=NOW, zone=SHANGHAI) == period


@pytest.mark.parametrize(
    "words", ["0", "hello", "since monday-ish", "since 2027-01-01", "-5", "today and more"]
)
def test_anything_else_is_no_period(words: str) -> None:
    """The person is then told how to write one."""
    assert parse_period(words, now=NOW, zone=SHANGHAI) is None
