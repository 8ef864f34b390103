"""Wall clock of this process, and the database server's, on which replicas agree."""

from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, String, cast, func, null

from core.store.database import Transaction

SERVER_TIME_S: Final[dict[str, ColumnElement[Any]]] = {
    "postgresql": func.extract("epoch", func.clock_timestamp()),
    "sqlite": null(),
}
"""Expression for the database server's clock in seconds, by dialect; NULL without a server."""


class Period(Enum):
    """A period of UTC, as PostgreSQL's format and as the length of SQLite's text."""

    DAY = ("YYYY-MM-DD", 10)
    HOUR = ("YYYY-MM-DD HH24", 13)


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def period_text(tx: Transaction, moment: Column[Any], period: Period) -> ColumnElement[str]:
    """Return the expression of the UTC day or hour of a moment, such as "2026-11-29" or "2026-11-29 21"."""
    pattern, length = period.value
    if tx.dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", moment), pattern)
    return func.substr(cast(moment, String), 1, length)
