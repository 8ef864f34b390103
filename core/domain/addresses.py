"""Identifies people and conversations, and says where an answer is sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

ONE_OFF_PREFIX: Final = "private:"
"""Begins the ``thread`` of a conversation for one private answer, which no later command goes on with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadKey:
    """One conversation on one platform: the unit of history and of order."""

    platform: str  #: folder name under ``bots/``: "slack", "telegram", "terminal"
    tenant: str  #: Slack team or Telegram bot id
    channel: str  #: the platform's own id, opaque
    thread: str  #: root message or topic id; "" if the channel itself is the thread


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The author of an event: a user, an anonymous admin, or a channel that posts as itself."""

    id: str  #: the platform's own id, opaque
    name: str = ""  #: display name; "" if not known yet
    language: str = ""  #: BCP 47 tag of the client's language; "" if the platform does not send it

    @property
    def name_or_id(self) -> str:
        """The display name; the id if the name is not known."""
        return self.name or self.id


class ChatType(StrEnum):
    """How public a conversation is."""

    DIRECT = "direct"  #: one person and the bot
    GROUP = "group"  #: several people; each message carries its author's name in the prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The place an answer is sent to. Stored with the question, so that it survives a restart."""

    key: ThreadKey
    reply_to: str = ""  #: id of the message the answer replies to; "" for a plain message
    details: Mapping[str, str] = field(default_factory=dict)
    """Values that only the platform's own adapter reads: recipient ids, topic id, kind of chat."""
