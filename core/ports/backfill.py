"""The port that reads a thread's messages from before the bot was mentioned, or while it was away."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.addresses import Address
from core.domain.message_content import MessageContent


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """One message of a thread from before the bot was first addressed in it."""

    message_id: str
    author_id: str  #: "" for an app, which does not count as somebody who takes part
    author: str
    content: MessageContent
    by_bot: bool  #: whether this bot wrote it


class Backfill(Protocol):
    """Reads the earlier messages of a thread (Slack). Optional."""

    @property
    def connection(self) -> int:
        """Number of the present connection; while there was none, events may have been missed."""

    async def load_earlier_messages(
        self, address: Address, *, before_message_id: str, limit: int
    ) -> Sequence[ThreadMessage]:
        """Return up to ``limit`` messages before ``before_message_id``, oldest first.

        Raises:
            PlatformError: the platform refused; the question is answered without them.
        """

    async def load_missed_messages(
        self, address: Address, *, known_ids: Collection[str], before_message_id: str, limit: int
    ) -> Sequence[ThreadMessage]:
        """Return others' messages between the latest known one and ``before_message_id``, oldest first.

        Empty, without a call, if the connection was not interrupted after the latest known message.

        Raises:
            PlatformError: the platform refused; the question is answered without them.
        """
