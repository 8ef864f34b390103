"""Runs alembic's migrations on an asynchronous database, one process at a time.

Functions that take ``folder`` use the migrations in that folder instead of the product's own.
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, delete, insert, inspect, select, text

from core.domain.errors import StoreUnavailable
from core.store.data_loss import DataLoss, compare_contents, read_contents
from core.store.database import Database
from core.store.migration_chain import MigrationChain, MigrationStatus, load_chain
from core.store.released_revisions import is_pre_release
from core.store.schema import schema_floor

log = structlog.get_logger(__name__)

#: Beside core/, so that an installed package finds it without a configuration file of alembic's.
FOLDER: Final = Path(__file__).parents[2] / "migrations"
MIGRATION_LOCK: Final = 0x6D6F6F6E  #: PostgreSQL's advisory lock of the process that migrates
TRANSFER_TABLE: Final = "moonthread_copy"  #: exists while a transfer into the database is incomplete

PRE_RELEASE_ADVICE: Final = (
    "this database was made by a version before 0.1.0, whose tables this version cannot use: name another "
    "one in DATABASE_URL (or another folder in MOONTHREAD_DATA_DIR), or remove it; nothing in it was changed"
)


def _config(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


@cache
def chain(folder: Path = FOLDER) -> MigrationChain:
    """Return every revision that this version of the code knows."""
    return load_chain(ScriptDirectory.from_config(_config(folder)))


def head() -> str:
    """Return the newest revision that this version of the code knows."""
    return chain().head


async def upgrade(url: str, revision: str = "", *, folder: Path = FOLDER) -> None:
    """Migrate the database to ``revision``, by default to the one that this version of the code needs.

    Nothing happens if it is there already, or if a newer version has migrated it.

    Raises:
        StoreUnavailable: the database cannot be reached or written, or is from before the first release.
    """
    target = revision or chain(folder).needed
    await _run(url, folder, lambda config: command.upgrade(config, target), until=target)


async def contract(url: str, *, folder: Path = FOLDER) -> None:
    """Take the contract steps, which drop what only older code needed; none of it may be running.

    Raises:
        StoreUnavailable: the database cannot be reached or written, or is from before the first release.
    """
    await _run(url, folder, lambda config: command.upgrade(config, "head"))


async def downgrade(url: str, revision: str, *, folder: Path = FOLDER) -> None:
    """Migrate the database back to ``revision``; "base" drops everything.

    Raises:
        StoreUnavailable: the database cannot be reached or written, or there is no such revision.
    """
    await _run(url, folder, lambda config: command.downgrade(config, revision), up=False)


async def rehearse_downgrade(url: str, revision: str, *, folder: Path = FOLDER) -> list[DataLoss]:
    """Return the data that :func:`downgrade` would delete; the database stays as it is.

    The steps are run and rolled back: both databases undo changes of tables.

    Raises:
        StoreUnavailable: the database cannot be reached or written, or there is no such revision.
    """
    losses: list[DataLoss] = []

    def step(config: Config) -> None:
        connection: Connection = config.attributes["connection"]
        before = read_contents(connection)
        command.downgrade(config, revision)
        losses.extend(compare_contents(before, read_contents(connection)))
        raise _RehearsedError

    with suppress(_RehearsedError):
        await _run(url, folder, step, up=False)
    return losses


class _RehearsedError(Exception):
    """Ends the transaction of a rehearsal, so that it is rolled back."""


async def revision(url: str) -> str:
    """Return the database's revision; "" if it was never migrated.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    return (await status(url)).current


async def status(url: str, *, folder: Path = FOLDER) -> MigrationStatus:
    """Return the database's position in the chain.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    database = Database(url)
    try:
        return await status_of(database, folder=folder)
    finally:
        await database.close()


async def status_of(database: Database, *, folder: Path = FOLDER) -> MigrationStatus:
    """Return an open database's position in the chain.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """

    def read(connection: Connection) -> tuple[str, str]:
        revision = MigrationContext.configure(connection).get_current_revision() or ""
        has_floor = bool(revision) and inspect(connection).has_table(schema_floor.name)
        floor = connection.execute(select(schema_floor.c.revision)).scalar() if has_floor else ""
        return revision, floor or ""

    async with database.read() as tx:
        return chain(folder).status(*await tx.run_sync(read))


async def revision_of(database: Database) -> str:
    """Return the revision of an open database; "" if it was never migrated."""
    return (await status_of(database)).current


async def _run(
    url: str, folder: Path, step: Callable[[Config], None], *, up: bool = True, until: str = ""
) -> None:
    """Run ``step`` in a transaction of its own, unless the database is at the revision ``until``."""
    database = Database(url)

    def migrate(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        found = MigrationContext.configure(connection).get_current_revision()
        _refuse_pre_release(found or "")
        if found is not None and found == until:
            return
        if up and found is not None and found not in chain(folder):
            return  # a newer version has migrated it; require_compatible decides whether we may run
        config = _config(folder)
        config.attributes["connection"] = connection
        step(config)
        _save_floor(connection, folder)

    try:
        async with database.begin() as tx:
            await tx.run_sync(migrate)
    except CommandError as exc:  # such as a revision that does not exist
        raise StoreUnavailable(str(exc)) from exc
    finally:
        await database.close()


def _save_floor(connection: Connection, folder: Path) -> None:
    """Store the oldest revision that may still run on the upgraded database."""
    if not inspect(connection).has_table(schema_floor.name):
        return
    revision = MigrationContext.configure(connection).get_current_revision() or ""
    floor = chain(folder).floor_at(revision)
    if connection.execute(select(schema_floor.c.revision)).scalars().all() != [floor]:
        connection.execute(delete(schema_floor))
        connection.execute(insert(schema_floor).values(revision=floor))


async def require_compatible(database: Database, *, folder: Path = FOLDER) -> None:
    """Check that this version of the code may run on the database.

    Raises:
        StoreUnavailable: it may not, or the database cannot be reached.
    """
    found = await status_of(database, folder=folder)
    _refuse_pre_release(found.current)
    known = chain(folder)
    if not known.supports(found):
        what = f"the database is at revision {found.current or 'none'}, this version needs {known.needed}"
        advice = "install the newer version" if found.newer else "run 'moonthread db upgrade'"
        raise StoreUnavailable(f"{what}: {advice}")
    if found.newer:
        log.warning("store.schema_is_newer", revision=found.current, floor=found.floor)
    if await _is_transfer_incomplete(database):
        raise StoreUnavailable(
            "a copy into this database is not complete: run 'moonthread db copy' again, until it says so"
        )


def _refuse_pre_release(revision: str) -> None:
    if is_pre_release(revision):
        raise StoreUnavailable(PRE_RELEASE_ADVICE)


async def _is_transfer_incomplete(database: Database) -> bool:
    if database.dialect != "postgresql":
        return False
    async with database.read() as tx:
        found = await tx.exec_driver_sql("SELECT to_regclass(%s)", (TRANSFER_TABLE,))
        return found.scalar() is not None
