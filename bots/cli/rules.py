"""``moonthread rules``: manages the rules of groups and channels."""

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from bots.cli.store import run_in_transaction, run_read
from bots.cli.tables import JsonOption, Row, print_rows
from core.chat_policy import RULE_NAMES, ChatRules, parse_pairs, render_rules, with_changes
from core.domain.errors import SettingsError
from core.knowledge.scope import require_sets
from core.settings import load
from core.store import Transaction, rules
from core.store.rules import ANY_TENANT, StoredChatRules
from core.tools.mcp.config import server_names
from core.tools.selection import RESERVED_NAMES

ChatArgument = Annotated[
    str,
    typer.Argument(
        metavar="CHAT",
        help="PLATFORM:CHANNEL, such as telegram:-100123 or slack:C0123; "
        "PLATFORM:TENANT:CHANNEL where several bots or workspaces have it.",
    ),
]

rules_commands = typer.Typer(name="rules", help="Rules of groups and channels.", no_args_is_help=True)


@rules_commands.command("set")
def set_(
    chat: ChatArgument,
    pairs: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE…", help=f"Rules: {', '.join(RULE_NAMES)}. NAME= is the usual."),
    ],
) -> None:
    """Set rules of a chat; rules that are not named keep their values.

    Example: moonthread rules set telegram:-1001234567890 trigger=question knowledge=tea
    """
    values, (platform, tenant, channel) = _parse_arguments(chat, pairs)

    async def work(tx: Transaction) -> tuple[ChatRules, int]:
        stored = await _load_rules(tx, platform, tenant, channel)
        changed = with_changes(stored.rules if stored else ChatRules(), values)
        owner = stored.tenant if stored else tenant
        if "knowledge" in values:
            await require_sets(tx, changed.knowledge, platform=platform, tenant=owner)
        return changed, await rules.save(
            tx, changed, platform=platform, tenant=owner, channel=channel, changed_by=""
        )

    changed, version = run_in_transaction(work, create=True)
    typer.echo(f"{chat}: version {version}, in effect")
    if "tools" in values and (unknown := _unknown_servers(changed.tools)):
        typer.echo(f"moonthread: mcp.json names no server {', '.join(unknown)}", err=True)
    _print_rules(changed, include_defaults=False)


@rules_commands.command()
def show(
    chat: ChatArgument,
    include_defaults: Annotated[bool, typer.Option("--all", help="Also what is as usual.")] = False,
) -> None:
    """Print the rules of a chat, as "rules set" takes them.

    Example: moonthread rules show telegram:-1001234567890
    """
    platform, tenant, channel = _parse_chat(chat)

    async def work(tx: Transaction) -> StoredChatRules | None:
        return await _load_rules(tx, platform, tenant, channel)

    stored = run_read(work)
    if stored is None:
        typer.echo(f"{chat} has no rules of its own")
        if not include_defaults:
            return
    else:
        by = stored.changed_by or "the command line"
        typer.echo(f"{chat}: version {stored.version}, {stored.changed_at:%Y-%m-%d %H:%M} UTC by {by}")
    _print_rules(stored.rules if stored else ChatRules(), include_defaults=include_defaults)


@rules_commands.command("list")
def list_(as_json: JsonOption = False) -> None:
    """List the chats that have rules."""

    async def work(tx: Transaction) -> Sequence[StoredChatRules]:
        return await rules.load_all(tx)

    rows: list[Row] = [
        {
            "chat": ":".join(part for part in (one.platform, one.tenant, one.channel) if part),
            "version": one.version,
            "changed": one.changed_at,
            "by": one.changed_by or "command line",
            "rules": ", ".join(render_rules(one.rules)),
        }
        for one in run_read(work)
    ]
    columns = ("chat", "version", "changed", "by", "rules")
    print_rows(rows, columns, as_json=as_json, empty="no chat has rules of its own")


@rules_commands.command()
def drop(chat: ChatArgument) -> None:
    """Remove all rules of a chat."""
    platform, tenant, channel = _parse_chat(chat)

    async def work(tx: Transaction) -> bool:
        stored = await _load_rules(tx, platform, tenant, channel)
        if stored is None:
            return False
        return await rules.remove(tx, platform=platform, tenant=stored.tenant, channel=channel)

    if not run_in_transaction(work):
        typer.echo(f"moonthread: {chat} has no rules of its own", err=True)
        raise typer.Exit(1)
    typer.echo(f"{chat} has no rules of its own any more")


def _unknown_servers(words: Sequence[str]) -> list[str]:
    """Return the words of the rule ``tools`` that name no MCP server and can be no single tool."""
    settings = load()
    known = {*RESERVED_NAMES, *server_names(settings.data_dir)}
    return [word for word in words if word not in known and not word.startswith("-") and "__" not in word]


def _parse_arguments(chat: str, pairs: list[str]) -> tuple[dict[str, str], tuple[str, str, str]]:
    """Return the values by rule, and platform, tenant and channel of the chat.

    Raises:
        SettingsError: with every fault of both.
    """
    faults: list[str] = []
    chat_key, values = ("", "", ""), dict[str, str]()
    try:
        chat_key = _parse_chat(chat)
    except SettingsError as exc:
        faults += exc.faults
    try:
        values = parse_pairs(pairs)
    except SettingsError as exc:
        faults += exc.faults
    if faults:
        try:
            with_changes(ChatRules(), values)
        except SettingsError as exc:
            faults += exc.faults
        raise SettingsError(faults)
    return values, chat_key


def _parse_chat(chat: str) -> tuple[str, str, str]:
    match = re.fullmatch(r"(slack|telegram):(?:(\w+):)?(-?\w+)", chat)
    if match is None:
        raise SettingsError([f"{chat!r} is no chat; write one such as telegram:-100123 or slack:C0123"])
    return match[1], match[2] or ANY_TENANT, match[3]


async def _load_rules(tx: Transaction, platform: str, tenant: str, channel: str) -> StoredChatRules | None:
    """Return a chat's stored rules; those of its only tenant if none is named.

    Raises:
        SettingsError: no tenant is named, and several have rules for this chat.
    """
    stored = await rules.load_all(tx, platform=platform, channel=channel)
    if tenant:
        return next((one for one in stored if one.tenant == tenant), None)
    if len(stored) > 1:
        rooms = ", ".join(f"{platform}:{one.tenant or '(any)'}:{channel}" for one in stored)
        raise SettingsError([f"several have this chat; name the tenant too: {rooms}"])
    return stored[0] if stored else None


def _print_rules(chat_rules: ChatRules, *, include_defaults: bool) -> None:
    for name, value in render_rules(chat_rules, include_defaults=include_defaults).items():
        typer.echo(f"{name}={value}")
