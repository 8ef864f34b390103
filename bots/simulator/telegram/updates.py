"""What a bot has not confirmed yet, and how it is fetched by ``getUpdates``.

Delivery is at least once: an update stays until a call with a higher offset (or the webhook's
2xx) confirms it, or 24 hours pass (tdlib/telegram-bot-api ``Client.cpp``).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bots.simulator.telegram.errors import conflict
from core.domain.clock import Clock

KEPT_S = 24 * 3600.0
LIMIT = 100
LONGEST_POLL_S = 50
OPT_IN = frozenset({"chat_member", "message_reaction", "message_reaction_count"})

TERMINATED = "terminated by other getUpdates request; make sure that only one bot instance is running"
WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)
REPLACED = "terminated by setWebhook request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """One update on its way."""

    update_id: int
    kind: str  #: the field's name, such as "message"
    lane: str  #: a webhook has one update of a lane in flight
    body: dict[str, Any]
    at: float  #: seconds of the stand-in's clock

    def json(self) -> dict[str, Any]:
        """Return the update as it is sent."""
        return {"update_id": self.update_id, self.kind: self.body}


@dataclass(slots=True)
class _Poll:
    """One ``getUpdates`` that waits; ``refusal`` ends it with a 409."""

    refusal: str = ""


@dataclass(slots=True)
class Updates:
    """The queue of one bot."""

    clock: Clock
    allowed: tuple[str, ...] = ()  #: what was asked for last; empty means the default
    pending: list[Pending] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    webhook_active: bool = False
    closed: bool = False
    _next_id: int = 100_000_001
    _poll: _Poll | None = None
    _last_offset: int = 0
    _last_start: float = float("-inf")
    _last_finish: float = float("-inf")

    def push(self, kind: str, lane: str, body: dict[str, Any]) -> int | None:
        """Queue an update and return its id; None where the bot did not ask for the kind."""
        wanted = kind in self.allowed if self.allowed else kind not in OPT_IN
        if not wanted:
            return None
        update_id = self._next_id
        self._next_id += 1
        self.pending.append(
            Pending(update_id=update_id, kind=kind, lane=lane, body=body, at=self.clock.time())
        )
        self.wake()
        return update_id

    def allow(self, kinds: Any) -> None:
        """Remember ``allowed_updates``; None leaves what was asked for before."""
        if isinstance(kinds, list):
            self.allowed = tuple(str(kind) for kind in kinds)

    def wake(self) -> None:
        """Let everybody who waits look again."""
        self.changed.set()
        self.changed = asyncio.Event()

    def fresh(self) -> Sequence[Pending]:
        """Return what is pending, without what is older than a day."""
        horizon = self.clock.time() - KEPT_S
        self.pending = [update for update in self.pending if update.at > horizon]
        return self.pending

    def confirm(self, update_id: int) -> None:
        """Forget one update (a webhook took it)."""
        self.pending = [update for update in self.pending if update.update_id != update_id]

    def drop(self) -> None:
        """Forget all."""
        self.pending = []

    def end_poll(self, refusal: str) -> None:
        """End the poll that waits, if any, with a 409."""
        if self._poll is not None:
            self._poll.refusal = refusal
            self.wake()

    def close(self) -> None:
        """Answer the poll that waits with nothing, so that the server can stop."""
        self.closed = True
        self.wake()

    async def fetch(self, *, offset: int, limit: int, timeout_s: int) -> list[dict[str, Any]]:
        """Confirm everything below ``offset`` and return what follows, waiting for it if asked.

        Raises:
            ApiError: a webhook is set, or a newer poll took over (409).
        """
        if self.webhook_active:
            raise conflict(WEBHOOK_ACTIVE)
        self.end_poll(TERMINATED)
        self._forget(offset)
        now = self.clock.time()
        limit = limit if 1 <= limit <= LIMIT else LIMIT
        timeout_s = min(max(timeout_s, 0), LONGEST_POLL_S)
        if offset == self._last_offset and timeout_s < 3 and now < self._last_start + 3:
            timeout_s = 3  # the server slows down a loop that confirms nothing
        if offset == self._last_offset and now < self._last_finish + 0.5:
            limit = 1
        self._last_offset, self._last_start = offset, now
        found = await self._wait(limit, now + timeout_s)
        self._last_finish = self.clock.time()
        return [update.json() for update in found]

    async def _wait(self, limit: int, until: float) -> Sequence[Pending]:
        poll = self._poll = _Poll()
        try:
            while not (found := self.fresh()[:limit]) and not self.closed:
                if not await self._changed_before(until):
                    return []
                if poll.refusal:
                    raise conflict(poll.refusal)
            return found
        finally:
            if self._poll is poll:
                self._poll = None

    async def _changed_before(self, until: float) -> bool:
        """Wait for a change; False where ``until`` came first."""
        left = until - self.clock.time()
        if left <= 0:
            return False
        change = asyncio.create_task(self.changed.wait())
        alarm = asyncio.create_task(self.clock.sleep(left))
        try:
            done, _ = await asyncio.wait({change, alarm}, return_when=asyncio.FIRST_COMPLETED)
            return change in done
        finally:
            for task in (change, alarm):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _forget(self, offset: int) -> None:
        if offset > 0:
            self.pending = [update for update in self.pending if update.update_id >= offset]
        elif offset < 0:
            self.pending = self.pending[offset:]
