"""All migrations together are the declared tables, up and down, on both databases."""

import asyncio
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, inspect, text

from core.domain.errors import StoreUnavailable
from core.store import Database, migrate
from core.store.schema import metadata

PROCRASTINATE_3_10 = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"


def differences(connection: Connection) -> list[object]:
    """Return what alembic would change to make the database equal the declared tables.

    procrastinate's own tables are the package's: :func:`test_the_engines_tables_are_the_packages`.
    """

    def ours(_object: object, name: str, kind: str, *_: object) -> bool:
        return not (kind == "table" and name.startswith("procrastinate_"))

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": ours})
    return list(compare_metadata(context, metadata))


async def test_all_migrations_together_equal_the_declared_tables(empty_database_url: str) -> None:
    """An upgraded database needs no further change to have the declared tables."""
    await migrate.upgrade(empty_database_url)
    database = Database(empty_database_url)
    async with database.begin() as tx:
        assert await tx.run_sync(differences) == []
    await database.close()


async def test_the_way_down_leaves_nothing(empty_database_url: str) -> None:
    """Downgrading to the base takes every table away, and upgrading again brings them back."""
    await migrate.upgrade(empty_database_url)
    await migrate.downgrade(empty_database_url, "base")
    database = Database(empty_database_url)
    async with database.begin() as tx:
        left = await tx.run_sync(lambda connection: inspect(connection).get_table_names())
        if database.dialect == "postgresql":
            kept = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            kinds = "SELECT typname FROM pg_type WHERE typname LIKE 'procrastinate%%'"
            assert [*await tx.exec_driver_sql(kept), *await tx.exec_driver_sql(kinds)] == []
    assert set(left) <= {"alembic_version"}
    await migrate.upgrade(empty_database_url)
    async with database.begin() as tx:
        assert await tx.run_sync(differences) == []
    await database.close()


async def test_two_that_upgrade_at_once_do_not_collide(postgres_url: str) -> None:
    """On PostgreSQL the second migrator waits for the first and finds nothing left to do."""
    import asyncio

    await asyncio.gather(*(migrate.upgrade(postgres_url) for _ in range(3)))
    assert await migrate.revision(postgres_url) == migrate.head()


async def test_a_database_that_was_never_migrated_says_so(empty_database_url: str) -> None:
    """The revision of an empty database is the empty text."""
    assert await migrate.revision(empty_database_url) == ""


def test_the_engines_tables_are_the_packages() -> None:
    """0001_initial runs this text: a later procrastinate with another schema needs a migration of its own."""
    schema = SchemaManager.get_schema().encode()
    assert hashlib.sha256(schema).hexdigest() == PROCRASTINATE_3_10


def test_a_file_from_before_the_first_release_stays_as_it_is(sqlite_url: str) -> None:
    """We chose: a refusal leaves every byte alone, the mark of SQLite's journal mode among them."""
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('0013')")
        connection.commit()
    before = file.read_bytes()

    with pytest.raises(StoreUnavailable, match=r"made by a version before 0\.1\.0"):
        asyncio.run(migrate.upgrade(sqlite_url))

    assert file.read_bytes() == before
    assert [one.name for one in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("old_revision", ["0001", "0013", "0014"])
async def test_a_database_from_before_the_first_release_is_refused_untouched(
    empty_database_url: str, old_revision: str
) -> None:
    """We chose: every way of using it ends with one sentence that says what to do, and changes nothing."""
    database = Database(empty_database_url)
    async with database.begin() as tx:
        await tx.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"))
        await tx.execute(text("INSERT INTO alembic_version VALUES (:old)"), {"old": old_revision})
        await tx.execute(text("CREATE TABLE messages (id INTEGER PRIMARY KEY, tokens INTEGER)"))
        await tx.execute(text("INSERT INTO messages VALUES (1, 7)"))
    sentence = "made by a version before 0.1.0.*nothing in it was changed"
    with pytest.raises(StoreUnavailable, match=sentence):
        await migrate.upgrade(empty_database_url)
    with pytest.raises(StoreUnavailable, match=sentence):
        await migrate.contract(empty_database_url)
    with pytest.raises(StoreUnavailable, match=sentence):
        await migrate.downgrade(empty_database_url, "base")
    with pytest.raises(StoreUnavailable, match=sentence):
        await migrate.require_compatible(database)
    async with database.read() as tx:
        tables = await tx.run_sync(lambda connection: inspect(connection).get_table_names())
        assert sorted(tables) == ["alembic_version", "messages"]
        assert (await tx.execute(text("SELECT * FROM messages"))).all() == [(1, 7)]
        assert (await tx.execute(text("SELECT * FROM alembic_version"))).all() == [(old_revision,)]
    await database.close()
