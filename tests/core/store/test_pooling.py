"""Poolers between the service and PostgreSQL."""

import asyncio

from pydantic import SecretStr
from sqlalchemy import text
from structlog.testing import capture_logs

from bots.cli import check_store
from core.settings import Settings
from core.store import Database, migrate
from core.store.pooling import has_transaction_pooling, warn_of_transaction_pooling
from tests.core.store.transaction_pooler import pooled


async def test_a_direct_connection_keeps_its_session(database: Database) -> None:
    """Neither SQLite nor PostgreSQL itself is taken for a pooler, also the second time."""
    assert not await has_transaction_pooling(database)
    assert not await has_transaction_pooling(database)


async def test_transaction_pooling_is_found(postgres_url: str) -> None:
    """PgBouncer's documentation: in transaction mode what a session has set is lost."""
    async with asyncio.timeout(100), pooled(postgres_url) as url:
        database = Database(url)
        assert await has_transaction_pooling(database)
        async with database.begin() as tx:  # it works otherwise, which is why nobody notices
            assert (await tx.execute(text("SELECT 1"))).scalar_one() == 1
        await database.close()


async def test_the_start_says_so_in_one_line(postgres_url: str, database: Database) -> None:
    """The line has the remedy; without such a pooler there is none."""
    with capture_logs() as lines:
        await warn_of_transaction_pooling(database)
        async with asyncio.timeout(100), pooled(postgres_url) as url:
            behind = Database(url)
            await warn_of_transaction_pooling(behind)
            await behind.close()

    assert [(line["log_level"], line["event"]) for line in lines] == [("error", "store.transaction_pooling")]
    assert "session mode" in lines[0]["advice"]


async def test_check_calls_it_a_fault(migrated_postgres_url: str) -> None:
    """Moonthread check: one line with what to do, beside the revision; directly there is no such line."""
    direct = await check_store.run_checks(Settings(database_url=SecretStr(migrated_postgres_url)))
    async with asyncio.timeout(100), pooled(migrated_postgres_url) as url:
        found = await check_store.run_checks(Settings(database_url=SecretStr(url)))

    assert [one.level for one in direct] == ["ok"]
    assert [one.level for one in found] == ["ok", "fault"]
    assert found[0].summary.endswith(f"is up to date ({migrate.head()})")
    assert "is behind a connection pooler in transaction mode" in found[1].summary
