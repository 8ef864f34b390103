"""Which parts of a replica are ready to work: what a load balancer and a rollout want to know."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bots.platform_adapter import EventConnection, Platform
from core.domain.errors import StoreUnavailable
from core.store import Database, inbox
from core.store.cluster import LeaderElection
from core.work_queue.port import WorkQueue

DATABASE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentStatus:
    """One part of a replica."""

    name: str
    ready: bool
    state: str  #: one word


class Readiness:
    """Asks the parts; :attr:`stopping` answers for all of them."""

    def __init__(
        self,
        database: Database,
        work_queue: WorkQueue,
        platforms: Mapping[str, Platform],
        leader_election: LeaderElection,
    ) -> None:
        self._database = database
        self._work_queue = work_queue
        self._platforms = platforms
        self._leader_election = leader_election
        self.started = False  #: set once everything was begun
        self.stopping = False  #: set first of all when the replica is told to end
        self.queue_depth = (0, 0.0)  #: open events and the age of the oldest in seconds, when last asked

    async def components(self) -> Sequence[ComponentStatus]:
        """Return every part; takes little more than :data:`DATABASE_TIMEOUT_S` at most."""
        if self.stopping:
            return [ComponentStatus(name="process", ready=False, state="stopping")]
        if not self.started:
            return [ComponentStatus(name="process", ready=False, state="starting")]
        process = ComponentStatus(name="process", ready=True, state="ok")
        stored = await self._check_database()
        engine = ComponentStatus(
            name="engine", ready=self._work_queue.ready, state="ok" if self._work_queue.ready else "waiting"
        )
        return [
            process,
            stored,
            engine,
            *[await self._check_platform(one) for one in self._platforms.values()],
        ]

    def polling(self) -> Mapping[str, bool]:
        """Return each platform that one replica polls for all, and whether this one does."""
        polled = [one.name for one in self._platforms.values() if one.single_poller]
        return dict.fromkeys(polled, self._leader_election.is_leader)

    async def _check_database(self) -> ComponentStatus:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT_S), self._database.read() as tx:
                self.queue_depth = await inbox.queue_depth(tx)
        except (StoreUnavailable, TimeoutError):
            return ComponentStatus(name="database", ready=False, state="unreachable")
        return ComponentStatus(name="database", ready=True, state="ok")

    async def _check_platform(self, platform: Platform) -> ComponentStatus:
        if self.polling().get(platform.name) is False:
            return ComponentStatus(name=platform.name, ready=True, state="standby")
        ready = not isinstance(platform, EventConnection) or await platform.is_connected()
        return ComponentStatus(name=platform.name, ready=ready, state="ok" if ready else "unconnected")
