"""Chats whose people write: events as an adapter would deliver them, with ids and times of their own."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.buttons import ButtonAction
from core.domain.command_names import CommandName
from core.domain.events import (
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    MemberJoined,
    Mention,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    UnparsedEvent,
)
from core.domain.message_content import Attachment, AttachmentKind, ReplyContext

ANN = Person(id="1", name="Ann", language="en")
BOB = Person(id="2", name="Bob", language="en")
CARL = Person(id="3", name="Carl", language="en")
START = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)  #: a Tuesday


@dataclass
class Chat:
    """One chat of a platform.

    ``threaded`` is a Slack channel: a message that is no reply begins a thread named after it.
    ``threads_by_reply`` is a Telegram group without topics.
    """

    platform: str = "telegram"
    tenant: str = "bot"
    channel: str = "42"
    chat_type: ChatType = ChatType.DIRECT
    threaded: bool = False
    threads_by_reply: bool = False
    now: datetime = START
    _ids: Any = field(default_factory=lambda: count(1))

    def wait(self, seconds: float) -> None:
        """Let the platform's clock go on."""
        self.now += timedelta(seconds=seconds)

    def key(self, thread: str = "") -> ThreadKey:
        """Return the key of the chat or of one of its threads."""
        return ThreadKey(platform=self.platform, tenant=self.tenant, channel=self.channel, thread=thread)

    def message(
        self,
        text: str,
        *,
        author: Person = ANN,
        mention: Mention | None = None,
        thread: str = "",
        quoted: ReplyContext | None = None,
        **more: Any,
    ) -> MessageReceived:
        """Return a message; outside of direct chats it addresses nobody unless ``mention`` is set."""
        message_id = str(next(self._ids))
        if self.threaded and not thread:
            thread = message_id
        if self.threads_by_reply and not thread:
            thread = quoted.message_id if quoted is not None else message_id
        default = Mention.DIRECT if self.chat_type is ChatType.DIRECT else Mention.NONE
        return MessageReceived(
            delivery_id=f"message:{self.channel}:{message_id}",
            message_id=message_id,
            address=Address(key=self.key(thread), reply_to=message_id if thread else ""),
            author=author,
            text=text,
            sent_at=self.now,
            chat_type=self.chat_type,
            mention=default if mention is None else mention,
            quoted=quoted,
            threads_by_reply=self.threads_by_reply,
            **more,
        )

    def command(
        self,
        command: CommandName,
        argument: str = "",
        *,
        author: Person = ANN,
        thread: str = "",
        quoted: ReplyContext | None = None,
        attachments: Sequence[Attachment] = (),
    ) -> CommandReceived:
        """Return a command."""
        message_id = str(next(self._ids))
        return CommandReceived(
            delivery_id=f"message:{self.channel}:{message_id}",
            message_id=message_id,
            address=Address(key=self.key(thread), reply_to=message_id if thread else ""),
            author=author,
            command=command,
            argument=argument,
            sent_at=self.now,
            chat_type=self.chat_type,
            quoted=quoted,
            threads_by_reply=self.threads_by_reply,
            attachments=tuple(attachments),
        )

    def press(
        self, action: ButtonAction, message_id: str, *, author: Person = ANN, thread: str = ""
    ) -> ButtonPressed:
        """Return the press of a button under the bot's message ``message_id``."""
        return ButtonPressed(
            delivery_id=f"press:{self.channel}:{next(self._ids)}",
            message_id=message_id,
            address=Address(key=self.key(thread)),
            author=author,
            action=action,
            sent_at=self.now,
            chat_type=self.chat_type,
        )

    def edit(self, message: MessageReceived, text: str, **changes: Any) -> MessageEdited:
        """Return the edit of a message: its text, and ``changes`` of other fields."""
        changed = replace(message, text=text, **changes)
        return MessageEdited(
            delivery_id=f"edit:{self.channel}:{next(self._ids)}",
            message_id=message.message_id,
            address=message.address,
            author=message.author,
            text=text,
            sent_at=self.now,
            chat_type=self.chat_type,
            mention=changed.mention if changed.mention is Mention.BY_NAME else Mention.NONE,
            message=changed,
        )

    def delete(self, message: MessageReceived) -> MessageDeleted:
        """Return the deletion of a message."""
        return MessageDeleted(
            delivery_id=f"delete:{self.channel}:{next(self._ids)}",
            message_id=message.message_id,
            address=message.address,
            author=message.author,
            sent_at=self.now,
            chat_type=self.chat_type,
        )

    def join(self, person: Person) -> MemberJoined:
        """Return a person's arrival."""
        return MemberJoined(
            delivery_id=f"join:{self.channel}:{next(self._ids)}",
            address=Address(key=self.key()),
            author=person,
            sent_at=self.now,
            chat_type=self.chat_type,
        )

    def migrate(self, new_channel: str) -> ChannelMigrated:
        """Return the chat's move to a new id; what follows comes from there."""
        event = ChannelMigrated(
            delivery_id=f"migrate:{self.channel}:{next(self._ids)}",
            platform=self.platform,
            tenant=self.tenant,
            old_channel=self.channel,
            new_channel=new_channel,
        )
        self.channel = new_channel
        return event

    def unparsed(self) -> UnparsedEvent:
        """Return an event that the adapter could not read."""
        return UnparsedEvent(
            delivery_id=f"unparsed:{self.channel}:{next(self._ids)}",
            platform=self.platform,
            tenant=self.tenant,
            raw="{}",
            error="no such field",
        )


def direct_chat(person: Person = ANN) -> Chat:
    """Return a person's own chat with the bot, as on Telegram."""
    return Chat(channel=person.id)


def group_chat() -> Chat:
    """Return a Telegram group without topics."""
    return Chat(channel="-100", chat_type=ChatType.GROUP, threads_by_reply=True)


def slack_channel() -> Chat:
    """Return a Slack channel."""
    return Chat(platform="slack", tenant="T1", channel="C1", chat_type=ChatType.GROUP, threaded=True)


def reply_to(message: MessageReceived) -> ReplyContext:
    """Return what a reply to a person's message shows of it."""
    return ReplyContext(
        message_id=message.message_id,
        author=message.author.name,
        author_id=message.author.id,
        text=message.text,
    )


def picture(name: str = "photo.jpg") -> Attachment:
    """Return a picture that lies at the platform."""
    return Attachment(
        kind=AttachmentKind.PICTURE,
        name=name,
        media_type="image/jpeg",
        size_bytes=1_000,
        source={"id": name},
        unique_id=name,
    )


def redelivered(event: MessageReceived) -> MessageReceived:
    """Return the same event as a platform delivers it again."""
    return replace(event)
