"""Limiter stores of every kind, and rate limiters that share one.

Which tests cover modules without a test file of their own name: ``fair_queue``, ``eta``,
``sliding_window``, ``limiter_reports``, ``limiter_state`` and ``limiter_codec`` are proved together in
``test_limiter_policy``; ``limiter_refusals``, ``limiter_replica`` and ``permit`` in
``test_rate_limiter``; ``provider_pool`` and ``failover`` in ``test_gateway``; ``usage_meter`` in
``test_text_completer``; ``streamed_answer`` in ``test_resumable_stream``; ``requester`` in
``tests/core/answering/test_queue_notices``.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from core.domain.clock import Clock
from core.llm import (
    AccountLimits,
    DatabaseLimiterStore,
    LimiterStore,
    MemoryLimiterStore,
    RateLimiter,
    WriteBehindStore,
)
from core.store import Database

MakeLimiter = Callable[..., RateLimiter]


@pytest.fixture(params=["memory", "write-behind", "sqlite", "postgresql"])
async def limiter_store(request: pytest.FixtureRequest) -> AsyncIterator[LimiterStore]:
    """The store of one account, of each kind."""
    if request.param == "memory":
        yield MemoryLimiterStore()
        return
    kind = "postgres" if request.param == "postgresql" else "sqlite"
    database = Database(request.getfixturevalue(f"migrated_{kind}_url"))
    if request.param == "write-behind":
        store = WriteBehindStore(database, "account")
        yield store
        await store.close()
    else:
        yield DatabaseLimiterStore(database, "account")
    await database.close()


@pytest.fixture(params=["memory", "database"])
def virtual_store(request: pytest.FixtureRequest) -> LimiterStore:
    """The store of one account for tests on virtual time: in memory, and in a row of SQLite."""
    if request.param == "memory":
        return MemoryLimiterStore()
    return DatabaseLimiterStore(request.getfixturevalue("virtual_database"), "account")


@pytest.fixture
async def make_limiter(loop_clock: Clock) -> AsyncIterator[MakeLimiter]:
    """Make rate limiters that are closed at the end; each is a replica of its own."""
    made: list[RateLimiter] = []

    def make(
        store: LimiterStore | None = None, limits: AccountLimits | None = None, **how: Any
    ) -> RateLimiter:
        made.append(
            RateLimiter(
                store or MemoryLimiterStore(), limits or AccountLimits(), how.pop("clock", loop_clock), **how
            )
        )
        return made[-1]

    yield make
    for limiter in made:
        await limiter.close()
