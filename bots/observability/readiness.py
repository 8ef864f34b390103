"""Readiness of a replica's components, for load balancers and rollouts."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bots.platform_adapter import EventConnection, Platform
from core.domain.errors import StoreUnavailable
from core.store import Database, inbox
from core.store.leader_election import LeaderElection
from core.work_queue.port import WorkQueue

DATABASE_TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentStatus:
    """State of one component of a replica."""

    name: str
    ready: bool
    state: str  #: one word, such as "ok", "standby" or "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDepth:
    """Open events of the whole deployment."""

    events: int = 0
    oldest_age_s: float = 0.0


class Readiness:
    """Asks the components of one replica for their state."""

    def __init__(
        self,
        database: Database,
        work_queue: WorkQueue,
        platforms: Mapping[str, Platform],
        leader_election: LeaderElection,
        *,
        unconnected_state: Callable[[str], str],
    ) -> None:
        """``unconnected_state`` returns the state of a platform never connected so far, "" for others."""
        self._unconnected_state = unconnected_state
        self._database = database
        self._work_queue = work_queue
        self._platforms = platforms
        self._leader_election = leader_election
        self._started = False
        self._stopping = False
        self.queue_depth = QueueDepth()  #: as of the last call of :meth:`components`

    def mark_started(self) -> None:
        """Report the components' own states from now on."""
        self._started = True

    def mark_stopping(self) -> None:
        """Report "stopping" from now on, regardless of the components' states."""
        self._stopping = True

    async def components(self) -> Sequence[ComponentStatus]:
        """Return the state of every component within little more than :data:`DATABASE_TIMEOUT_S`."""
        if self._stopping:
            return [ComponentStatus(name="process", ready=False, state="stopping")]
        if not self._started:
            return [ComponentStatus(name="process", ready=False, state="starting")]
        return [
            ComponentStatus(name="process", ready=True, state="ok"),
            await self._check_database(),
            self._check_work_queue(),
            *[await self._check_platform(one) for one in self._platforms.values()],
        ]

    def polling(self) -> Mapping[str, bool]:
        """Return, for each platform that one replica polls for all, whether this replica does."""
        polled = [one.name for one in self._platforms.values() if one.single_poller]
        return dict.fromkeys(polled, self._leader_election.is_leader)

    async def _check_database(self) -> ComponentStatus:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT_S), self._database.read() as tx:
                events, oldest_age_s = await inbox.queue_depth(tx)
        except (StoreUnavailable, TimeoutError):
            return ComponentStatus(name="database", ready=False, state="unreachable")
        self.queue_depth = QueueDepth(events=events, oldest_age_s=oldest_age_s)
        return ComponentStatus(name="database", ready=True, state="ok")

    def _check_work_queue(self) -> ComponentStatus:
        ready = self._work_queue.ready
        return ComponentStatus(name="work_queue", ready=ready, state="ok" if ready else "waiting")

    async def _check_platform(self, platform: Platform) -> ComponentStatus:
        if state := self._unconnected_state(platform.name):
            return ComponentStatus(name=platform.name, ready=False, state=state)
        if self.polling().get(platform.name) is False:
            return ComponentStatus(name=platform.name, ready=True, state="standby")
        ready = not isinstance(platform, EventConnection) or await platform.is_connected()
        return ComponentStatus(name=platform.name, ready=ready, state="ok" if ready else "unconnected")
