"""Two versions on the same tables: every step after a release is one that the release does not notice.

The product has no step after its first release yet. The chain in ``example`` has one of each kind, and is
held to the same rules; it shows how a rename takes two releases.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy import text

from core.domain.errors import StoreUnavailable
from core.store import Database, migrate
from core.store.data_loss import DataLoss
from core.store.migration_chain import MigrationChain, Revision
from tests.migrations.expand_rule import faults, recorded, schema_of, statements

RELEASE = "0001_initial"  #: the newest revision of the last release
SNAPSHOT = Path(__file__).parent / f"schema_{RELEASE}.json"
EXAMPLE = Path(__file__).parent / "example"
CHAINS = [
    pytest.param(migrate.FOLDER, RELEASE, id="product"),
    pytest.param(EXAMPLE, "0001_people", id="example"),
]

# -- the rule ----------------------------------------------------------------------------------------

NULLABLE = sa.Column("x", sa.Text())
REQUIRED = sa.Column("x", sa.Text(), nullable=False)
DEFAULTED = sa.Column("x", sa.Text(), nullable=False, server_default="")


@pytest.mark.parametrize(
    "operation",
    [
        ops.DropTableOp("turns"),
        ops.DropColumnOp("turns", "attempt"),
        ops.DropIndexOp("ix_turns_started_at", "turns"),
        ops.DropConstraintOp("uq_turns_inbox_id", "turns"),
        ops.RenameTableOp("turns", "rounds"),
        ops.AddColumnOp("turns", REQUIRED),
        ops.AlterColumnOp("turns", "outcome", modify_nullable=False),
        ops.AlterColumnOp("turns", "outcome", modify_name="result"),
        ops.AlterColumnOp("turns", "outcome", modify_server_default=None),
        ops.AlterColumnOp("turns", "outcome", existing_type=sa.String(32), modify_type=sa.String(16)),
        ops.AlterColumnOp("turns", "outcome", existing_type=sa.Text(), modify_type=sa.String(16)),
        ops.AlterColumnOp("turns", "attempt", existing_type=sa.Integer(), modify_type=sa.Text()),
        ops.CreateIndexOp("ix_turns_x", "turns", ["attempt"], unique=True),
        ops.CreateUniqueConstraintOp("uq_turns_x", "turns", ["attempt"]),
        ops.CreateCheckConstraintOp("ck_turns_x", "turns", sa.text("attempt > 0")),
        ops.CreateForeignKeyOp("fk_turns_x", "turns", "inbox", ["seq"], ["id"]),
        ops.ExecuteSQLOp("ALTER TABLE turns DROP COLUMN attempt"),
        ops.ExecuteSQLOp("DELETE FROM turns"),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_what_old_code_would_notice_is_a_fault(operation: ops.MigrateOperation) -> None:
    """Each of these needs a contract step, except on a table of the same step."""
    assert len(list(faults(operation, set()))) == 1
    if getattr(operation, "table_name", None):
        assert list(faults(operation, {"turns"})) == []


@pytest.mark.parametrize(
    "operation",
    [
        ops.CreateTableOp("new", [sa.Column("x", sa.Text())]),
        ops.AddColumnOp("turns", NULLABLE),
        ops.AddColumnOp("turns", DEFAULTED),
        ops.AlterColumnOp("turns", "attempt", modify_nullable=True),
        ops.AlterColumnOp("turns", "outcome", existing_type=sa.String(16), modify_type=sa.Text()),
        ops.CreateIndexOp("ix_turns_x", "turns", ["attempt"]),
        ops.ExecuteSQLOp("CREATE INDEX ix_turns_y ON turns (lower(outcome))"),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_what_old_code_does_not_notice_is_none(operation: ops.MigrateOperation) -> None:
    """Each of these is an expand step."""
    assert list(faults(operation, set())) == []


@pytest.mark.parametrize(("folder", "release"), CHAINS)
async def test_no_expand_step_drops_renames_or_tightens(
    empty_database_url: str, folder: Path, release: str
) -> None:
    """What the migrations after a release do is found out by running them, on both databases."""
    await migrate.upgrade(empty_database_url, release, folder=folder)
    steps = migrate.chain(folder).revisions
    for step in steps[[step.revision for step in steps].index(release) + 1 :]:
        new_tables: set[str] = set()
        with recorded() as seen:
            await migrate.upgrade(empty_database_url, step.revision, folder=folder)
        found = [fault for operation in seen for fault in faults(operation, new_tables)]
        assert not found or step.contract, f"{step.revision} is no contract step: {found}"
        assert found or not step.contract, f"{step.revision} need not be a contract step"


@pytest.mark.parametrize("folder", [migrate.FOLDER, EXAMPLE], ids=["product", "example"])
def test_contract_steps_name_a_release_that_may_still_run(folder: Path) -> None:
    """A contract step's floor is a revision before it, and no floor is below an earlier one."""
    chain = migrate.chain(folder)
    floors = [step.contract for step in chain.revisions if step.contract]
    assert all(floor in chain for floor in floors)
    assert floors == sorted(floors)
    assert all(step.contract < step.revision for step in chain.revisions)


# -- a release, at work on newer tables --------------------------------------------------------------


def released() -> dict[str, dict[str, Any]]:
    """Return the tables as the last release knows them, each after those it refers to."""
    return dict(json.loads(SNAPSHOT.read_text(encoding="utf-8")))


async def test_the_steps_of_a_release_stay_as_they_were(postgres_url: str) -> None:
    """A released migration that is changed would make databases of two kinds under one revision."""
    await migrate.upgrade(postgres_url, RELEASE)
    database = Database(postgres_url)
    async with database.read() as tx:
        assert await tx.run_sync(schema_of) == released()
    await database.close()


async def use(url: str, tables: dict[str, dict[str, Any]]) -> None:
    """Write and read tables as code does that knows them so."""
    database = Database(url)
    try:
        async with database.begin() as tx:
            for name, described in tables.items():
                for statement in statements(name, described, database.dialect):
                    result = await tx.execute(statement)
                assert len(result.all()) == 1, name
    finally:
        await database.close()


async def test_what_the_release_writes_and_reads_still_works(empty_database_url: str) -> None:
    """Its inserts with all columns and with the least, its updates and selects run on the newest tables."""
    await migrate.upgrade(empty_database_url)
    await use(empty_database_url, {name: told for name, told in released().items() if name != "schema_floor"})


async def test_old_code_works_beside_an_expand_step_and_not_behind_a_contract_step(
    empty_database_url: str,
) -> None:
    """In the example 0001's code runs on 0002's tables; 0003 drops what it reads."""
    people = {"people": {"columns": [["id", "INTEGER", False], ["name", "TEXT", False]], "keys": [["id"]]}}
    await migrate.upgrade(empty_database_url, "0002_full_name", folder=EXAMPLE)
    await use(empty_database_url, people)
    await migrate.upgrade(empty_database_url, "0003_drop_name", folder=EXAMPLE)
    with pytest.raises(StoreUnavailable):
        await use(empty_database_url, people)


# -- which code may run where ------------------------------------------------------------------------

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
    assert (chain.floor_at("0002"), chain.floor_at("0003")) == ("0001", "0002")


async def test_the_next_release_takes_the_contract_step_with_it(empty_database_url: str) -> None:
    """A contract step that a later expand step follows is needed like any other."""
    await migrate.upgrade(empty_database_url, "0002_full_name", folder=EXAMPLE)
    status = await migrate.status(empty_database_url, folder=EXAMPLE)
    assert [step.revision for step in status.pending] == ["0003_drop_name", "0004_notes"]
    assert (status.contract, status.floor) == ((), "0001_people")
    await migrate.upgrade(empty_database_url, folder=EXAMPLE)
    status = await migrate.status(empty_database_url, folder=EXAMPLE)
    assert (status.current, status.pending, status.floor) == ("0004_notes", (), "0002_full_name")


async def test_a_rehearsed_downgrade_names_what_goes_and_changes_nothing(
    empty_database_url: str,
) -> None:
    """What the steps back delete is found by taking them and rolling back, on both databases."""
    await migrate.upgrade(empty_database_url, folder=EXAMPLE)
    database = Database(empty_database_url)
    async with database.begin() as tx:
        await tx.execute(text("INSERT INTO people (id, full_name) VALUES (1, 'Lin'), (2, 'Mo')"))
        await tx.execute(text("INSERT INTO visits (id) VALUES (7)"))
        before = await tx.run_sync(schema_of)
    to_first = await migrate.rehearse_downgrade(empty_database_url, "0001_people", folder=EXAMPLE)
    to_base = await migrate.rehearse_downgrade(empty_database_url, "base", folder=EXAMPLE)
    assert to_first == [
        DataLoss(table="people", rows=2, column="full_name"),
        DataLoss(table="visits", rows=1),
    ]
    assert to_base == [DataLoss(table="people", rows=2), DataLoss(table="visits", rows=1)]
    async with database.read() as tx:
        assert await tx.run_sync(schema_of) == before
        assert (await tx.execute(text("SELECT count(*) FROM people"))).scalar() == 2
    await database.close()


async def test_the_example_goes_back_to_nothing(empty_database_url: str) -> None:
    """Every step has a way back."""
    await migrate.upgrade(empty_database_url, folder=EXAMPLE)
    await migrate.downgrade(empty_database_url, "base", folder=EXAMPLE)
    database = Database(empty_database_url)
    async with database.read() as tx:
        assert set(await tx.run_sync(schema_of)) == set()
    await database.close()


def test_old_code_goes_on_above_the_floor_and_nowhere_else() -> None:
    """Tables newer than the code are fine until a contract step takes away what it needs."""
    old = MigrationChain(STEPS[:1])
    assert old.supports(old.status("0002", floor="0001"))
    assert not old.supports(old.status("0003", floor="0002"))
    assert not old.supports(old.status("0003", floor=""))


async def test_a_newer_database_is_left_alone_and_judged_by_its_floor(empty_database_url: str) -> None:
    """An old replica that starts during a rolling restart neither fails nor turns the tables back."""
    await migrate.upgrade(empty_database_url)
    database = Database(empty_database_url)
    async with database.begin() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))
    await migrate.upgrade(empty_database_url)
    await migrate.require_compatible(database)
    status = await migrate.status_of(database)
    assert (status.current, status.newer, status.floor) == ("9999_later", True, RELEASE)
    async with database.begin() as tx:
        await tx.execute(text("UPDATE schema_floor SET revision = '9998_later'"))
    with pytest.raises(StoreUnavailable, match="install the newer version"):
        await migrate.require_compatible(database)
    with pytest.raises(StoreUnavailable):
        await migrate.downgrade(empty_database_url, "0001_initial")
    await database.close()
