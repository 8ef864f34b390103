"""The port that reads threads which a question links to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from core.domain.addresses import ThreadKey
from core.ports.channel_history import ChannelMessage


class LinkRefusal(StrEnum):
    """Why a linked thread is not read."""

    NOT_MEMBERS = "not_members"  #: the person or the bot is no member of its channel
    PRIVATE = "private"  #: its channel is private, and others would read the answer
    FAILED = "failed"  #: the platform refused


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedThread:
    """One thread that a question links to."""

    url: str
    messages: Sequence[ChannelMessage] = ()  #: oldest first; () if it is not read
    refusal: LinkRefusal | None = None  #: None if it was read


class LinkedThreads(Protocol):
    """Reads linked threads (Slack). Optional."""

    async def read(
        self, text: str, key: ThreadKey, person_id: str, *, is_direct: bool
    ) -> Sequence[LinkedThread]:
        """Return the other threads that a text links to, as far as the person may read them. Raises nothing.

        Args:
            text: the question.
            key: the conversation in which it is asked.
            person_id: who asks.
            is_direct: whether nobody else reads the answer.
        """
