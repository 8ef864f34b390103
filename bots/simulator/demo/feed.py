"""The screens of all platforms, folded into what the page shows, and every change as JSON."""

import asyncio
import contextlib
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, TypeAlias

from bots.simulator.screen import Frame, Screen, Shown

Json: TypeAlias = dict[str, Any]
BACKLOG = 2_000  #: changes kept for a page that does not read; it then begins anew


class Subscription:
    """One page's queue of changes; it ends where the page is too slow or the demo closes."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Json | None] = asyncio.Queue()
        self._ended = False

    def put(self, change: Json) -> None:
        """Hand a change over."""
        if self._queue.qsize() >= BACKLOG:
            self.end()
        elif not self._ended:
            self._queue.put_nowait(change)

    def end(self) -> None:
        """Let the page read what it has and then begin anew."""
        if not self._ended:
            self._ended = True
            self._queue.put_nowait(None)

    async def next(self, within_s: float) -> Json | None:
        """Return the next change; None where nothing more will come.

        Raises:
            TimeoutError: nothing happened for ``within_s`` seconds.
        """
        async with asyncio.timeout(within_s):
            return await self._queue.get()


class Feed:
    """Follows the screens while it is open (an asynchronous context manager)."""

    def __init__(self, screens: Mapping[str, Screen]) -> None:
        self._screens = screens
        self._messages: dict[tuple[str, str, str], Json] = {}
        self._statuses: dict[tuple[str, str, str], str] = {}
        self._subscriptions: set[Subscription] = set()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Feed":
        for platform, screen in self._screens.items():
            self._tasks.append(asyncio.create_task(self._follow(platform, screen)))
        await asyncio.sleep(0)  # each has its queue before anybody speaks
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.end()

    def end(self) -> None:
        """End all subscriptions."""
        for subscription in self._subscriptions:
            subscription.end()

    @contextlib.contextmanager
    def subscribed(self) -> Iterator[tuple[Json, Subscription]]:
        """Hand out everything as it stands, and a queue of what changes from then on."""
        subscription = Subscription()
        self._subscriptions.add(subscription)
        statuses = [_status(*where, text) for where, text in self._statuses.items()]
        try:
            yield {"messages": list(self._messages.values()), "statuses": statuses}, subscription
        finally:
            self._subscriptions.discard(subscription)

    async def _follow(self, platform: str, screen: Screen) -> None:
        async for frame in screen.watch():
            change = self._fold(platform, frame)
            for subscription in self._subscriptions:
                subscription.put(change)

    def _fold(self, platform: str, frame: Frame) -> Json:
        shown = frame.message
        if frame.kind == "status":
            where = (platform, shown.channel, shown.thread)
            self._statuses.pop(where, None)
            if frame.status:
                self._statuses[where] = frame.status
            return _status(*where, frame.status)
        key = (platform, shown.channel, shown.message_id)
        before = self._messages.get(key)
        if frame.kind == "deleted":
            self._messages.pop(key, None)
            return {"kind": "gone", "platform": platform, "channel": shown.channel, "id": shown.message_id}
        message = _message(platform, shown)
        message["postedAt"] = before["postedAt"] if before else frame.at
        message["saidAt"] = before["saidAt"] if before else round(time.time() * 1000)
        message["frames"] = [*(before["frames"] if before else ()), round(frame.at - message["postedAt"], 2)]
        self._messages[key] = message
        return {"kind": "message", "message": message}


def _status(platform: str, channel: str, thread: str, text: str) -> Json:
    return {"kind": "status", "platform": platform, "channel": channel, "thread": thread, "text": text}


def _message(platform: str, shown: Shown) -> Json:
    return {
        "platform": platform,
        "channel": shown.channel,
        "id": shown.message_id,
        "thread": shown.thread,
        "author": shown.author,
        "authorId": shown.author_id,
        "byBot": shown.by_bot,
        "text": _text(shown),
        "entities": list(shown.entities),
        "buttons": [{"label": label, "value": value} for label, value in shown.buttons],
        "replyTo": shown.reply_to,
        "edits": shown.edits,
        "tasks": [{"title": title, "status": status} for title, status in shown.tasks],
        "streaming": shown.streaming,
        "visibleTo": shown.visible_to,
    }


def _text(shown: Shown) -> str:
    """Return what is read: where Slack's blocks hold Markdown, the text is only a notification."""
    parts = [str(block.get("text", "")) for block in shown.blocks if block.get("type") == "markdown"]
    return "\n\n".join(parts) or shown.text
