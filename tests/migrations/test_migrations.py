"""All migrations together are the declared tables, up and down, on both databases."""

import hashlib

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, inspect

from core.store import Database, migrate
from core.store.schema import metadata

PROCRASTINATE_3_10 = "c70ec4b400a60ad9592787653aae5ae77ae41bf801d56b5bd2712751a07f2009"


def differences(connection: Connection) -> list[object]:
    """Return what alembic would change to make the database equal the declared tables.

    procrastinate's own tables are the package's: :func:`test_the_engines_tables_are_the_packages`.
    """

    def ours(_object: object, name: str, kind: str, *_: object) -> bool:
        if kind in ("table", "index") and name.startswith("knowledge_index"):
            return False  # full text: a table with tables of its own on SQLite, an index on PostgreSQL
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
    """A later procrastinate with another schema needs a migration of its own: this text is what 0004 ran."""
    schema = SchemaManager.get_schema().encode()
    assert hashlib.sha256(schema).hexdigest() == PROCRASTINATE_3_10
