"""Events of a chat platform, as the core receives them.

Everything here is frozen data without I/O. Platform adapters make these values from their SDK's
objects at the edge; no SDK object goes further in.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from core.domain.addresses import Address, ChatType, Person
from core.domain.buttons import ButtonAction
from core.domain.command_names import CommandName
from core.domain.message_content import (
    Attachment,
    ForwardOrigin,
    MessageContent,
    OtherContent,
    ReplyContext,
    UnsupportedContent,
)


class Mention(StrEnum):
    """Whether the bot was meant."""

    DIRECT = "direct"  #: said in a direct conversation
    BY_NAME = "mention"  #: the bot was mentioned by name
    REPLY = "reply"  #: a reply to a message of the bot
    NONE = "overheard"  #: said in a place the bot can see, not to it


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived:
    """A person's message.

    ``key`` in ``address`` is the conversation by the platform's own rule. Where
    ``threads_by_reply`` is set (a Telegram group without topics) and ``quoted`` belongs to a
    conversation that is known, the message continues that one instead.
    """

    delivery_id: str  #: unique within (platform, tenant); the same for every redelivery
    message_id: str  #: the platform's id of this message
    address: Address
    author: Person
    text: str  #: Markdown: entities unescaped, mentions as names, the bot's own mention removed
    sent_at: datetime
    chat_type: ChatType
    mention: Mention
    quoted: ReplyContext | None = None
    threads_by_reply: bool = False
    allows_follow_up: bool = True
    """Whether words that are not addressed to the bot may go on with a conversation that only their
    author has with it: so in a thread and in a chain of replies, not in a room for all."""
    unsupported_content: UnsupportedContent | None = None  #: what it carries that cannot be read yet
    attachments: tuple[Attachment, ...] = ()
    relay_files: tuple[Attachment, ...] = ()
    """Files that the bot cannot read and people can: recordings and stickers, which a desk passes on."""
    can_be_copied: bool = False
    """Whether the platform itself can copy the message, with all that it carries, to another of its chats
    (Telegram's ``copyMessage``)."""
    forwarded_from: ForwardOrigin | None = None  #: whose words these are; None if they are the author's own
    other: tuple[OtherContent, ...] = ()  #: content that is neither words nor files
    media_group_id: str = ""
    """Equal for all messages that a person sent as one: an album, or a comment with the messages that
    it forwards. No message says that it is the last."""
    client_id: str = ""
    """Given by the author's client, and the same if it sends a message twice after a broken connection, of
    which the platform makes two; "" if unknown."""
    maybe_truncated: bool = False
    """Whether a client may have cut this off a longer text, whose rest then follows at once."""
    by_app: bool = False
    """Whether an app or a workflow wrote it. Its words are context for people's questions, it is answered
    only if ``mention`` says that it may ask, and it does not count as somebody who takes part."""
    is_hidden: bool = False
    """Whether nobody but the author sees it (a slash command), so that the answer repeats it."""
    mentioned: tuple[Person, ...] = ()  #: people other than the bot whom it mentions, as far as known
    needs_intent_check: bool = False
    """Whether Kimi is still to judge, by the chat's rules, if this asks something at all."""

    @property
    def begins_thread(self) -> bool:
        """Whether the message is the first of its thread, and names it."""
        return self.address.key.thread == self.message_id != ""

    @property
    def content(self) -> MessageContent:
        """Everything that the message says and carries."""
        return MessageContent(
            text=self.text,
            reply=self.quoted,
            forwarded_from=self.forwarded_from,
            attachments=self.attachments,
            other=self.other,
            unsupported=() if self.unsupported_content is None else (self.unsupported_content,),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePointer:
    """A message that somebody chose in the platform's own menu, and the thread that it is in."""

    message_id: str
    thread: str  #: id of the thread's first message; the message's own if it is in none


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReceived:
    """A person's command; handled at once, not behind a running answer."""

    delivery_id: str
    message_id: str  #: "" where the command was no message (a slash command, a button)
    address: Address
    author: Person
    command: CommandName
    argument: str  #: the rest of the line; "" if none
    sent_at: datetime
    chat_type: ChatType
    quoted: ReplyContext | None = None
    threads_by_reply: bool = False
    attachments: tuple[Attachment, ...] = ()
    """What came with the command, or with the message that it replies to where the platform shows that."""
    mentioned: tuple[Person, ...] = ()  #: people other than the bot whom it mentions, as far as known
    about: MessagePointer | None = None
    """The message whose thread a digest is about; ``argument`` is then a question on it, if not ""."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ButtonPressed:
    """A person pressed a button under a message of the bot."""

    delivery_id: str
    message_id: str  #: the bot's message that carries the button
    address: Address
    author: Person
    action: ButtonAction
    sent_at: datetime
    chat_type: ChatType


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEdited:
    """A person changed an earlier message."""

    delivery_id: str
    message_id: str  #: the message that was changed
    address: Address
    author: Person
    text: str
    sent_at: datetime
    chat_type: ChatType
    mention: Mention = Mention.NONE
    """BY_NAME if the new text mentions the bot, NONE otherwise."""
    message: MessageReceived | None = None
    """The whole message as it is now; None if the platform does not send it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDeleted:
    """A person took an earlier message away (Slack tells; Telegram's bots never learn of it)."""

    delivery_id: str
    message_id: str  #: the message that is gone
    address: Address
    author: Person  #: whose message it was, as far as the platform tells
    sent_at: datetime
    chat_type: ChatType


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactionChanged:
    """A person put emoji on a message, or took them away."""

    delivery_id: str
    message_id: str  #: the message, of whomever
    address: Address  #: of the room, in no thread: platforms do not tell it
    author: Person
    sent_at: datetime
    chat_type: ChatType
    added: tuple[str, ...] = ()  #: characters; emoji without one (custom ones) are left out
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberJoined:
    """Somebody came into a group or channel that the bot is in."""

    delivery_id: str
    address: Address  #: of the room itself, in no thread
    author: Person  #: who came; never the bot itself
    sent_at: datetime
    chat_type: ChatType


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAccessChanged:
    """The bot was added to a chat, removed, muted or let speak again; or a thread was opened again."""

    delivery_id: str
    address: Address  #: of the chat, or of the thread
    author: Person  #: who did it
    sent_at: datetime
    chat_type: ChatType
    can_write: bool
    is_added: bool = False  #: whether it was not in the chat before
    bot_name: str = ""  #: how people mention it
    hears_all: bool = False  #: whether the platform delivers messages that are not for it


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelMigrated:
    """A channel got a new id (Telegram: group to supergroup; Slack: shared with a guest team)."""

    delivery_id: str
    platform: str
    tenant: str
    old_channel: str
    new_channel: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnparsedEvent:
    """An event that our adapter could not read: recorded once, then skipped."""

    delivery_id: str
    platform: str
    tenant: str
    raw: str  #: the event's JSON, cut to a bounded length
    error: str  #: what went wrong, for the log


PersonEvent: TypeAlias = (
    MessageReceived
    | CommandReceived
    | ButtonPressed
    | MessageEdited
    | MessageDeleted
    | ReactionChanged
    | MemberJoined
    | BotAccessChanged
)
"""An event that a person caused, at an address."""

Event: TypeAlias = PersonEvent | ChannelMigrated | UnparsedEvent


def origin_of(event: Event) -> tuple[str, str]:
    """Return the platform and the tenant that an event came from."""
    match event:
        case ChannelMigrated() | UnparsedEvent():
            return event.platform, event.tenant
        case _:
            return event.address.key.platform, event.address.key.tenant
