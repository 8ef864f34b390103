"""Reads the messages of a thread again, as the events by which they would have arrived."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from bots.slack.connection_gap import ConnectionGap
from bots.slack.people import BotAccount
from bots.slack.thread_history import ThreadHistory
from core.domain.addresses import ThreadKey
from core.domain.events import Event, UnparsedEvent

EventParser: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Event | None]]


class SlackMissedEvents:
    """Threads of one workspace. Implements :class:`core.ports.missed_events.MissedEvents`."""

    def __init__(
        self, history: ThreadHistory, parse: EventParser, account: BotAccount, gap: ConnectionGap
    ) -> None:
        """``parse`` returns the event in a delivery's body; ``gap`` counts the connections."""
        self._history, self._parse, self._account, self._gap = history, parse, account, gap

    @property
    def connection(self) -> int:
        """Number of the present connection; 0 in HTTP mode, and before the first."""
        return self._gap.connection

    async def load(self, key: ThreadKey, *, since: datetime) -> Sequence[Event]:
        """Return the messages of others in a thread after ``since``, oldest first.

        An edited message is returned as it reads now.

        Raises:
            core.domain.errors.PlatformError: Slack refused or cannot be reached.
        """
        oldest = f"{since.timestamp():.6f}"
        if key.thread:
            messages = await self._history.fetch_thread(key.channel, key.thread, oldest=oldest)
        else:  # a direct conversation
            messages = await self._history.fetch_top_level(key.channel, oldest=oldest)
        later = [one for one in messages if float(one["ts"]) > since.timestamp()]
        events = [await self._parse(self._delivery_of(one, key.channel)) for one in later]
        return [one for one in events if one is not None and not isinstance(one, UnparsedEvent)]

    def _delivery_of(self, message: Mapping[str, Any], channel: str) -> Mapping[str, Any]:
        """Return the body by which a message would have been delivered."""
        unedited = {name: value for name, value in message.items() if name != "edited"}
        event = {"type": "message", "channel": channel, "event_ts": message["ts"], **unedited}
        team = self._account.identity.team_id
        return {"type": "event_callback", "team_id": team, "event": event}
