"""Port to read the messages of a channel, for digests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.domain.addresses import ThreadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMessage:
    """One message of a channel, as one text."""

    message_id: str
    author_id: str  #: "" for an app
    author: str  #: display name
    text: str  #: words, and the names of what came with them
    sent_at: datetime
    thread: str = ""  #: id of the thread or topic that it is in; "" at the channel's top level


class ReadLimit(StrEnum):
    """Why older messages could not be read."""

    APP = "app"  #: the platform grants this app some messages a minute only
    BUSY = "busy"  #: the platform refused further reads for the moment


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelExcerpt:
    """The newest messages of a channel, as far as they could be read."""

    messages: Sequence[ChannelMessage] = ()  #: of people and apps, oldest first
    limit: ReadLimit | None = None  #: why older ones are missing; None if the platform refused nothing
    is_cut: bool = False  #: whether there are older ones than were asked for
    unread_threads: int = 0  #: threads whose replies were not read


class ChannelHistory(Protocol):
    """Reads channels (Slack). Optional."""

    async def load(
        self, key: ThreadKey, *, since: datetime | None, before: datetime, limit: int
    ) -> ChannelExcerpt:
        """Return up to ``limit`` messages from ``since`` to ``before``; the bot's own only in a thread.

        Args:
            key: the channel, or with a ``thread`` that thread alone.
            since: the oldest to read; None reads as many as ``limit`` says.
            before: messages from then on are left out.
            limit: number of the newest messages to return.

        Raises:
            PlatformError: the channel cannot be read.
        """
