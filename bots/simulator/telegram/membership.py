"""The human side, part two: who joins, helps and migrates, and who lets a bot in, mutes it or throws it out.

What people do to a bot's membership reaches it as ``my_chat_member``.
"""

from dataclasses import replace
from typing import Any

from bots.simulator.telegram.chats import Bot, Chat, Message, User
from bots.simulator.telegram.setting import Setting
from bots.simulator.telegram.wire import chat_json, member_json, user_json


class Membership(Setting):
    """Who is in the chats of one stand-in, and as what."""

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
        chat, bot = self._world.groups[chat_id], bot or self.bot
        chat.muted.add(bot.id)
        self._tell_membership(chat, bot, chat.bots[bot.id], "restricted")

    def unmute_bot(self, chat_id: int, bot: Bot | None = None) -> None:
        """Let the bot send again."""
        chat, bot = self._world.groups[chat_id], bot or self.bot
        chat.muted.discard(bot.id)
        self._tell_membership(chat, bot, "restricted", chat.bots[bot.id])

    def rename_bot(self, username: str, bot: Bot | None = None) -> None:
        """Give the bot another username, as its owner can at @BotFather; the bot is not told."""
        bot = bot or self.bot
        bot.user = replace(bot.user, username=username)
        self._world.users[bot.id] = bot.user

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

    # -- how bots are told ------------------------------------------------------------

    def _membership(self, chat: Chat, bot: Bot, status: str) -> None:
        """Change what the bot is in a chat and tell it."""
        was = chat.bots.get(bot.id, "kicked" if bot.id in chat.shut else "left")
        if status == "kicked":
            chat.bots.pop(bot.id, None)
        else:
            chat.bots[bot.id] = status
        self._tell_membership(chat, bot, was, status)

    def _tell_membership(self, chat: Chat, bot: Bot, was: str, status: str) -> None:
        """Tell the bot what it was and is in a chat."""
        actor = chat.person or self._world.users[chat.owner]
        body: dict[str, Any] = {
            "chat": chat_json(chat),
            "from": user_json(actor),
            "date": self._world.now(),
            "old_chat_member": member_json(bot.user, was),
            "new_chat_member": member_json(bot.user, status),
        }
        bot.updates.push("my_chat_member", f"member:{chat.id}", body)
