"""Drive alembic on an asynchronous database, one migrator at a time."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text

from core.errors import StoreUnavailable
from core.store.database import Database

#: PostgreSQL's advisory lock that migrating replicas queue for; any fixed number will do.
MIGRATION_LOCK = 0x6D6F6F6E


def _config() -> Config:
    # Found beside core/, so that it works from an installed package and needs no file of alembic's.
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[2] / "migrations"))
    return config


def head() -> str:
    """Return the newest revision that this version of the code knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


async def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database to ``revision``; nothing happens where it is there already.

    Raises:
        StoreUnavailable: the database cannot be reached or written.
    """
    await _run(url, lambda config: command.upgrade(config, revision))


async def downgrade(url: str, revision: str) -> None:
    """Take the database back to ``revision`` ("base": nothing left).

    Raises:
        StoreUnavailable: the database cannot be reached or written, or there is no such revision.
    """
    await _run(url, lambda config: command.downgrade(config, revision))


async def current(url: str) -> str:
    """Return the database's revision; "" where it was never migrated.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    database = Database(url)
    try:
        return await current_revision(database)
    finally:
        await database.close()


async def current_revision(database: Database) -> str:
    """Return the revision of an open database; "" where it was never migrated."""

    def ask(connection: Connection) -> str:
        return MigrationContext.configure(connection).get_current_revision() or ""

    async with database.read() as tx:
        return await tx.run_sync(ask)


async def _run(url: str, step: Callable[[Config], None]) -> None:
    database = Database(url)

    def migrate(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        config = _config()
        config.attributes["connection"] = connection
        step(config)

    try:
        async with database.begin() as tx:
            await tx.run_sync(migrate)
    except CommandError as exc:  # such as a revision that does not exist
        raise StoreUnavailable(str(exc)) from exc
    finally:
        await database.close()


async def require_current(database: Database) -> None:
    """Check that the database is at this code's revision.

    Raises:
        StoreUnavailable: it is not, or cannot be reached.
    """
    found, wanted = await current_revision(database), head()
    if found != wanted:
        raise StoreUnavailable(
            f"the database is at revision {found or 'none'}, this version needs {wanted}: "
            "run 'moonthread db upgrade'"
        )
