"""The rule of expand steps as functions of alembic's operations, and of what older code does with a table."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import AbstractOperations, ops
from sqlalchemy import Connection, inspect
from sqlalchemy.dialects import postgresql, sqlite

from core.store.schema.column_types import UtcDateTime

HARMLESS = re.compile(r"(CREATE (TABLE|VIRTUAL TABLE|INDEX|TRIGGER)|INSERT)\b", re.IGNORECASE)


def faults(operation: ops.MigrateOperation, new_tables: set[str]) -> Iterator[str]:
    """Yield what code of the release before would notice of an operation; new tables are no matter."""
    table = str(getattr(operation, "table_name", None) or getattr(operation, "source_table", None) or "")
    if isinstance(operation, ops.CreateTableOp):
        new_tables.add(table)
    elif table not in new_tables:
        for fault in _noticed(operation):
            yield f"{type(operation).__name__} {table}: {fault}"


def _noticed(operation: ops.MigrateOperation) -> Iterator[str]:
    match operation:
        case ops.AddColumnOp(column=column):
            if not column.nullable and column.server_default is None:
                yield f"{column.name} is NOT NULL without a default"
        case ops.AlterColumnOp():
            yield from _altered(operation)
        case ops.CreateIndexOp():
            if operation.unique:
                yield "is unique"
        case ops.ExecuteSQLOp():
            if not HARMLESS.match(statement := str(operation.sqltext).strip()):
                yield statement[:60]
        case ops.BulkInsertOp():
            pass
        case _:
            yield "takes away or forbids something"


def _altered(operation: ops.AlterColumnOp) -> Iterator[str]:
    column = operation.column_name
    if operation.modify_nullable is False:
        yield f"{column} becomes NOT NULL"
    if operation.modify_name is not None:
        yield f"{column} is renamed"
    if operation.modify_server_default is None:
        yield f"{column} loses its default"
    old, new = operation.existing_type, operation.modify_type
    if new is not None and not (
        isinstance(old, sa.String) and isinstance(new, sa.String) and _is_wider(old, new)
    ):
        yield f"{column} gets another type"


def _is_wider(old: sa.String, new: sa.String) -> bool:
    """Return whether every text of the old type fits into the new one."""
    return new.length is None or (old.length is not None and new.length >= old.length)


@contextmanager
def recorded() -> Iterator[list[ops.MigrateOperation]]:
    """Record the operations that migrations ask alembic for while they run."""
    seen: list[ops.MigrateOperation] = []
    invoke = AbstractOperations.invoke

    def remember(self: AbstractOperations, operation: ops.MigrateOperation) -> Any:
        seen.append(operation)
        return invoke(self, operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractOperations, "invoke", remember)
        yield seen


def schema_of(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the tables that exist: columns as (name, type, whether it may be left out), and keys."""
    found = inspect(connection)
    described = {}
    for name, _ in found.get_sorted_table_and_fkc_names():
        if name is None or name.startswith(("procrastinate_", "alembic_")):
            continue
        columns = [
            [one["name"], str(one["type"]), bool(one["nullable"] or one["default"] is not None)]
            for one in found.get_columns(name)
        ]
        keys = [found.get_pk_constraint(name)["constrained_columns"]]
        keys += sorted(one["column_names"] for one in found.get_unique_constraints(name))
        described[name] = {"columns": columns, "keys": keys}
    return described


KINDS: dict[str, tuple[Any, Any]] = {
    "BIGINT": (sa.BigInteger(), 1),
    "INTEGER": (sa.Integer(), 1),
    "BOOLEAN": (sa.Boolean(), False),
    "BYTEA": (sa.LargeBinary(), b"bytes"),
    "TIMESTAMP": (UtcDateTime(), datetime(2026, 11, 21, 5, 0, tzinfo=UTC)),
    "DOUBLE PRECISION": (sa.Float(), 0.5),
    "JSON": (sa.JSON(), {"a": 1}),
    "VARCHAR": (sa.String(), "x"),
    "TEXT": (sa.Text(), "x"),
}


def statements(name: str, described: dict[str, Any], dialect: str) -> Iterator[sa.Executable]:
    """Yield what code that knows a table so says to it: upserts, updates of each column, a select."""
    kinds = {column: KINDS[kind.partition("(")[0]] for column, kind, _ in described["columns"]}
    table = sa.Table(name, sa.MetaData(), *(sa.Column(column, kind) for column, (kind, _) in kinds.items()))
    every = {column: value for column, (_, value) in kinds.items()}
    needed = {column for column, _, optional in described["columns"] if not optional}
    least = {column: value for column, value in every.items() if column in needed}
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    for values in (every, least):
        for key in described["keys"]:
            row = insert(table).values(values | {column: every[column] for column in key})
            yield row.on_conflict_do_nothing(index_elements=key)
    for column, value in every.items():
        yield sa.update(table).values({column: value})
    yield sa.select(table)
