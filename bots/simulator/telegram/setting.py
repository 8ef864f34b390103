"""The human side, part one: who exists, and which chats and topics there are.

Nothing here is part of the Bot API. Set-up verbs tell the bots nothing, but for the service messages
about topics.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bots.simulator.telegram.chats import SUPERGROUP_BASE, Bot, Chat, Message, User, World
from bots.simulator.telegram.privacy import sees
from bots.simulator.telegram.wire import message_json

FIRST_PERSON = 1001


class Setting:
    """People, bots and chats of one stand-in."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._people = 0
        self._groups = 0
        self._changes = 0

    # -- who there is -----------------------------------------------------------------------

    def add_bot(self, token: str, username: str, name: str, can_read_all_group_messages: bool = False) -> Bot:
        """Make a bot. ``can_read_all_group_messages`` is privacy mode switched off."""
        return self._world.new_bot(token, username, name, reads_all=can_read_all_group_messages)

    @property
    def bot(self) -> Bot:
        """The first bot: ``1:test``, @moonthread_bot."""
        return next(iter(self._world.bots.values()))

    def person(self, person: int) -> User:
        """Return a person's account."""
        return self._world.users[person]

    def chat(self, chat_id: int) -> Chat:
        """Return a group or channel."""
        return self._world.groups[chat_id]

    def add_person(self, name: str, language: str = "en", username: str = "") -> int:
        """Make a person and return the user id."""
        number = FIRST_PERSON + self._people
        self._people += 1
        self._world.users[number] = User(id=number, name=name, username=username, language=language)
        return number

    def private_chat(self, person: int, bot: Bot | None = None) -> int:
        """Let a person open the chat with the bot (without a word) and return its id, the person's."""
        bot = bot or self.bot
        chat = Chat(
            id=person,
            kind="private",
            person=self._world.users[person],
            members={person},
            bots={bot.id: "member"},
        )
        self._world.private.setdefault((bot.id, person), chat)
        return person

    def add_group(
        self,
        title: str,
        members: Sequence[int],
        forum: bool = False,
        *,
        basic: bool = False,
        bots: Sequence[Bot] | None = None,
    ) -> int:
        """Make a supergroup (or a ``basic`` group) and return its negative id.

        The first member owns it; every bot is in it unless ``bots`` says otherwise.
        """
        self._groups += 1
        inside = self._world.bots.values() if bots is None else bots
        chat = Chat(
            id=-5000 - self._groups if basic else SUPERGROUP_BASE - self._groups,
            kind="group" if basic else "supergroup",
            title=title,
            forum=forum,
            owner=members[0] if members else 0,
            members=set(members),
            bots={bot.id: "member" for bot in inside},
        )
        self._world.groups[chat.id] = chat
        return chat.id

    def add_channel(self, title: str) -> int:
        """Make a channel in whose name somebody may speak in groups, and return its id."""
        self._groups += 1
        chat = Chat(id=SUPERGROUP_BASE - self._groups, kind="channel", title=title)
        self._world.groups[chat.id] = chat
        return chat.id

    def add_direct_messages(self, title: str, members: Sequence[int]) -> int:
        """Make the direct messages of a channel, with a topic for each member that has the member's id."""
        chat_id = self.add_group(title, members)
        chat = self._world.groups[chat_id]
        chat.direct_messages = True
        chat.topics = {person: self._world.users[person].name for person in members}
        return chat_id

    def add_private_topic(self, person: int, title: str, bot: Bot | None = None) -> int:
        """Let a person make a topic in the private chat with the bot, and return its id."""
        chat = self._private(person, bot)
        message = self._world.open_topic(chat, self._world.users[person], title)
        self._tell(chat, message)
        return message.id

    def add_topic(self, chat_id: int, title: str, creator: int | None = None) -> int:
        """Let the owner (or ``creator``) make a forum topic and return its id."""
        chat = self._world.groups[chat_id]
        if not chat.forum:
            raise ValueError(f"{chat_id} has no topics")
        creator = chat.owner if creator is None else creator
        message = self._world.open_topic(chat, self._world.users[creator], title)
        self._tell(chat, message)
        return message.id

    def close_topic(self, chat_id: int, topic: int) -> None:
        """Close a topic: sends to it are refused."""
        self._world.groups[chat_id].closed_topics.add(topic)
        self._tell_topic(chat_id, topic, {"forum_topic_closed": {}})

    def reopen_topic(self, chat_id: int, topic: int) -> None:
        """Open a closed topic again."""
        self._world.groups[chat_id].closed_topics.discard(topic)
        self._tell_topic(chat_id, topic, {"forum_topic_reopened": {}})

    def _tell_topic(self, chat_id: int, topic: int, service: Mapping[str, Any]) -> None:
        chat = self._world.groups[chat_id]
        message = Message(
            id=self._world.new_id(chat),
            date=self._world.now(),
            sender=self._world.users[chat.owner],
            service=service,
            thread_id=topic,
            is_topic=True,
        )
        self._tell(chat, self._world.add(chat, message))

    def delete_topic(self, chat_id: int, topic: int) -> None:
        """Delete a topic of a forum or private chat with all its messages."""
        chat = self._private(chat_id) if chat_id > 0 else self._world.groups[chat_id]
        del chat.topics[topic]
        for message in list(chat.messages.values()):
            if message.is_topic and message.thread_id == topic:
                self._world.remove(chat, message.id)

    # -- what all parts share ----------------------------------------------------------------

    def _private(self, person: int, bot: Bot | None = None) -> Chat:
        bot = bot or self.bot
        self.private_chat(person, bot)
        return self._world.private[bot.id, person]

    def _tell(self, chat: Chat, message: Message, kind: str = "message") -> None:
        """Queue a message for every bot that gets to see it."""
        for bot in self._world.bots.values():
            if sees(bot, chat, message):
                bot.updates.push(kind, str(chat.id), message_json(chat, message))
