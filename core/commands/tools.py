"""``/tools``: which tools Kimi may use in this chat, and which without asking."""

from dataclasses import replace

import structlog

from core.commands import tools_menu as menu
from core.commands.command import Command, CommandReply
from core.commands.options import admins_only_text
from core.domain.addresses import ChatType
from core.store import Database, tool_choices
from core.store.tool_choices import ToolChoices
from core.tools.registry import ToolRegistry
from core.tools.selection import OWN, ToolSelection

log = structlog.get_logger(__name__)


class ToolsCommand:
    """Shows and sets it; in a group for all of its threads, and by its admins only."""

    def __init__(self, database: Database, tool_registry: ToolRegistry) -> None:
        self._database = database
        self._tool_registry = tool_registry

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one command or pressed button; show the menu if it is not understood."""
        groups = await self._tool_registry.tool_groups()
        wanted = menu.parse_argument(command.argument, groups)
        async with self._database.read() as tx:
            choices = await tool_choices.load(tx, command.conversation)
        note = ""
        if wanted.change is not None and not command.is_admin:
            note = admins_only_text(command.language)
        elif wanted.change is not None:
            choices = await self._apply(command, wanted)
        elif command.argument.strip() and wanted.group is None:
            note = menu.unknown_text(command.argument, command.language)
        view = menu.ToolsView(
            groups=groups,
            selection=_selection(command, choices),
            approved=choices.approved,
            language=command.language,
            may_change=command.is_admin,
        )
        text, options = view.group(wanted.group) if wanted.group is not None else view.overview()
        return CommandReply(text=f"{note}\n\n{text}".strip(), options=options)

    async def _apply(self, command: Command, wanted: menu.Wanted) -> ToolChoices:
        """Store a change and return the choices after it."""
        async with self._database.begin() as tx:
            before = await tool_choices.load(tx, command.conversation)
            after = _changed(command, before, wanted)
            if after != before:
                await tool_choices.save(tx, command.conversation, after, changed_by=command.author.id)
        if after != before:
            log.info("tool.choices_changed", conversation=command.conversation.id)
        return after


def _changed(command: Command, choices: ToolChoices, wanted: menu.Wanted) -> ToolChoices:
    group, tool, selection = wanted.group, wanted.tool, _selection(command, choices)
    match wanted.change:
        case "ask" if tool is not None:
            return replace(choices, approved=tuple(one for one in choices.approved if one != tool.name))
        case "on" | "off" if tool is not None:
            selection = selection.with_tool(tool, on=wanted.change == "on")
        case "on" | "off" if group is not None and group.name != OWN:
            selection = selection.with_server(group.name, on=wanted.change == "on")
        case _:
            return choices
    return replace(choices, tools=selection.words)


def _selection(command: Command, choices: ToolChoices) -> ToolSelection:
    return ToolSelection.chosen(choices.tools, in_group=command.chat_type is ChatType.GROUP)
