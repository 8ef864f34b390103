"""Which parts of a replica are ready to work: what a load balancer and a rollout want to know."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bots.platform_adapter import Platform, WayIn
from core.domain.errors import StoreUnavailable
from core.store import Database, inbox
from core.store.cluster import Leadership
from core.work_queue.port import Engine

DATABASE_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a replica."""

    name: str
    ready: bool
    state: str  #: one word


class Readiness:
    """Asks the parts; :attr:`stopping` answers for all of them."""

    def __init__(
        self, database: Database, engine: Engine, platforms: Mapping[str, Platform], leadership: Leadership
    ) -> None:
        self._database = database
        self._engine = engine
        self._platforms = platforms
        self._leadership = leadership
        self.started = False  #: set once everything was begun
        self.stopping = False  #: set first of all when the replica is told to end
        self.depth = (0, 0.0)  #: open events and the age of the oldest in seconds, when last asked

    async def parts(self) -> Sequence[Part]:
        """Return every part; takes little more than :data:`DATABASE_WITHIN_S` at most."""
        if self.stopping:
            return [Part(name="process", ready=False, state="stopping")]
        if not self.started:
            return [Part(name="process", ready=False, state="starting")]
        process = Part(name="process", ready=True, state="ok")
        stored = await self._stored()
        engine = Part(
            name="engine", ready=self._engine.ready, state="ok" if self._engine.ready else "waiting"
        )
        return [process, stored, engine, *[await self._reached(one) for one in self._platforms.values()]]

    def polls(self) -> Mapping[str, bool]:
        """Return each platform that one replica polls for all, and whether this one does."""
        polled = [one.name for one in self._platforms.values() if getattr(one, "single_poller", False)]
        return dict.fromkeys(polled, self._leadership.leading)

    async def _stored(self) -> Part:
        try:
            async with asyncio.timeout(DATABASE_WITHIN_S), self._database.read() as tx:
                self.depth = await inbox.depth(tx)
        except (StoreUnavailable, TimeoutError):
            return Part(name="database", ready=False, state="unreachable")
        return Part(name="database", ready=True, state="ok")

    async def _reached(self, platform: Platform) -> Part:
        if self.polls().get(platform.name) is False:
            return Part(name=platform.name, ready=True, state="standby")
        ready = not isinstance(platform, WayIn) or await platform.is_connected()
        return Part(name=platform.name, ready=ready, state="ok" if ready else "unconnected")
