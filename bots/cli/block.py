"""``moonthread block``, ``unblock`` and ``blocked``: the operator's block list."""

import re
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from bots.cli.store import run_in_transaction, run_read
from core.store import Transaction, blocked_people
from core.store.blocked_people import EVERYWHERE, BlockedPerson
from core.text.visible_text import terminal_text

PersonArgument = Annotated[str, typer.Argument(help="PLATFORM:ID, such as slack:U0123 or telegram:42.")]
ChatOption = Annotated[
    str, typer.Option(help="Only in this channel or chat, by its id; without it everywhere on the platform.")
]


def block(person: PersonArgument, chat: ChatOption = EVERYWHERE) -> None:
    """Give somebody no more answers; they are told once.

    Example: moonthread block telegram:42 --chat=-1001234567890
    """
    platform, person_id = _parse_person(person)

    async def work(tx: Transaction) -> bool:
        return await blocked_people.block(tx, platform=platform, person_id=person_id, channel=chat)

    new = run_in_transaction(work, create=True)
    typer.echo(
        f"{person} is blocked{_scope_text(chat)}"
        if new
        else f"{person} was blocked{_scope_text(chat)} before"
    )


def unblock(person: PersonArgument, chat: ChatOption = EVERYWHERE) -> None:
    """Answer somebody again: in one chat, or in every chat in which they are blocked.

    Example: moonthread unblock telegram:42
    """
    platform, person_id = _parse_person(person)

    async def work(tx: Transaction) -> int:
        return await blocked_people.unblock(tx, platform=platform, person_id=person_id, channel=chat or None)

    if not run_in_transaction(work):
        typer.echo(f"moonthread: {person} is not blocked{_scope_text(chat)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{person} is answered again{_scope_text(chat)}")


def blocked() -> None:
    """List everybody who is blocked."""

    async def work(tx: Transaction) -> list[BlockedPerson]:
        return list(await blocked_people.load_blocked(tx))

    people = run_read(work)
    if not people:
        typer.echo("nobody is blocked")
        return
    table = Table("person", "name", "chat", "by", "since", box=None, pad_edge=False)
    for one in people:
        since = one.blocked_at.strftime("%Y-%m-%d %H:%M")
        row = (
            f"{one.platform}:{one.person_id}",
            terminal_text(one.name),
            one.channel or "everywhere",
            one.blocked_by or "operator",
        )
        table.add_row(*row, since)
    Console().print(table)


def _parse_person(person: str) -> tuple[str, str]:
    match = re.fullmatch(r"(slack|telegram):(-?\w+)", person)
    if match is None:
        raise typer.BadParameter("a person is PLATFORM:ID, such as slack:U0123 or telegram:42")
    return match[1], match[2]


def _scope_text(chat: str) -> str:
    return f" in {chat}" if chat else ""
