"""Bringing payloads to the app: one delivery each, and again where it was not acknowledged."""

import asyncio
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from bots.simulator.slack import events
from bots.simulator.slack.records import Channel, Json
from bots.simulator.slack.workspace import APP_ID, Workspace
from core.domain.clock import Clock

Result = TypeVar("Result")
EnvelopeKind: TypeAlias = Literal["events_api", "slash_commands", "interactive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One payload on its way to the app."""

    kind: EnvelopeKind
    payload: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one attempt."""

    acked: bool
    reason: str = ""  #: Slack's word for the failure, such as "http_timeout"
    reply: Json | None = None  #: what the app said with its acknowledgement
    final: bool = False  #: the app asked for no further attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One attempt, for tests to look at."""

    kind: EnvelopeKind
    event_type: str  #: such as "message" or "app_mention"; "" for other kinds
    event_id: str
    attempt: int  #: 0 for the first
    retry_reason: str
    acked: bool


class Route(Protocol):
    """A way to the app: Socket Mode or HTTP."""

    async def deliver(self, envelope: Envelope, *, attempt: int, reason: str) -> Outcome:
        """Try once; ``attempt`` counts from 0 and ``reason`` is why the one before failed."""


async def within(clock: Clock, limit_s: float, work: Coroutine[Any, Any, Result]) -> Result:
    """Await ``work`` for at most ``limit_s`` seconds of ``clock``.

    Raises:
        TimeoutError: it took longer and was cancelled.
    """
    task, alarm = asyncio.ensure_future(work), asyncio.ensure_future(clock.sleep(limit_s))
    try:
        await asyncio.wait({task, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        for one in (task, alarm):
            one.cancel()
        await asyncio.gather(task, alarm, return_exceptions=True)


class Dispatcher:
    """Sends every payload over the route in use. Events are tried four times, the rest once."""

    def __init__(self, workspace: Workspace, route: Route) -> None:
        self.workspace = workspace
        self.route = route
        self.subscriptions: frozenset[str] = events.SUBSCRIPTIONS
        self.deliveries: list[Delivered] = []
        self.lost: list[Json] = []  #: events that were given up after the last attempt
        self._open: set[asyncio.Task[None]] = set()

    def event(self, channel: Channel | None, event: Json) -> None:
        """Send an event, where the app subscribes to it and can see its channel."""
        if events.subscription_of(channel, event) not in self.subscriptions:
            return
        if channel is not None and self.workspace.bot.id not in channel.members:
            return
        payload = events.callback(
            event,
            event_id=f"Ev{uuid.uuid4().hex[:12].upper()}",
            event_time_s=self.workspace.epoch_s(),
            team=self.workspace.team,
            app_id=APP_ID,
            bot_user=self.workspace.bot.id,
            shared=channel is not None and channel.shared,
        )
        task = self.workspace.background(self._deliver(Envelope(kind="events_api", payload=payload)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def once(self, envelope: Envelope) -> Outcome:
        """Send a slash command or an interaction; Slack does not try these again."""
        return await self._attempt(envelope, attempt=0, reason="")

    async def settled(self) -> None:
        """Wait until every event so far is acknowledged or given up."""
        while self._open:
            await asyncio.wait(set(self._open))

    async def _deliver(self, envelope: Envelope) -> None:
        reason = ""
        for attempt in range(1 + len(self.workspace.limits.retries_after_s)):
            wait_s = self.workspace.limits.retries_after_s[attempt - 1] if attempt else 0.0
            if wait_s > 0:
                await self.workspace.clock.sleep(wait_s)
            outcome = await self._attempt(envelope, attempt=attempt, reason=reason)
            if outcome.acked:
                return
            if outcome.final:
                break
            reason = outcome.reason
        self.lost.append(envelope.payload)

    async def _attempt(self, envelope: Envelope, *, attempt: int, reason: str) -> Outcome:
        outcome = await self.route.deliver(envelope, attempt=attempt, reason=reason)
        event = envelope.payload.get("event", {})
        self.deliveries.append(
            Delivered(
                kind=envelope.kind,
                event_type=event.get("type", ""),
                event_id=envelope.payload.get("event_id", ""),
                attempt=attempt,
                retry_reason=reason,
                acked=outcome.acked,
            )
        )
        return outcome
