"""``moonthread chat set``, ``show``, ``list`` and ``drop``: the rules of groups and channels."""

import re
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bots.cli.store import done
from core.chat_policy import NAMES, ChatRules, changed, parse_pairs, to_words
from core.domain.errors import SettingsError
from core.store import Transaction, rules
from core.store.rules import ANY_TENANT, Stored

Room = Annotated[
    str,
    typer.Argument(
        metavar="CHAT",
        help="PLATFORM:CHANNEL, such as telegram:-100123 or slack:C0123; "
        "PLATFORM:TENANT:CHANNEL where several bots or workspaces have it.",
    ),
]


def set_(
    room: Room,
    pairs: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE…", help=f"Rules: {', '.join(NAMES)}. NAME= is the usual."),
    ],
) -> None:
    """Set rules of a chat; those that are not named stay as they are."""
    words, (platform, tenant, channel) = _read(room, pairs)

    async def work(tx: Transaction) -> tuple[ChatRules, int]:
        stored = await _found(tx, platform, tenant, channel)
        made = changed(stored.rules if stored else ChatRules(), words)
        where = stored.tenant if stored else tenant
        return made, await rules.save(
            tx, made, platform=platform, tenant=where, channel=channel, changed_by=""
        )

    made, version = done(work, make=True)
    typer.echo(f"{room}: version {version}, in effect")
    _print(made, all_of_them=False)


def show(
    room: Room, all_of_them: Annotated[bool, typer.Option("--all", help="Also what is as usual.")] = False
) -> None:
    """Print the rules of a chat, as "chat set" takes them."""
    platform, tenant, channel = _parsed(room)

    async def work(tx: Transaction) -> Stored | None:
        return await _found(tx, platform, tenant, channel)

    stored = done(work)
    if stored is None:
        typer.echo(f"{room} has no rules of its own")
        if not all_of_them:
            return
    else:
        by = stored.changed_by or "the command line"
        typer.echo(f"{room}: version {stored.version}, {stored.changed_at:%Y-%m-%d %H:%M} UTC by {by}")
    _print(stored.rules if stored else ChatRules(), all_of_them=all_of_them)


def list_() -> None:
    """List the chats that have rules."""

    async def work(tx: Transaction) -> Sequence[Stored]:
        return await rules.listed(tx)

    found = done(work)
    if not found:
        typer.echo("no chat has rules of its own")
        return
    table = Table("chat", "version", "changed", "by", "rules", box=None, pad_edge=False)
    for one in found:
        room = ":".join(part for part in (one.platform, one.tenant, one.channel) if part)
        changed_at = f"{one.changed_at:%Y-%m-%d %H:%M}"
        names = ", ".join(to_words(one.rules))
        table.add_row(room, str(one.version), changed_at, one.changed_by or "command line", names)
    Console().print(table)


def drop(room: Room) -> None:
    """Take all rules of a chat away."""
    platform, tenant, channel = _parsed(room)

    async def work(tx: Transaction) -> bool:
        stored = await _found(tx, platform, tenant, channel)
        if stored is None:
            return False
        return await rules.drop(tx, platform=platform, tenant=stored.tenant, channel=channel)

    if not done(work):
        typer.echo(f"moonthread: {room} has no rules of its own", err=True)
        raise typer.Exit(1)
    typer.echo(f"{room} has no rules of its own any more")


def _read(room: str, pairs: list[str]) -> tuple[dict[str, str], tuple[str, str, str]]:
    """Return what is to be set where.

    Raises:
        SettingsError: names every fault.
    """
    faults: list[str] = []
    place, words = ("", "", ""), dict[str, str]()
    try:
        place = _parsed(room)
    except SettingsError as exc:
        faults += exc.faults
    try:
        words = parse_pairs(pairs)
    except SettingsError as exc:
        faults += exc.faults
    if faults:
        try:
            changed(ChatRules(), words)
        except SettingsError as exc:
            faults += exc.faults
        raise SettingsError(faults)
    return words, place


def _parsed(room: str) -> tuple[str, str, str]:
    found = re.fullmatch(r"(slack|telegram):(?:(\w+):)?(-?\w+)", room)
    if found is None:
        raise SettingsError([f"{room!r} is no chat; write one such as telegram:-100123 or slack:C0123"])
    return found[1], found[2] or ANY_TENANT, found[3]


async def _found(tx: Transaction, platform: str, tenant: str, channel: str) -> Stored | None:
    """Return a chat's stored rules; with no tenant named, those under any."""
    stored = await rules.listed(tx, platform=platform, channel=channel)
    if tenant:
        return next((one for one in stored if one.tenant == tenant), None)
    if len(stored) > 1:
        rooms = ", ".join(f"{platform}:{one.tenant or '(any)'}:{channel}" for one in stored)
        raise SettingsError([f"several have this chat; name the tenant too: {rooms}"])
    return stored[0] if stored else None


def _print(made: ChatRules, *, all_of_them: bool) -> None:
    for name, value in to_words(made, all_of_them=all_of_them).items():
        typer.echo(f"{name}={value}")
