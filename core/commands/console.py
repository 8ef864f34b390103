"""``/console``: sends a link that signs in to the web console once."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import structlog

from core.commands.command import Command, CommandReply
from core.domain.addresses import ChatType
from core.inbound.console_rights import ConsoleRights
from core.store import Database, console_access
from core.store.console_access import TooManyLinks
from core.text.language import Language, pick

log = structlog.get_logger(__name__)

MAX_OPEN_LINKS: Final = 5  #: of one person; links expire after ten minutes

LoadRights: TypeAlias = Callable[[str], Awaitable[ConsoleRights | None]]


class ConsoleCommand:
    """Replies with a link, in a direct message only and only to people who have rights on the console."""

    def __init__(self, database: Database, load_rights: LoadRights, *, address: str) -> None:
        """``address`` is the console's for browsers, without a trailing slash; "" if it is off."""
        self._database = database
        self._load_rights = load_rights
        self._address = address

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one command."""
        person = f"{command.conversation.key.platform}:{command.author.id}"
        if await self._load_rights(person) is None:
            return CommandReply(text=_no_rights_text(command.language))
        if not self._address:
            return CommandReply(text=_off_text(command.language))
        if command.chat_type is not ChatType.DIRECT:
            return CommandReply(text=_direct_only_text(command.language))
        try:
            async with self._database.begin() as tx:
                token = await console_access.create_link(tx, person, max_open=MAX_OPEN_LINKS)
        except TooManyLinks:
            log.warning("console.link_limited", platform=command.conversation.key.platform)
            return CommandReply(text=_too_many_text(command.language))
        log.info("console.link_sent", platform=command.conversation.key.platform)
        return CommandReply(text=_link_text(command.language, f"{self._address}/sign-in/{token}"))


def _no_rights_text(language: Language) -> str:
    return pick(
        language,
        zh="控制台只对管理员和客服开放。",
        en="The console is for admins and members of the team only.",
    )


def _off_text(language: Language) -> str:
    return pick(
        language,
        zh="控制台没有开启。请设置 `MOONTHREAD_CONSOLE=on` 并重启服务。",
        en="The console is off. Set `MOONTHREAD_CONSOLE=on` and start the service again.",
    )


def _direct_only_text(language: Language) -> str:
    return pick(
        language,
        zh="登录链接只能私发：请在与我的私聊中发送 `/console`。",
        en="A sign-in link is for you alone: send me `/console` in a direct message.",
    )


def _too_many_text(language: Language) -> str:
    return pick(
        language,
        zh="你还有未使用的登录链接。请用其中一个，或十分钟后再试。",
        en="You have several links that are not used yet. Use one of them, or try again in ten minutes.",
    )


def _link_text(language: Language, link: str) -> str:
    return pick(
        language,
        zh=f"点此登录控制台（十分钟内有效，只能使用一次）：\n\n{link}",
        en=f"Sign in to the console with this link, once and within ten minutes:\n\n{link}",
    )
