"""The wall clock, for rows that people read."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present, with its zone."""
    return datetime.now(UTC)
