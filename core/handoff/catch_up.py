"""Reading of what the people of active handoffs wrote while no event could arrive.

Slack delivers an event again for six minutes at most (https://docs.slack.dev/apis/events-api): what the team
or a customer wrote during a longer outage of the service would reach nobody.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from core.domain.addresses import ThreadKey
from core.domain.clock import Clock
from core.domain.errors import PlatformError, PlatformRateLimited, PlatformUnavailable
from core.handoff.handoff_service import HandoffService
from core.handoff.platforms import HandoffPlatforms
from core.ports.missed_events import MissedEvents
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler
from core.ports.platform import EventSink
from core.store import Database, conversations, due_handoffs, inbox
from core.store.handoffs import Handoff

log = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 5.0
MAX_READS: Final = 4  #: threads read in one round: Slack grants 50 reads a minute
MAX_HANDOFFS: Final = 200  #: of one platform
MAX_AGE: Final = timedelta(hours=20)  #: of what is read again: events are remembered for at least a day
MARGIN: Final = timedelta(minutes=10)  #: before the last round without an interruption: redeliveries take six


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thread:
    """One thread to read."""

    handoff_id: int
    key: ThreadKey
    since: datetime


class CatchUp:
    """Periodic task that reads the threads of active handoffs after each interruption of a connection."""

    def __init__(
        self,
        database: Database,
        service: HandoffService,
        platforms: HandoffPlatforms,
        sources: Mapping[str, MissedEvents],
        event_sink: EventSink,
        clock: Clock,
    ) -> None:
        """``sources`` are by platform; ``event_sink`` ignores events that it has stored."""
        self._database = database
        self._service = service
        self._platforms = platforms
        self._sources = sources
        self._event_sink = event_sink
        self._clock = clock
        # By platform: the connection for which threads were listed, and when it was last the present one.
        self._connections: dict[str, int] = {}
        self._undisturbed: dict[str, datetime] = {}
        self._pending: deque[_Thread] = deque()
        self._paused_until = 0.0  # on the clock

    def start(self, scheduler: TaskScheduler) -> None:
        """Schedule the rounds; call it before the scheduler starts."""
        if self._sources:
            scheduler.schedule(PeriodicTask(name="catch_up", every_s=CHECK_EVERY_S, run=self.run))

    async def run(self) -> None:
        """Read some of the threads in which something may have been missed.

        Raises:
            StoreUnavailable: the next round reads the rest.
        """
        for platform, source in self._sources.items():
            connection, now = source.connection, self._service.now()
            if self._connections.get(platform) != connection:
                await self._list_threads(platform)
            self._connections[platform], self._undisturbed[platform] = connection, now
        for _ in range(min(MAX_READS, len(self._pending))):
            if self._clock.time() < self._paused_until or not await self._read(self._pending[0]):
                return
            self._pending.popleft()

    async def _list_threads(self, platform: str) -> None:
        since = self._service.now() - MAX_AGE
        if platform in self._undisturbed:
            since = max(since, self._undisturbed[platform] - MARGIN)
        async with self._database.read() as tx:
            active = await due_handoffs.load_active_on(tx, platform, limit=MAX_HANDOFFS)
            found = [(one, (await conversations.get(tx, one.conversation_id)).key) for one in active]
        for handoff, customer_key in found:
            if not self._platforms.serves(customer_key):
                continue  # another bot's: its own process reads
            for key in (customer_key, self._desk_key(handoff)):
                if key is not None and key.platform == platform:
                    thread = _Thread(handoff_id=handoff.id, key=key, since=max(since, handoff.requested_at))
                    self._pending.append(thread)

    def _desk_key(self, handoff: Handoff) -> ThreadKey | None:
        if not handoff.desk_thread:
            return None
        try:
            return self._platforms.desk_address(handoff).key
        except PlatformError:
            return None  # its platform is not connected

    async def _read(self, thread: _Thread) -> bool:
        """Store the missed messages of a thread; return False if the thread has to be read again later."""
        try:
            events = await self._sources[thread.key.platform].load(thread.key, since=thread.since)
        except PlatformRateLimited as exc:
            self._paused_until = self._clock.time() + exc.retry_after_s
            return False
        except PlatformError as exc:
            log.info("handoff.catch_up_failed", handoff=thread.handoff_id, error=str(exc))
            return not isinstance(exc, PlatformUnavailable)
        async with self._database.read() as tx:
            known = await inbox.load_known(tx, thread.key, [one.delivery_id for one in events])
        new = [await self._event_sink(one) for one in events if one.delivery_id not in known]
        if any(new):
            log.info("handoff.caught_up", handoff=thread.handoff_id, messages=sum(new))
        return True
