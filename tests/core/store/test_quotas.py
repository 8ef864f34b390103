"""Counting what was used stays cheap when much is stored."""

from typing import Any

import pytest
from sqlalchemy import event

from core.access import Actor, QuotaLimits, QuotaUsage
from core.store import Database, quotas

ANN = Actor(platform="slack", tenant="T1", channel="C1", person_id="U1")
EVERY = QuotaLimits(person_messages=1, person_tokens=1, chat_messages=1, chat_tokens=1, tenant_tokens=1)


@pytest.fixture
async def sqlite(migrated_sqlite_url: str) -> Any:
    """A migrated SQLite database."""
    database = Database(migrated_sqlite_url)
    yield database
    await database.close()


async def test_every_count_uses_an_index(sqlite: Database) -> None:
    """SQLite plans to search turns and calls by their time, and never to go through all there are."""
    asked: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        if call[2].startswith("SELECT"):
            asked.append((call[2], call[3]))

    async with sqlite.read() as tx:
        event.listen(tx.sync_connection, "before_cursor_execute", note)
        await quotas.load_quota_usage(tx, ANN, EVERY, alias="anon:1")
        event.remove(tx.sync_connection, "before_cursor_execute", note)
        plans = [
            str((await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)).all())
            for query, values in asked
        ]
    assert len(plans) == 5
    for plan in plans:
        assert "SCAN" not in plan
        assert "started_at>?" in plan or "created_at>?" in plan


async def test_nothing_is_counted_that_is_not_limited(sqlite: Database) -> None:
    """Without limits no query runs."""
    async with sqlite.read() as tx:
        assert await quotas.load_quota_usage(tx, ANN, QuotaLimits(), alias="anon:1") == QuotaUsage()
