"""Drive alembic on an asynchronous database, one migrator at a time."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, delete, insert, inspect, select, text

from core.domain.errors import StoreUnavailable
from core.store.database import Database
from core.store.migration_chain import MigrationChain, MigrationStatus, load_chain
from core.store.schema import schema_floor

log = structlog.get_logger(__name__)

#: PostgreSQL's advisory lock that migrating replicas queue for; any fixed number will do.
MIGRATION_LOCK = 0x6D6F6F6E

FIRST_FLOOR = "0013"  #: before any contract step: the first code that looks at the floor
TRANSFER_TABLE = "moonthread_copy"  #: stands while a copy into this database is not complete


def _config() -> Config:
    # Found beside core/, so that it works from an installed package and needs no file of alembic's.
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    return config


@cache
def chain() -> MigrationChain:
    """Return every step that this version of the code knows."""
    return load_chain(ScriptDirectory.from_config(_config()))


def head() -> str:
    """Return the newest revision that this version of the code knows."""
    return chain().head


async def upgrade(url: str, revision: str = "") -> None:
    """Bring the database to ``revision``, by default to what this version of the code needs.

    Nothing happens where it is there already, or where newer code has been.

    Raises:
        StoreUnavailable: the database cannot be reached or written.
    """
    await _run(url, lambda config: command.upgrade(config, revision or chain().needed))


async def contract(url: str) -> None:
    """Take away what only older code needed; none of it may be running.

    Raises:
        StoreUnavailable: the database cannot be reached or written.
    """
    await _run(url, lambda config: command.upgrade(config, "head"))


async def downgrade(url: str, revision: str) -> None:
    """Take the database back to ``revision`` ("base": nothing left).

    Raises:
        StoreUnavailable: the database cannot be reached or written, or there is no such revision.
    """
    await _run(url, lambda config: command.downgrade(config, revision), up=False)


async def revision(url: str) -> str:
    """Return the database's revision; "" where it was never migrated.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    return (await status(url)).current


async def status(url: str) -> MigrationStatus:
    """Say where the database stands and what is left to do.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    database = Database(url)
    try:
        return await status_of(database)
    finally:
        await database.close()


async def status_of(database: Database) -> MigrationStatus:
    """Say where an open database stands.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """

    def ask(connection: Connection) -> tuple[str, str]:
        revision = MigrationContext.configure(connection).get_current_revision() or ""
        known = bool(revision) and inspect(connection).has_table(schema_floor.name)
        floor = connection.execute(select(schema_floor.c.revision)).scalar() if known else ""
        return revision, floor or ""

    async with database.read() as tx:
        return chain().status(*await tx.run_sync(ask))


async def revision_of(database: Database) -> str:
    """Return the revision of an open database; "" where it was never migrated."""
    return (await status_of(database)).current


async def _run(url: str, step: Callable[[Config], None], *, up: bool = True) -> None:
    database = Database(url)

    def migrate(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        found = MigrationContext.configure(connection).get_current_revision()
        if up and found is not None and found not in chain():
            return  # newer code has been here; :func:`require_compatible` says whether we may go on
        config = _config()
        config.attributes["connection"] = connection
        step(config)
        _save_floor(connection)

    try:
        async with database.begin() as tx:
            await tx.run_sync(migrate)
    except CommandError as exc:  # such as a revision that does not exist
        raise StoreUnavailable(str(exc)) from exc
    finally:
        await database.close()


def _save_floor(connection: Connection) -> None:
    """Write down how old code may be after these steps."""
    if not inspect(connection).has_table(schema_floor.name):
        return
    revision = MigrationContext.configure(connection).get_current_revision() or ""
    floor = chain().floor_at(revision, FIRST_FLOOR)
    if connection.execute(select(schema_floor.c.revision)).scalars().all() != [floor]:
        connection.execute(delete(schema_floor))
        connection.execute(insert(schema_floor).values(revision=floor))


async def require_compatible(database: Database) -> None:
    """Check that this version of the code may run on the database.

    Raises:
        StoreUnavailable: it may not, or the database cannot be reached.
    """
    found = await status_of(database)
    if not chain().supports(found):
        what = f"the database is at revision {found.current or 'none'}, this version needs {chain().needed}"
        advice = "install the newer version" if found.newer else "run 'moonthread db upgrade'"
        raise StoreUnavailable(f"{what}: {advice}")
    if found.newer:
        log.warning("store.schema_is_newer", revision=found.current, floor=found.floor)
    if await _is_transfer_incomplete(database):
        raise StoreUnavailable(
            "a copy into this database is not complete: run 'moonthread db copy' again, until it says so"
        )


async def _is_transfer_incomplete(database: Database) -> bool:
    if database.dialect != "postgresql":
        return False
    async with database.read() as tx:
        found = await tx.exec_driver_sql("SELECT to_regclass(%s)", (TRANSFER_TABLE,))
        return found.scalar() is not None
