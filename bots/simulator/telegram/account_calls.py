"""The methods about the bot itself and about chats: who am I, commands, members, files."""

import json
import re
from typing import Any

from bots.simulator.telegram.chats import Bot, Chat, World
from bots.simulator.telegram.errors import bad_request
from bots.simulator.telegram.params import Params, chat_id_of
from bots.simulator.telegram.wire import chat_json, me_json, member_json

COMMAND_NAME = re.compile(r"[a-z0-9_]{1,32}")
COMMAND_LIMIT = 100
DOWNLOAD_LIMIT_BYTES = 20 * 1024 * 1024
SCOPES = frozenset(
    [
        "default",
        "all_private_chats",
        "all_group_chats",
        "all_chat_administrators",
        "chat",
        "chat_administrators",
        "chat_member",
    ]
)


class AccountCalls:
    """Everything that shows nothing in a chat, on one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def get_me(self, bot: Bot, _params: Params) -> dict[str, Any]:
        """``getMe``."""
        return me_json(bot)

    async def get_updates(self, bot: Bot, params: Params) -> list[dict[str, Any]]:
        """``getUpdates``."""
        bot.updates.allow(params.get("allowed_updates"))
        return await bot.updates.fetch(
            offset=params.get("offset") or 0,
            limit=params.get("limit") or 100,
            timeout_s=params.get("timeout") or 0,
        )

    def set_my_commands(self, bot: Bot, params: Params) -> bool:
        """``setMyCommands``."""
        commands = params.get("commands")
        if not isinstance(commands, list):
            raise bad_request("can't parse commands JSON object")
        if len(commands) > COMMAND_LIMIT:
            raise bad_request("BOT_COMMANDS_TOO_MUCH")
        for command in commands:
            if not COMMAND_NAME.fullmatch(str(command.get("command", "")).removeprefix("/")):
                raise bad_request("BOT_COMMAND_INVALID")
            if not 1 <= len(str(command.get("description", ""))) <= 256:
                raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        bot.commands[_scope(params)] = commands
        return True

    def get_my_commands(self, bot: Bot, params: Params) -> list[dict[str, str]]:
        """``getMyCommands``."""
        return bot.commands.get(_scope(params), [])

    def delete_my_commands(self, bot: Bot, params: Params) -> bool:
        """``deleteMyCommands``."""
        bot.commands.pop(_scope(params), None)
        return True

    def get_chat(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``getChat``."""
        chat = self._chat(bot, params)
        described = {"description": chat.description} if chat.description else {}
        return (
            chat_json(chat)
            | described
            | {
                "accent_color_id": 0,
                "max_reaction_count": 11,
                "accepted_gift_types": GIFTS,
            }
        )

    def get_chat_member(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``getChatMember``."""
        chat = self._chat(bot, params)
        user_id = params.get("user_id") or 0
        if user_id not in self._world.users:
            raise bad_request("invalid user_id specified")
        return self._member(chat, user_id)

    def get_chat_administrators(self, bot: Bot, params: Params) -> list[dict[str, Any]]:
        """``getChatAdministrators``."""
        chat = self._chat(bot, params)
        if chat.kind == "private":
            raise bad_request("there are no administrators in the private chat")
        everybody = sorted(chat.members | set(chat.bots))
        members = [self._member(chat, user_id) for user_id in everybody]
        runs = [member for member in members if member["status"] in ("creator", "administrator")]
        return [member for member in runs if not member["user"]["is_bot"] or member["user"]["id"] == bot.id]

    def _member(self, chat: Chat, user_id: int) -> dict[str, Any]:
        user = self._world.users[user_id]
        if user_id in chat.bots:
            return member_json(user, chat.bots[user_id])
        if user_id not in chat.members:
            return member_json(user, "left")
        if user_id in chat.admins:
            return member_json(user, "administrator")
        return member_json(user, "creator" if user_id == chat.owner else "member")

    def get_file(self, _bot: Bot, params: Params) -> dict[str, Any]:
        """``getFile``; downloads are capped at 20 MB on the cloud."""
        file_id = str(params.get("file_id", ""))
        if file_id not in self._world.files:
            raise bad_request("wrong file_id or the file is temporarily unavailable")
        path, content = self._world.files[file_id]
        if len(content) > DOWNLOAD_LIMIT_BYTES:
            raise bad_request("file is too big")
        return {
            "file_id": file_id,
            "file_unique_id": f"u-{file_id}",
            "file_size": len(content),
            "file_path": path,
        }

    def _chat(self, bot: Bot, params: Params) -> Chat:
        chat = self._world.find(bot, chat_id_of(params))
        chat.guard(bot)
        return chat


GIFTS = dict.fromkeys(
    ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels"), False
)


def _scope(params: Params) -> tuple[str, str]:
    scope = params.get("scope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in SCOPES:
        raise bad_request("can't parse BotCommandScope: Unsupported type specified")
    return json.dumps(scope, sort_keys=True), str(params.get("language_code") or "")
