"""Ledgers of every kind, and admissions that share one."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from core.domain.clock import Clock, ScaledClock
from core.llm import (
    AccountLimits,
    DatabaseLimiterStore,
    LimiterStore,
    LimiterTiming,
    MemoryLimiterStore,
    RateLimiter,
    WriteBehindStore,
)
from core.store import Database, migrate

Made = Callable[..., RateLimiter]


@pytest.fixture(params=["memory", "kept", "sqlite", "postgresql"])
async def ledger(request: pytest.FixtureRequest) -> AsyncIterator[LimiterStore]:
    """One account's ledger, of each kind."""
    if request.param == "memory":
        yield MemoryLimiterStore()
        return
    url = request.getfixturevalue("postgres_url" if request.param == "postgresql" else "sqlite_url")
    await migrate.upgrade(url)
    database = Database(url)
    if request.param == "kept":
        kept = WriteBehindStore(database, "account")
        yield kept
        await kept.close()
    else:
        yield DatabaseLimiterStore(database, "account")
    await database.close()


@pytest.fixture
async def admissions(ledger: LimiterStore) -> AsyncIterator[Made]:
    """Make admissions on the one ledger; each is a replica of its own."""
    made: list[RateLimiter] = []

    def make(
        limits: AccountLimits, clock: Clock | None = None, *, timing: LimiterTiming | None = None, **how: Any
    ) -> RateLimiter:
        made.append(RateLimiter(ledger, limits, clock or ScaledClock(20.0), timing=timing, **how))
        return made[-1]

    yield make
    for admission in made:
        await admission.close()
