"""The stand-in's world: people, bots, chats and messages."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bots.simulator.screen import Screen, Shown
from bots.simulator.telegram.entities import Entity
from bots.simulator.telegram.errors import ApiError, bad_request, forbidden
from bots.simulator.telegram.limits import Budgets, Limits
from bots.simulator.telegram.rich import text_of
from bots.simulator.telegram.statuses import Statuses
from bots.simulator.telegram.updates import Updates
from core.domain.clock import Clock

ANONYMOUS_ADMIN = 1087968824  #: Telegram's own accounts that stand in for others
CHANNEL_BOT = 136817688
SUPERGROUP_BASE = -1_001_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person or a bot."""

    id: int
    name: str
    username: str = ""
    language: str = ""
    is_bot: bool = False


@dataclass(slots=True, kw_only=True)
class Bot:
    """A bot's account with all that Telegram keeps for it."""

    user: User
    token: str
    reads_all: bool  #: privacy mode is off
    updates: Updates
    budgets: Budgets
    commands: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    """By (scope as JSON, language code)."""

    @property
    def id(self) -> int:
        """The account's number, which is also the token's first part."""
        return self.user.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; changed ones are replaced."""

    id: int
    date: int  #: Unix seconds
    sender: User
    sender_chat: "Chat | None" = None  #: an anonymous admin's group, a channel that speaks
    text: str = ""  #: the caption where there is media
    entities: tuple[Entity, ...] = ()
    rich: tuple[Mapping[str, Any], ...] = ()  #: blocks of a rich message, which has no text
    media: Mapping[str, Any] = field(default_factory=dict)  #: "photo", "sticker", "media_group_id"
    service: Mapping[str, Any] = field(default_factory=dict)  #: such as "forum_topic_created"
    origin: Mapping[str, Any] | None = None  #: "forward_origin" of a forwarded message
    reply_context: Mapping[str, Any] = field(default_factory=dict)  #: "quote", "external_reply"
    thread_id: int | None = None
    is_topic: bool = False
    reply_to: int | None = None
    markup: Mapping[str, Any] | None = None
    edit_date: int | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Chat:
    """A private chat (one for each bot and person), group, supergroup or channel."""

    id: int
    kind: str  #: "private", "group", "supergroup", "channel"
    title: str = ""
    description: str = ""
    username: str = ""
    #: Emoji by message, by who reacts.
    reactions: dict[int, dict[int, tuple[str, ...]]] = field(default_factory=dict)
    person: User | None = None  #: the other side of a private chat
    forum: bool = False
    owner: int = 0  #: the person who made a group
    admins: set[int] = field(default_factory=set)  #: people who help the owner
    members: set[int] = field(default_factory=set)
    bots: dict[int, str] = field(default_factory=dict)  #: bot id → "member" or "administrator"
    direct_messages: bool = False  #: the direct messages of a channel; each topic is a person's
    topics: dict[int, str] = field(default_factory=dict)  #: id → name
    closed_topics: set[int] = field(default_factory=set)
    messages: dict[int, Message] = field(default_factory=dict)
    shut: dict[int, str] = field(default_factory=dict)  #: bot id → text of the 403 it gets
    muted: set[int] = field(default_factory=set)  #: bots that may not send
    migrated_to: int = 0
    last_id: int = 1  #: of messages, where the chat counts for itself; 1 was its making

    def guard(self, bot: Bot) -> None:
        """Refuse a bot that cannot speak here.

        Raises:
            ApiError: blocked, kicked, or the group became a supergroup.
        """
        if self.migrated_to:
            raise ApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.migrated_to,
            )
        if reason := self.shut.get(bot.id):
            raise forbidden(reason)
        if self.kind != "private" and bot.id not in self.bots:
            raise forbidden(f"bot is not a member of the {self.kind} chat")


class World:
    """Everything that exists, with the screen on which it is shown."""

    def __init__(self, clock: Clock, limits: Limits, screen: Screen) -> None:
        self.clock = clock
        self._epoch_s = time.time() - clock.time()
        self.limits = limits
        self.screen = screen
        self.statuses = Statuses(screen, clock)
        self.users: dict[int, User] = {}
        self.bots: dict[str, Bot] = {}  #: by token
        self.groups: dict[int, Chat] = {}
        self.private: dict[tuple[int, int], Chat] = {}  #: by (bot, person)
        self.files: dict[str, tuple[str, bytes]] = {}  #: file id → (path, content)
        self.rich_available = True  #: False: a server before Bot API 10.1
        self.drafts_available = True  #: False: a server before Bot API 9.3
        self.queries: dict[str, dict[str, Any]] = {}  #: pressed buttons, with what was answered
        self._last_id = 0

    def new_bot(self, token: str, username: str, name: str, *, reads_all: bool) -> Bot:
        """Add a bot; the number before the token's colon is its id."""
        number = int(token.partition(":")[0])
        user = User(id=number, name=name, username=username, is_bot=True)
        bot = Bot(
            user=user,
            token=token,
            reads_all=reads_all,
            updates=Updates(self.clock),
            budgets=Budgets(self.limits),
        )
        self.bots[token] = bot
        self.users[number] = user
        return bot

    def bot_of(self, bot_id: int) -> Bot:
        """Return a bot by its number."""
        return next(bot for bot in self.bots.values() if bot.id == bot_id)

    def find(self, bot: Bot, chat_id: int | str) -> Chat:
        """Return the chat that ``bot`` means.

        Raises:
            ApiError: it does not exist, or the person never wrote to the bot.
        """
        if isinstance(chat_id, str):
            name = chat_id[1:].lower()
            found = [chat for chat in self.groups.values() if chat.username.lower() == name]
            if not found:
                raise bad_request("chat not found")
            return found[0]
        chat = self.groups.get(chat_id) or self.private.get((bot.id, chat_id))
        if chat is not None:
            return chat
        if chat_id in self.users:
            raise forbidden("bot can't initiate conversation with a user")
        raise bad_request("chat not found")

    def new_id(self, chat: Chat) -> int:
        """Return the next message id: a supergroup counts for itself, all other chats together."""
        if chat.kind in ("supergroup", "channel"):
            chat.last_id += 1
            return chat.last_id
        self._last_id += 1
        return self._last_id

    def place(self, chat: Chat, topic: int | None, reply_to: int | None) -> tuple[int | None, bool]:
        """Return (message_thread_id, is_topic_message) of a new message.

        A reply without a topic goes where the message it replies to stands. In a supergroup
        without topics a reply still carries a thread id: that of the first message of the chain.
        """
        if topic is not None:
            return topic, True
        origin = chat.messages.get(reply_to) if reply_to is not None else None
        if origin is None or chat.kind != "supergroup":
            return None, False
        if chat.forum:
            return (origin.thread_id, True) if origin.is_topic else (None, False)
        return origin.thread_id or origin.id, False

    def now(self) -> int:
        """Return the date that a message gets: Unix seconds, which pass as the stand-in's clock does."""
        return int(self._epoch_s + self.clock.time())

    def add(self, chat: Chat, message: Message) -> Message:
        """Store a new message and show it."""
        chat.messages[message.id] = message
        thread = str(message.thread_id) if message.is_topic else ""
        if message.sender.is_bot:
            self.statuses.clear(chat.id, message.thread_id if message.is_topic else None)
        self.screen.show(
            Shown(
                channel=str(chat.id),
                message_id=str(message.id),
                thread=thread,
                author=message.sender_chat.title if message.sender_chat else message.sender.name,
                author_id=str(message.sender_chat.id if message.sender_chat else message.sender.id),
                by_bot=message.sender.id in {bot.id for bot in self.bots.values()},
                text=message.text or text_of(message.rich) or _stand_in(message),
                entities=message.entities,
                blocks=tuple(dict(block) for block in message.rich),
                buttons=buttons_of(message),
                reply_to=str(message.reply_to or ""),
            ),
            at=self.clock.time(),
        )
        return message

    def open_topic(self, chat: Chat, creator: User, name: str) -> Message:
        """Make a topic: a service message whose id is the topic's."""
        number = self.new_id(chat)
        chat.topics[number] = name
        service = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        message = Message(
            id=number, date=self.now(), sender=creator, service=service, thread_id=number, is_topic=True
        )
        return self.add(chat, message)

    def change(self, chat: Chat, message: Message) -> Message:
        """Replace a message and show what it became."""
        changed = replace(message, edit_date=self.now())
        chat.messages[message.id] = changed
        shown = self.screen.messages[str(chat.id), str(message.id)]
        self.screen.change(
            replace(
                shown,
                text=changed.text or text_of(changed.rich) or _stand_in(changed),
                entities=changed.entities,
                blocks=tuple(dict(block) for block in changed.rich),
                buttons=buttons_of(changed),
            ),
            at=self.clock.time(),
        )
        return changed

    def remove(self, chat: Chat, message_id: int) -> None:
        """Take a message away for everybody. Bots are not told (Telegram has no such update)."""
        del chat.messages[message_id]
        self.screen.remove(str(chat.id), str(message_id), at=self.clock.time())


def buttons_of(message: Message) -> tuple[tuple[str, str], ...]:
    """Return (label, callback data) of a message's inline buttons, row by row."""
    rows = (message.markup or {}).get("inline_keyboard", [])
    return tuple(
        (str(button["text"]), str(button.get("callback_data", ""))) for row in rows for button in row
    )


def _stand_in(message: Message) -> str:
    """Return words for a message without any, such as "[sticker]"."""
    kinds = [name for name in (*message.media, *message.service) if name != "media_group_id"]
    return f"[{kinds[0].replace('_', ' ')}]" if kinds else ""
