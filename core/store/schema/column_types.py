"""Column types that store domain values: moments, enums, outcomes, versioned JSON."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import JSON, DateTime, Dialect, String
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from core.domain.turn_states import TurnOutcome, parse_outcome

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC; SQLite, which has no time zones, stores it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in the form that the database stores."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored moment with its time zone."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class EnumString(TypeDecorator[E], Generic[E]):
    """A member of ``enum``, stored as its value.

    Reading a value that this version does not know raises ``ValueError``: a revision that adds a value
    must keep older code from reading it (see the package :mod:`migrations`).
    """

    impl = String
    cache_ok = True

    def __init__(self, enum: type[E], length: int = 32) -> None:
        super().__init__(length)
        self.enum = enum
        self.length = length

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        """Return the member's value."""
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        """Return the member with this value."""
        return None if value is None else self.enum(value)


class OutcomeString(TypeDecorator[TurnOutcome]):
    """Outcome of a turn; NULL until it ends."""

    impl = String(48)
    cache_ok = True

    def process_bind_param(self, value: TurnOutcome | None, dialect: Dialect) -> str | None:
        """Return the outcome's stored form."""
        return None if value is None else str(value)[:48]

    def process_result_value(self, value: str | None, dialect: Dialect) -> TurnOutcome | None:
        """Return the outcome with this stored form."""
        return parse_outcome(value or "")


class VersionedJson(TypeDecorator[T], Generic[T]):
    """A value of type ``shape``, stored as ``{"version": …, "value": …}``; NULL is None.

    ``version`` is raised when the shape changes so that older code cannot read it; such a change
    needs a migration of the stored rows.
    """

    impl = JSON(none_as_null=True)
    cache_ok = True

    def __init__(self, shape: Any, *, version: int = 1) -> None:
        super().__init__(none_as_null=True)
        self.shape = shape
        self.version = version

    @cached_property
    def _adapter(self) -> "TypeAdapter[T]":
        return TypeAdapter(self.shape)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """Compare elements of the JSON value as JSON, not as ``shape``."""
        return self.impl_instance.coerce_compared_value(op, value)

    def process_bind_param(self, value: T | None, dialect: Dialect) -> Any:
        """Return the value as JSON with its version."""
        if value is None:
            return None
        return {"version": self.version, "value": self._adapter.dump_python(value, mode="json")}

    def process_result_value(self, value: Any, dialect: Dialect) -> T | None:
        """Return the stored value.

        Raises:
            ValueError: it was stored with another version or is not of this shape.
        """
        if value is None:
            return None
        if value.get("version") != self.version:
            raise ValueError(f"stored JSON has version {value.get('version')}, not {self.version}")
        return self._adapter.validate_python(value["value"])
