"""The wall clock: for rows that people read, and for replicas that must agree."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, null

#: The database server's clock in seconds, by dialect; NULL where there is no server.
SERVER_TIME_S: Final[dict[str, ColumnElement[Any]]] = {
    "postgresql": func.extract("epoch", func.clock_timestamp()),
    "sqlite": null(),
}


def utc_now() -> datetime:
    """Return the present, with its zone."""
    return datetime.now(UTC)
