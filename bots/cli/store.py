"""The configured store, open for the length of one command."""

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
    """Hand out the database; with ``make`` it is made, or brought up to date, as a start would.

    Raises:
        SettingsError: there is none yet, and ``make`` is not set; or its folder cannot be made.
        StoreUnavailable: it cannot be reached, or its tables are not this version's.
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


def run_in_transaction(work: Callable[[Transaction], Awaitable[T]], *, create: bool = False) -> T:
    """Do something in one transaction of the configured store."""
    settings = load(required=[Requirement.STORE])

    async def within() -> T:
        async with open_database(settings, create=create) as database, database.begin() as tx:
            return await work(tx)

    return run_async(within())
