"""The human side, part one: who exists, which chats there are, and who is let in or thrown out.

Nothing here is part of the Bot API. Set-up verbs tell the bots nothing; what people do to a bot's
membership reaches it as ``my_chat_member``.
"""

from collections.abc import Sequence
from typing import Any

from bots.simulator.telegram.chats import SUPERGROUP_BASE, Bot, Chat, Message, User, World
from bots.simulator.telegram.privacy import sees
from bots.simulator.telegram.wire import chat_json, member_json, message_json, user_json

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

    def delete_topic(self, chat_id: int, topic: int) -> None:
        """Delete a topic with all its messages."""
        chat = self._world.groups[chat_id]
        del chat.topics[topic]
        for message in list(chat.messages.values()):
            if message.is_topic and message.thread_id == topic:
                self._world.remove(chat, message.id)

    # -- who comes and who helps ---------------------------------------------------------------

    async def join(self, chat_id: int, *people: int) -> int:
        """Let people come into a group at once; return the id of the service message that says so.

        Bots that are administrators and asked for it get ``chat_member`` for each as well.
        """
        chat = self._world.groups[chat_id]
        users = [self._world.users[person] for person in people]
        chat.members |= set(people)
        service = {"new_chat_members": [user_json(user) for user in users]}
        message = Message(
            id=self._world.new_id(chat), date=self._world.now(), sender=users[0], service=service
        )
        self._tell(chat, self._world.add(chat, message))
        for user in users:
            self._tell_standing(chat, user, "left", "member", message.date)
        return message.id

    def promote(self, chat_id: int, person: int) -> None:
        """Make a person an administrator of a group."""
        chat = self._world.groups[chat_id]
        chat.admins.add(person)
        self._tell_standing(chat, self._world.users[person], "member", "administrator", self._world.now())

    def _tell_standing(self, chat: Chat, user: User, was: str, becomes: str, date: int) -> None:
        """Tell administrators among the bots that somebody's standing changed (opt-in)."""
        body = {
            "chat": chat_json(chat),
            "from": user_json(user),
            "date": date,
            "old_chat_member": member_json(user, was),
            "new_chat_member": member_json(user, becomes),
        }
        for bot in self._world.bots.values():
            if chat.bots.get(bot.id) == "administrator":
                bot.updates.push("chat_member", f"member:{chat.id}", body)

    # -- what people do to a bot --------------------------------------------------------------

    def promote_bot(self, chat_id: int, bot: Bot | None = None) -> None:
        """Make the bot an administrator: it sees every message and may make topics."""
        self._membership(self._world.groups[chat_id], bot or self.bot, "administrator")

    def invite_bot(self, chat_id: int, bot: Bot | None = None) -> None:
        """Add the bot to a group (again)."""
        chat, bot = self._world.groups[chat_id], bot or self.bot
        chat.shut.pop(bot.id, None)
        self._membership(chat, bot, "member")

    def kick_bot(self, chat_id: int, bot: Bot | None = None) -> None:
        """Throw the bot out of a group."""
        chat, bot = self._world.groups[chat_id], bot or self.bot
        self._membership(chat, bot, "kicked")
        chat.shut[bot.id] = f"bot was kicked from the {chat.kind} chat"

    def mute_bot(self, chat_id: int, bot: Bot | None = None) -> None:
        """Forbid the bot to send; it may still read."""
        self._world.groups[chat_id].muted.add((bot or self.bot).id)

    def block_bot(self, person: int, bot: Bot | None = None) -> None:
        """Let a person block the bot."""
        chat, bot = self._private(person, bot), bot or self.bot
        self._membership(chat, bot, "kicked")
        chat.shut[bot.id] = "bot was blocked by the user"

    def unblock_bot(self, person: int, bot: Bot | None = None) -> None:
        """Let a person unblock the bot."""
        chat, bot = self._private(person, bot), bot or self.bot
        chat.shut.pop(bot.id, None)
        self._membership(chat, bot, "member")

    def deactivate(self, person: int) -> None:
        """Delete a person's account."""
        for (bot_id, owner), chat in self._world.private.items():
            if owner == person:
                chat.shut[bot_id] = "user is deactivated"

    def migrate(self, group_id: int) -> int:
        """Turn a basic group into a supergroup and return the new id.

        Message ids start anew, the old chat's messages stay behind, and both chats get their
        service message.
        """
        old = self._world.groups[group_id]
        if old.kind != "group":
            raise ValueError(f"{group_id} is no basic group")
        bots = [bot for bot in self._world.bots.values() if bot.id in old.bots]
        new = self._world.groups[self.add_group(old.title, sorted(old.members), bots=bots)]
        new.owner, new.bots = old.owner, dict(old.bots)
        speaker = self._world.users[old.owner]
        for chat, service in (
            (old, {"migrate_to_chat_id": new.id}),
            (new, {"migrate_from_chat_id": old.id}),
        ):
            number = self._world.new_id(chat)
            message = Message(id=number, date=self._world.now(), sender=speaker, service=service)
            self._tell(chat, self._world.add(chat, message))
        old.migrated_to = new.id
        return new.id

    # -- what both parts share ----------------------------------------------------------------

    def _private(self, person: int, bot: Bot | None = None) -> Chat:
        bot = bot or self.bot
        self.private_chat(person, bot)
        return self._world.private[bot.id, person]

    def _tell(self, chat: Chat, message: Message, kind: str = "message") -> None:
        """Queue a message for every bot that gets to see it."""
        for bot in self._world.bots.values():
            if sees(bot, chat, message):
                bot.updates.push(kind, str(chat.id), message_json(chat, message))

    def _membership(self, chat: Chat, bot: Bot, status: str) -> None:
        """Change what the bot is in a chat and tell it."""
        was = chat.bots.get(bot.id, "kicked" if bot.id in chat.shut else "left")
        if status == "kicked":
            chat.bots.pop(bot.id, None)
        else:
            chat.bots[bot.id] = status
        actor = chat.person or self._world.users[chat.owner]
        body: dict[str, Any] = {
            "chat": chat_json(chat),
            "from": user_json(actor),
            "date": self._world.now(),
            "old_chat_member": member_json(bot.user, was),
            "new_chat_member": member_json(bot.user, status),
        }
        bot.updates.push("my_chat_member", f"member:{chat.id}", body)
