"""Two bots on one PostgreSQL: each answers its own people, and polls for itself."""

from collections.abc import Callable
from typing import Any

from core.domain.events import MessageReceived
from core.store.leader_election import polling_lock


async def test_a_replica_leaves_another_bots_questions_alone(
    cluster: Any, question: Callable[[int, int], MessageReceived]
) -> None:
    """We chose: work is taken only by a process that is connected as the tenant it belongs to."""
    other = await cluster.replica(tenant="2")
    await other.ingest(question(1, 1))
    own = await cluster.replica()
    await cluster.until(lambda: own.done == ["1"])
    assert other.seen == []


def test_each_bot_has_a_leader_of_its_own() -> None:
    """Replicas of one bot compete for one lock, whatever the order; another bot has another."""
    one, two = ("telegram", "4242"), ("telegram", "9999")
    assert polling_lock([one]) != polling_lock([two])
    assert polling_lock([one, two]) == polling_lock([two, one])
    assert 0 <= polling_lock([one]) < 2**31
