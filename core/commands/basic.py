"""The commands that only say something: their effect was stored when they came in."""

from collections.abc import Mapping

from core.commands.command import Command, CommandHandler, CommandReply
from core.domain.command_names import CommandName
from core.text.notices import Notice


def notice_handler(notice: Notice) -> CommandHandler:
    """Return a handler that says one notice."""

    async def say(order: Command) -> CommandReply:
        return CommandReply(text=notice.text(order.language))

    return say


BASIC_COMMANDS: Mapping[CommandName, CommandHandler] = {
    CommandName.HELP: notice_handler(Notice.HELP),
    CommandName.START: notice_handler(Notice.START),
    CommandName.NEW: notice_handler(Notice.NEW),
    CommandName.STOP: notice_handler(Notice.NOTHING_RUNNING),
}
