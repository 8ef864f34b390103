"""The command line's commands by name, each imported when it is called."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "init": "bots.cli.init:init",
        "run": "bots.cli.run:run",
        "check": "bots.cli.check:check",
        "config": "bots.cli.config:config",
        "ask": "bots.cli.ask:ask",
        "slack-manifest": "bots.cli.slack_manifest:slack_manifest",
        "demo": "bots.cli.demo:demo",
        "console": "bots.cli.console:console",
        "conversations": "bots.cli.conversations:conversations",
        "feedback": "bots.cli.feedback:feedback",
        "usage": "bots.cli.usage:usage",
        "block": "bots.cli.block:block",
        "unblock": "bots.cli.block:unblock",
        "blocked": "bots.cli.block:blocked",
        "export": "bots.cli.export:export_",
        "backup": "bots.cli.backup:backup",
        "restore": "bots.cli.backup:restore",
        "chat": "bots.cli.chat:chat_commands",
        "rules": "bots.cli.rules:rules_commands",
        "completion": "bots.cli.completion:completion",
        "db": "bots.cli.db:db",
        "desk": "bots.cli.desk:desk",
        "knowledge": "bots.cli.knowledge:knowledge",
        "speech": "bots.cli.speech:speech",
    }
)
"""Where each command is defined, as "module:name", in the order of the help."""


class LazyGroup(TyperGroup):
    """The group of the commands in :data:`COMMANDS`.

    Importing all of them takes seconds (SDKs, SQLAlchemy), and a call needs one.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.commands.update({name: TyperCommand(name) for name in COMMANDS})  # names to suggest for a typo

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command by name; None if there is none."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        definition = getattr(import_module(module), name)
        if isinstance(definition, typer.Typer):
            return get_group(definition)
        single = typer.Typer(add_completion=False)
        single.command(cmd_name)(definition)
        return get_command(single)
