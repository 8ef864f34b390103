"""What the bot does for a command or a choice: one module for each, one table of all.

A handler is called at once, beside a running answer. It may be called again after a crash, so it
sets what is wanted rather than toggling it.
"""

from core.commands.basic import BASIC_COMMANDS
from core.commands.block import BlockCommand, UnblockCommand
from core.commands.canned import CannedCommand
from core.commands.command import Command, CommandDispatcher, CommandHandler, CommandReply
from core.commands.console import ConsoleCommand
from core.commands.context import ContextCommand
from core.commands.digest import explain_digest
from core.commands.files import FilesCommand, NewCommand
from core.commands.forget import ForgetCommand, PersonForgetter
from core.commands.handoff import HANDOFF_COMMANDS
from core.commands.language import LanguageCommand
from core.commands.learn import LearnCommand
from core.commands.model import ModelCommand
from core.commands.options import GroupChangePolicy, may_change
from core.commands.persona import PersonaCommand
from core.commands.search import SearchCommand
from core.commands.settings import SettingsCommand
from core.commands.think import ThinkCommand
from core.commands.tools import ToolsCommand
from core.commands.usage import UsageCommand

__all__ = [
    "BASIC_COMMANDS",
    "HANDOFF_COMMANDS",
    "BlockCommand",
    "CannedCommand",
    "Command",
    "CommandDispatcher",
    "CommandHandler",
    "CommandReply",
    "ConsoleCommand",
    "ContextCommand",
    "FilesCommand",
    "ForgetCommand",
    "GroupChangePolicy",
    "LanguageCommand",
    "LearnCommand",
    "ModelCommand",
    "NewCommand",
    "PersonForgetter",
    "PersonaCommand",
    "SearchCommand",
    "SettingsCommand",
    "ThinkCommand",
    "ToolsCommand",
    "UnblockCommand",
    "UsageCommand",
    "explain_digest",
    "may_change",
]
