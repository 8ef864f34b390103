"""Flood control of replicas that share a PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from core.access import AccessLists, Actor
from core.access.flood_limits import FloodLimits
from core.domain.clock import SystemClock
from core.domain.events import Mention
from core.inbound.flood_control import FloodControl
from core.inbound.ingest import Ingestor
from core.store import Database, flood_counters
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.embedded import EmbeddedWorkQueue
from tests.event_builders import START, slack_channel


@pytest.fixture
async def replicas(migrated_postgres_url: str) -> AsyncIterator[list[Database]]:
    """Two connections' pools to one database, as two processes have them."""
    databases = [Database(migrated_postgres_url) for _ in range(2)]
    yield databases
    for database in databases:
        await database.close()


async def test_one_message_counts_once_however_many_replicas_bring_it(replicas: list[Database]) -> None:
    """Slack sends a mention as `message` and as `app_mention`; two replicas may get one of them each."""

    def now() -> datetime:
        return START

    limits = FloodLimits(questions_per_minute=4, duplicates_per_10_min=3)
    ingestors = []
    for database in replicas:
        queue = EmbeddedWorkQueue(database, ActiveAnswers(), SystemClock(), exclusive=False)
        ingestors.append(Ingestor(database, queue, handlers=[FloodControl(AccessLists(), limits, now=now)]))
    chat = slack_channel()
    for text in ("same", "same", "same", "other"):
        event = chat.message(text, mention=Mention.BY_NAME)
        assert sorted(await asyncio.gather(*(ingest(event) for ingest in ingestors))) == [False, True]
    async with replicas[0].begin() as tx:
        counter = await flood_counters.lock(tx, Actor.of(chat.message("")))
    assert len(counter.recent) == 4
    assert counter.paused_until == 0.0
    assert not counter.muted_until
