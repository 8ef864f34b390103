"""Wall clock of this process, and the database server's, on which replicas agree."""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, null

SERVER_TIME_S: Final[dict[str, ColumnElement[Any]]] = {
    "postgresql": func.extract("epoch", func.clock_timestamp()),
    "sqlite": null(),
}
"""Expression for the database server's clock in seconds, by dialect; NULL without a server."""


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)
