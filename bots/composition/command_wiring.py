"""Command stage: the handler of each command."""

from collections.abc import Mapping

from bots.composition.components import Components
from bots.composition.prompt_wiring import PromptComponents
from bots.platform_adapter import ShowsHomePage
from core.commands import (
    BASIC_COMMANDS,
    HANDOFF_COMMANDS,
    BlockCommand,
    CommandDispatcher,
    CommandHandler,
    ConsoleCommand,
    ContextCommand,
    FilesCommand,
    ForgetCommand,
    LanguageCommand,
    ModelCommand,
    NewCommand,
    PersonaCommand,
    SearchCommand,
    SettingsCommand,
    ThinkCommand,
    ToolsCommand,
    UnblockCommand,
    UsageCommand,
    explain_digest,
    may_change,
)
from core.commands.home import PersonHome
from core.domain.command_names import CommandName


def build_command_dispatcher(components: Components, prompting: PromptComponents) -> CommandDispatcher:
    """Build the dispatcher with the handler of every command."""
    return CommandDispatcher(
        {
            **BASIC_COMMANDS,
            **HANDOFF_COMMANDS,
            **_setting_commands(components, prompting),
            **_data_commands(components, prompting),
            **components.knowledge.commands,
        },
        is_chat_admin=components.staff.is_chat_admin,
    )


def connect_home_pages(components: Components, model: str) -> None:
    """Let the platforms that have one show the bot's page; ``model`` is the deployment's."""
    base = components.base
    page = PersonHome(base.database, base.access, UsageCommand(base.database), model=model)
    for platform in base.platforms.values():
        if isinstance(platform, ShowsHomePage):
            platform.set_home_page(page)


def _setting_commands(
    components: Components, prompting: PromptComponents
) -> Mapping[CommandName, CommandHandler]:
    """Return the commands that show or change how the bot answers in a conversation."""
    database, options_loader = components.base.database, prompting.options_loader
    allowed, catalog = may_change(components.base.settings.group_changes), components.llm.catalog
    return {
        CommandName.MODEL: ModelCommand(database, options_loader, catalog, may_change=allowed),
        CommandName.THINK: ThinkCommand(database, options_loader, may_change=allowed),
        CommandName.SYSTEM: PersonaCommand(database, options_loader, prompting.personas, may_change=allowed),
        CommandName.SEARCH: SearchCommand(
            database, options_loader, prompting.tool_registry, may_change=allowed
        ),
        CommandName.TOOLS: ToolsCommand(database, prompting.tool_registry),
        CommandName.SETTINGS: SettingsCommand(database, components.staff, catalog, prompting.personas),
    }


def _data_commands(
    components: Components, prompting: PromptComponents
) -> Mapping[CommandName, CommandHandler]:
    """Return the commands that show or delete stored data, and those that block people."""
    base, staff, collector = components.base, components.staff, components.files.garbage_collector
    return {
        CommandName.DIGEST: explain_digest,
        CommandName.CONTEXT: ContextCommand(base.database, prompting.prompt_builder),
        CommandName.FILES: FilesCommand(base.database, collector),
        CommandName.NEW: NewCommand(collector),
        CommandName.BLOCK: BlockCommand(base.database, base.access, staff=staff),
        CommandName.UNBLOCK: UnblockCommand(base.database, staff=staff),
        CommandName.LANGUAGE: LanguageCommand(base.database),
        CommandName.USAGE: UsageCommand(base.database),
        CommandName.FORGET: ForgetCommand(components.forgetter),
        CommandName.CONSOLE: ConsoleCommand(
            base.database,
            components.console_rights.load,
            address=base.settings.console_address if base.settings.console == "on" else "",
        ),
    }
