"""``/human``, ``/take``, ``/assign``, ``/back`` and ``/close``, where the desk's door did not take them."""

from core.commands.command import Command, CommandHandler, CommandReply
from core.domain.command_names import CommandName
from core.text.language import Language, pick


async def _no_desk_reply(command: Command) -> CommandReply:
    """Say that there is no team here."""
    return CommandReply(text=no_desk_text(command.language))


async def _staff_only_reply(command: Command) -> CommandReply:
    """Say that these are the team's commands."""
    return CommandReply(text=staff_only_text(command.language))


HANDOFF_COMMANDS: dict[CommandName, CommandHandler] = {
    CommandName.HUMAN: _no_desk_reply,
    CommandName.TAKE: _staff_only_reply,
    CommandName.ASSIGN: _staff_only_reply,
    CommandName.BACK: _staff_only_reply,
    CommandName.CLOSE: _staff_only_reply,
}


def no_desk_text(language: Language) -> str:
    """Say that there is nobody to ask."""
    return pick(
        language,
        zh="这里没有设置人工客服，只能由我来回答。",
        en="No team is connected here, so there is only me to answer.",
    )


def staff_only_text(language: Language) -> str:
    """Say that only the team may do this."""
    return pick(language, zh="只有团队成员可以这样做。", en="Only people of the team can do this.")
