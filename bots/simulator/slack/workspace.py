"""The workspace behind the stand-in: its people, channels and messages, and their changes.

Every change goes to the screen and, as an event, to whoever subscribed. It knows nothing of HTTP.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from bots.simulator.screen import Screen
from bots.simulator.slack import events, rules, stored
from bots.simulator.slack.limits import Limits
from bots.simulator.slack.records import (
    Channel,
    ChannelKind,
    Json,
    Message,
    Person,
    Upload,
    UserGroup,
)
from bots.simulator.slack.rules import SlackRefusal
from core.domain.clock import Clock

Emit: TypeAlias = Callable[[Channel | None, Json], None]
BOT_ID, APP_ID = "B0BOT", "A0APP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A control sequence in a message of the bot that would notify people."""

    channel: str
    ts: str
    what: str  #: such as "<!channel>"


class Workspace:
    """One Slack workspace with our app installed."""

    def __init__(self, clock: Clock, limits: Limits, *, team: str) -> None:
        self.clock, self.limits = clock, limits
        self.team = team
        self.bot = Person(id="U0BOT", name="Moonthread", team=self.team, is_bot=True)
        self.people: dict[str, Person] = {self.bot.id: self.bot}
        self.channels: dict[str, Channel] = {}
        self.screen = Screen()
        self.pings: list[Ping] = []
        self.statuses: dict[tuple[str, str], str] = {}  #: (channel, thread) → text
        self._status_shown: dict[tuple[str, str], int] = {}
        self.sessions: dict[tuple[str, str], Json] = {}  #: (channel, thread) → agent session
        self.views: dict[str, Json] = {}  #: person → home tab
        self.home_tab_enabled = True
        self.dialogs: dict[str, Json] = {}  #: person → the dialog that they see
        self.triggers: dict[str, tuple[str, float]] = {}  #: trigger_id → person, and when it was made
        self.used_triggers: set[str] = set()
        self.files: dict[str, tuple[Json, bytes]] = {}
        self.uploads: dict[str, Upload] = {}  #: by the end of their address
        self.groups: dict[str, UserGroup] = {}
        self.base_url = ""  #: where the stand-in is served
        self.streaming_available = True
        self.cards_available = True  #: whether streams take ``task_update`` chunks
        self.assistant_threads_available = True  #: until February 2027
        self.org_wide = False  #: whether the app is installed for a whole organisation
        self.edit_window_closed = False
        self.emit: Emit = lambda channel, event: None
        self._epoch_s = time.time() - clock.time()
        self._last_us = 0
        self._made = 0
        self._chores: set[asyncio.Task[None]] = set()

    # ids and time

    def new_ts(self) -> str:
        """Return a ts after every earlier one."""
        self._last_us = max(self._last_us + 1, int((self._epoch_s + self.clock.time()) * 1e6))
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def new_id(self, letter: str) -> str:
        """Return an id that nothing else has, such as "C0000007"."""
        self._made += 1
        return f"{letter}{self._made:07d}"

    def epoch_s(self) -> int:
        """Return the stand-in's clock as seconds since 1970."""
        return int(self._epoch_s + self.clock.time())

    def later(self, delay_s: float, do: Callable[[], None]) -> None:
        """Call ``do`` after ``delay_s`` seconds of the clock, unless the stand-in closes first."""

        async def chore() -> None:
            await self.clock.sleep(delay_s)
            do()

        self.background(chore())

    def background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run ``work`` beside everything else until it ends or the stand-in closes."""
        task = asyncio.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
        return task

    async def pause(self, delay_s: float) -> bool:
        """Let ``delay_s`` seconds of the clock pass; False where the stand-in closed meanwhile."""
        task = self.background(self.clock.sleep(delay_s))
        await asyncio.wait({task})
        return not task.cancelled()

    async def close(self) -> None:
        """End everything that runs in the background."""
        chores = list(self._chores)
        for task in chores:
            task.cancel()
        await asyncio.gather(*chores, return_exceptions=True)

    # places

    def add_channel(
        self, name: str, kind: ChannelKind, members: set[str], *, shared: bool = False
    ) -> Channel:
        """Create a channel."""
        letter = "D" if kind == "im" else "C"
        channel = Channel(id=self.new_id(letter), name=name, kind=kind, members=members, shared=shared)
        self.channels[channel.id] = channel
        return channel

    def direct(self, person: str) -> Channel:
        """Return the direct conversation of the bot with ``person``, made where there was none.

        Raises:
            SlackRefusal: user_not_found.
        """
        if person not in self.people or person == self.bot.id:
            raise SlackRefusal("user_not_found")
        for channel in self.channels.values():
            if channel.kind == "im" and person in channel.members:
                return channel
        return self.add_channel("", "im", {person, self.bot.id})

    def visible(self, channel_id: str) -> Channel:
        """Return a channel that the bot may know of.

        Raises:
            SlackRefusal: channel_not_found, also for a private channel without the bot.
        """
        channel = self.channels.get(channel_id)
        if channel is None or (channel.kind != "channel" and self.bot.id not in channel.members):
            raise SlackRefusal("channel_not_found")
        return channel

    def joined(self, channel_id: str) -> Channel:
        """Return a channel that the bot may speak in.

        Raises:
            SlackRefusal: channel_not_found, is_archived or not_in_channel.
        """
        channel = self.visible(channel_id)
        if channel.archived:
            raise SlackRefusal("is_archived")
        if self.bot.id not in channel.members:
            raise SlackRefusal("not_in_channel")
        return channel

    # messages

    def draft(self, channel: Channel, author: Person, source: str, **rest: Any) -> Message:
        """Make a message with a new ts; nothing is shown yet."""
        text = stored.mrkdwn(source) if author.is_bot else stored.typed(source)
        ours = {"bot_id": BOT_ID, "app_id": APP_ID} if author.id == self.bot.id else {}
        fields = {"text": text, **ours, **rest}
        return Message(ts=self.new_ts(), channel=channel.id, author=author, source=source, **fields)

    def post(self, message: Message) -> Message:
        """Show a new message and tell of it."""
        channel = self.channels[message.channel]
        channel.messages[message.ts] = message
        if message.thread_ts:
            channel.roots.add(message.thread_ts)
        self.screen.show(message.as_shown(), at=self.clock.time())
        if message.author.id == self.bot.id:
            self.note_pings(message)
            self.set_status(channel.id, message.thread_ts, "")
        if not message.visible_to:
            self.emit(channel, events.said(channel, message))
        return message

    def redraw(self, message: Message) -> None:
        """Show a message as it is now; no event tells of it."""
        self.screen.change(message.as_shown(), at=self.clock.time())
        message.edits += 1
        self.note_pings(message)

    def changed(self, message: Message, previous: Json) -> None:
        """Show a message as it is now and tell of the change; ``previous`` is its older JSON."""
        self.redraw(message)
        channel = self.channels[message.channel]
        self.emit(channel, events.changed(channel, message, previous, self.new_ts()))

    def remove(self, message: Message) -> None:
        """Take a message away and tell of it; the thread of a root with replies stays."""
        channel = self.channels[message.channel]
        del channel.messages[message.ts]
        self.screen.remove(channel.id, message.ts, at=self.clock.time())
        if channel.replies(message.ts):
            self.emit(channel, events.stone(channel, message, self.new_ts()))
        else:
            self.emit(channel, events.deleted(channel, message, self.new_ts()))

    def note_pings(self, message: Message) -> None:
        """Record what in a message of the bot would notify people, each once."""
        if not message.author.is_bot:
            return
        texts = [message.source, *rules.texts_of(message.blocks), *rules.texts_of(message.attachments)]
        for what in dict.fromkeys(found for text in texts for found in rules.pings_in(text)):
            ping = Ping(channel=message.channel, ts=message.ts, what=what)
            if ping not in self.pings:
                self.pings.append(ping)

    # what the bot shows beside messages

    def set_status(self, channel: str, thread: str, text: str) -> None:
        """Show a status in a thread, or take it away with ""."""
        key = (channel, thread)
        if self.statuses.get(key, "") == text:
            return
        if text:
            self.statuses[key] = text
        else:
            del self.statuses[key]
        self.screen.status(channel, thread, text, at=self.clock.time())

    def expire_status(self, channel: str, thread: str) -> None:
        """Take a status away after its time, unless it was shown anew since."""
        key = (channel, thread)
        self._status_shown[key] = shown = self._status_shown.get(key, 0) + 1

        def expire() -> None:
            if self._status_shown[key] == shown:
                self.set_status(channel, thread, "")

        self.later(self.limits.status_life_s, expire)
