"""Two versions on the same tables: every step after the release before is one that it does not notice."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import AbstractOperations, ops
from sqlalchemy import Connection, inspect, text
from sqlalchemy.dialects import postgresql, sqlite

from core.domain.errors import StoreUnavailable
from core.store import Database, migrate
from core.store.migration_chain import MigrationChain, Revision
from core.store.schema import UtcDateTime

RELEASE = "0007"  #: the newest revision of the release before
SNAPSHOT = Path(__file__).parent / f"schema_{RELEASE}.json"

# -- the rule, as a function of operations -----------------------------------------------------------


HARMLESS = re.compile(r"(CREATE (TABLE|VIRTUAL TABLE|INDEX|TRIGGER)|INSERT)\b", re.IGNORECASE)


def faults(operation: ops.MigrateOperation, new_tables: set[str]) -> Iterator[str]:
    """Say what code of the release before would notice of an operation; nothing on new tables counts."""
    table = str(getattr(operation, "table_name", None) or getattr(operation, "source_table", None) or "")
    if isinstance(operation, ops.CreateTableOp):
        new_tables.add(table)
    elif table not in new_tables:
        for fault in noticed(operation):
            yield f"{type(operation).__name__} {table}: {fault}"


def noticed(operation: ops.MigrateOperation) -> Iterator[str]:
    """Look at an operation on a table that was there before."""
    match operation:
        case ops.AddColumnOp(column=column):
            if not column.nullable and column.server_default is None:
                yield f"{column.name} is NOT NULL without a default"
        case ops.AlterColumnOp():
            yield from altered(operation)
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


def altered(operation: ops.AlterColumnOp) -> Iterator[str]:
    """Look at a change of one column."""
    column = operation.column_name
    if operation.modify_nullable is False:
        yield f"{column} becomes NOT NULL"
    if operation.modify_name is not None:
        yield f"{column} is renamed"
    if operation.modify_server_default is None:
        yield f"{column} loses its default"
    old, new = operation.existing_type, operation.modify_type
    if new is not None and not (
        isinstance(old, sa.String) and isinstance(new, sa.String) and wider(old, new)
    ):
        yield f"{column} gets another type"


def wider(old: sa.String, new: sa.String) -> bool:
    """Whether every text of the old type fits into the new one."""
    return new.length is None or (old.length is not None and new.length >= old.length)


@contextmanager
def recorded() -> Iterator[list[ops.MigrateOperation]]:
    """Let migrations run, and keep what they asked alembic to do."""
    seen: list[ops.MigrateOperation] = []
    invoke = AbstractOperations.invoke

    def remember(self: AbstractOperations, operation: ops.MigrateOperation) -> Any:
        seen.append(operation)
        return invoke(self, operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractOperations, "invoke", remember)
        yield seen


def later_steps() -> Sequence[Revision]:
    """Return every step after the release before."""
    steps = migrate.chain().revisions
    return steps[[step.revision for step in steps].index(RELEASE) + 1 :]


async def test_no_expand_step_drops_renames_or_tightens(empty_database_url: str) -> None:
    """What the migrations after the release before do is found out by running them, on both databases."""
    await migrate.upgrade(empty_database_url, RELEASE)
    for step in later_steps():
        new_tables: set[str] = set()
        with recorded() as seen:
            await migrate.upgrade(empty_database_url, step.revision)
        found = [fault for operation in seen for fault in faults(operation, new_tables)]
        assert not found or step.contract, f"{step.revision} is no contract step: {found}"


def test_contract_steps_stand_last_and_name_a_release_that_may_still_run() -> None:
    """A contract step's floor is a revision before it, and no floor is below an earlier one."""
    chain = migrate.chain()
    floors = [step.contract for step in chain.revisions if step.contract]
    assert all(floor in chain for floor in floors)
    assert floors == sorted(floors)
    assert all(step.contract < step.revision for step in chain.revisions)


NULLABLE = sa.Column("x", sa.Text())
REQUIRED = sa.Column("x", sa.Text(), nullable=False)
DEFAULTED = sa.Column("x", sa.Text(), nullable=False, server_default="")


@pytest.mark.parametrize(
    "operation",
    [
        ops.DropTableOp("turns"),
        ops.DropColumnOp("turns", "run"),
        ops.DropIndexOp("ix_turns_started_at", "turns"),
        ops.DropConstraintOp("uq_turns_inbox_id", "turns"),
        ops.RenameTableOp("turns", "rounds"),
        ops.AddColumnOp("turns", REQUIRED),
        ops.AlterColumnOp("turns", "outcome", modify_nullable=False),
        ops.AlterColumnOp("turns", "outcome", modify_name="result"),
        ops.AlterColumnOp("turns", "outcome", modify_server_default=None),
        ops.AlterColumnOp("turns", "outcome", existing_type=sa.String(32), modify_type=sa.String(16)),
        ops.AlterColumnOp("turns", "outcome", existing_type=sa.Text(), modify_type=sa.String(16)),
        ops.AlterColumnOp("turns", "run", existing_type=sa.Integer(), modify_type=sa.Text()),
        ops.CreateIndexOp("ix_turns_x", "turns", ["run"], unique=True),
        ops.CreateUniqueConstraintOp("uq_turns_x", "turns", ["run"]),
        ops.CreateCheckConstraintOp("ck_turns_x", "turns", sa.text("run > 0")),
        ops.CreateForeignKeyOp("fk_turns_x", "turns", "inbox", ["seq"], ["id"]),
        ops.ExecuteSQLOp("ALTER TABLE turns DROP COLUMN run"),
        ops.ExecuteSQLOp("DELETE FROM turns"),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_what_old_code_would_notice_is_a_fault(operation: ops.MigrateOperation) -> None:
    """The rule itself: each of these needs a contract step, except on a table of the same step."""
    assert len(list(faults(operation, set()))) == 1
    if getattr(operation, "table_name", None):
        assert list(faults(operation, {"turns"})) == []


@pytest.mark.parametrize(
    "operation",
    [
        ops.CreateTableOp("new", [sa.Column("x", sa.Text())]),
        ops.AddColumnOp("turns", NULLABLE),
        ops.AddColumnOp("turns", DEFAULTED),
        ops.AlterColumnOp("turns", "run", modify_nullable=True),
        ops.AlterColumnOp("turns", "outcome", existing_type=sa.String(16), modify_type=sa.Text()),
        ops.CreateIndexOp("ix_turns_x", "turns", ["run"]),
        ops.ExecuteSQLOp("CREATE INDEX ix_turns_y ON turns (lower(outcome))"),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_what_old_code_does_not_notice_is_none(operation: ops.MigrateOperation) -> None:
    """The rule itself: each of these is an expand step."""
    assert list(faults(operation, set())) == []


# -- the release before, at work on the newest tables --------------------------------------------------


def schema_of(connection: Connection) -> dict[str, dict[str, Any]]:
    """Describe the tables that are there: columns as (name, type, may be left out), and keys."""
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


def released() -> dict[str, dict[str, Any]]:
    """Return the tables as the release before knows them, each after those it refers to."""
    return dict(json.loads(SNAPSHOT.read_text(encoding="utf-8")))


async def test_the_steps_of_a_release_stay_as_they_were(postgres_url: str) -> None:
    """Whoever changed a released migration would have databases of two kinds under one revision."""
    await migrate.upgrade(postgres_url, RELEASE)
    database = Database(postgres_url)
    async with database.read() as tx:
        assert await tx.run_sync(schema_of) == released()
    await database.close()


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


def statements(name: str, told: dict[str, Any], dialect: str) -> Iterator[sa.Executable]:
    """Yield what code of that release says to a table: upserts, updates of each column, a select."""
    kinds = {column: KINDS[kind.partition("(")[0]] for column, kind, _ in told["columns"]}
    table = sa.Table(name, sa.MetaData(), *(sa.Column(column, kind) for column, (kind, _) in kinds.items()))
    every = {column: value for column, (_, value) in kinds.items()}
    needed = {column for column, _, optional in told["columns"] if not optional}
    least = {column: value for column, value in every.items() if column in needed}
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    for values in (every, least):
        for key in told["keys"]:
            row = insert(table).values(values | {column: every[column] for column in key})
            yield row.on_conflict_do_nothing(index_elements=key)
    for column, value in every.items():
        yield sa.update(table).values({column: value})
    yield sa.select(table)


async def test_what_the_release_before_writes_and_reads_still_works(empty_database_url: str) -> None:
    """Its inserts, with all columns and with the least, its updates and selects run on the newest tables."""
    await migrate.upgrade(empty_database_url)
    database = Database(empty_database_url)
    async with database.begin() as tx:
        for name, told in released().items():
            for statement in statements(name, told, database.dialect):
                result = await tx.execute(statement)
            assert len(result.all()) == 1, name
    await database.close()


# -- which code may run where ----------------------------------------------------------------------------

STEPS = [
    Revision(revision="0001", summary="a table"),
    Revision(revision="0002", summary="a column"),
    Revision(revision="0003", summary="the old column goes", contract="0002"),
]


def test_contract_steps_wait_until_they_are_asked_for() -> None:
    """An upgrade needs the expand steps only; the last contract step stays pending, and both states fit."""
    chain = MigrationChain(STEPS)
    assert (chain.needed, chain.head) == ("0002", "0003")
    fresh = chain.status("", "")
    assert [step.revision for step in fresh.pending] == ["0001", "0002"]
    assert [step.revision for step in fresh.contract] == ["0003"]
    assert [chain.supports(chain.status(at, "")) for at in ("0001", "0002", "0003")] == [False, True, True]
    assert (chain.floor_at("0002", "0001"), chain.floor_at("0003", "0001")) == ("0001", "0002")


def test_the_next_release_takes_the_contract_step_with_it() -> None:
    """A contract step that a later expand step follows is needed like any other."""
    chain = MigrationChain([*STEPS, Revision(revision="0004", summary="another table")])
    status = chain.status("0002", "0001")
    assert [step.revision for step in status.pending] == ["0003", "0004"]
    assert status.contract == ()


def test_old_code_goes_on_above_the_floor_and_nowhere_else() -> None:
    """Tables newer than the code are fine until a contract step took away what it needs."""
    old = MigrationChain(STEPS[:1])
    assert old.supports(old.status("0002", floor="0001"))
    assert not old.supports(old.status("0003", floor="0002"))
    assert not old.supports(old.status("0003", floor=""))


async def test_a_newer_database_is_left_alone_and_judged_by_its_floor(empty_database_url: str) -> None:
    """An old replica that starts during a rolling restart neither fails nor turns the tables back."""
    await migrate.upgrade(empty_database_url)
    database = Database(empty_database_url)
    async with database.begin() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await migrate.upgrade(empty_database_url)
    await migrate.require_compatible(database)
    status = await migrate.status_of(database)
    assert (status.current, status.newer, status.floor) == ("9999", True, migrate.FIRST_FLOOR)
    async with database.begin() as tx:
        await tx.execute(text("UPDATE schema_floor SET revision = '9998'"))
    with pytest.raises(StoreUnavailable, match="install the newer version"):
        await migrate.require_compatible(database)
    with pytest.raises(StoreUnavailable):
        await migrate.downgrade(empty_database_url, "0007")
    await database.close()
