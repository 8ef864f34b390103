"""Opens the configured store for one command."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from bots.cli.terminal import create_data_folder, run_async
from core.domain.errors import SettingsError
from core.settings import Requirement, Settings, load
from core.store import Database, Transaction, migrate

T = TypeVar("T")


@asynccontextmanager
async def open_database(settings: Settings, *, create: bool = False) -> AsyncIterator[Database]:
    """Yield the database; with ``create`` it is created or upgraded first, as the service would.

    Raises:
        SettingsError: it does not exist and ``create`` is False, or its folder cannot be created.
        StoreUnavailable: it cannot be reached, or its tables do not fit this version.
    """
    if create:
        create_data_folder(settings)
        if settings.migrate == "auto":
            await migrate.upgrade(settings.database_url.get_secret_value())
    elif settings.sqlite_file is not None and not settings.sqlite_file.exists():
        raise SettingsError([f"{settings.sqlite_file}: there is no database yet; the first start makes it"])
    database = Database(settings.database_url.get_secret_value())
    try:
        await migrate.require_compatible(database)
        yield database
    finally:
        await database.close()


def run_read(work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Return the result of ``work``, which only reads the configured store.

    Unlike :func:`run_in_transaction` it does not hold SQLite's write lock, for which a running service
    would wait.
    """
    settings = load(required=[Requirement.STORE])

    async def run() -> T:
        async with open_database(settings) as database, database.read() as tx:
            return await work(tx)

    return run_async(run())


def run_in_transaction(work: Callable[[Transaction], Awaitable[T]], *, create: bool = False) -> T:
    """Return the result of ``work`` in one transaction of the configured store; see :func:`open_database`."""
    settings = load(required=[Requirement.STORE])

    async def run() -> T:
        async with open_database(settings, create=create) as database, database.begin() as tx:
            return await work(tx)

    return run_async(run())
