"""What people would see on a platform's screen, recorded frame by frame.

Both platform stand-ins keep one :class:`Screen`. Tests read ``messages`` and ``frames``; the
demo page follows ``watch()``.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal["posted", "edited", "deleted", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message as it stands on the screen."""

    channel: str
    message_id: str
    thread: str = ""  #: root ts (Slack) or topic id (Telegram); "" at top level
    author: str = ""  #: display name
    author_id: str = ""
    by_bot: bool = False
    text: str = ""  #: Slack: Markdown or mrkdwn source; Telegram: plain text
    entities: tuple[dict[str, object], ...] = ()  #: Telegram
    blocks: tuple[dict[str, object], ...] = ()  #: Slack; Telegram: of a rich message
    buttons: tuple[tuple[str, str], ...] = ()  #: (label, value or callback data)
    reply_to: str = ""  #: Telegram: id of the message replied to
    edits: int = 0
    tasks: tuple[tuple[str, str], ...] = ()  #: Slack: (title, status) of the cards above the text
    streaming: bool = False  #: Slack: a native stream that is still open
    visible_to: str = ""  #: a person's id for an ephemeral message; "" for everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One change of the screen."""

    kind: Kind
    at: float  #: seconds of the stand-in's clock
    message: Shown
    status: str = ""  #: the text shown while the bot works; "" takes it away


@dataclass(slots=True)
class Screen:
    """All messages of one platform, in order of appearance, with every change."""

    messages: dict[tuple[str, str], Shown] = field(default_factory=dict)
    frames: list[Frame] = field(default_factory=list)
    _watchers: list[asyncio.Queue[Frame]] = field(default_factory=list)

    def show(self, message: Shown, *, at: float) -> None:
        """Put a new message on the screen."""
        self.messages[message.channel, message.message_id] = message
        self._tell(Frame(kind="posted", at=at, message=message))

    def change(self, message: Shown, *, at: float) -> None:
        """Replace a message that stands on the screen."""
        changed = replace(message, edits=message.edits + 1)
        self.messages[message.channel, message.message_id] = changed
        self._tell(Frame(kind="edited", at=at, message=changed))

    def remove(self, channel: str, message_id: str, *, at: float) -> None:
        """Take a message off the screen."""
        self._tell(Frame(kind="deleted", at=at, message=self.messages.pop((channel, message_id))))

    def status(self, channel: str, thread: str, text: str, *, at: float) -> None:
        """Show ("" takes away) a status such as "is thinking"."""
        where = Shown(channel=channel, message_id="", thread=thread, by_bot=True)
        self._tell(Frame(kind="status", at=at, message=where, status=text))

    def in_channel(self, channel: str, *, by_bot: bool | None = None) -> list[Shown]:
        """Return the messages of one channel in order of appearance."""
        return [
            shown
            for shown in self.messages.values()
            if shown.channel == channel and by_bot in (None, shown.by_bot)
        ]

    @contextlib.contextmanager
    def watching(self) -> Iterator[asyncio.Queue[Frame]]:
        """Hand out a queue that receives every further frame while the block runs."""
        queue: asyncio.Queue[Frame] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            yield queue
        finally:
            self._watchers.remove(queue)

    async def watch(self) -> AsyncIterator[Frame]:
        """Yield every further frame."""
        with self.watching() as queue:
            while True:
                yield await queue.get()

    def _tell(self, frame: Frame) -> None:
        self.frames.append(frame)
        for queue in self._watchers:
            queue.put_nowait(frame)
