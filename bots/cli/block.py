"""``moonthread block``, ``unblock`` and ``blocked``: people who get no answers, by the operator's word."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bots.cli.terminal import run_async
from core.settings import Need, load
from core.store import Database, Transaction, guard, migrate
from core.store.guard import EVERYWHERE, Blocked

T = TypeVar("T")

Person = Annotated[str, typer.Argument(help="PLATFORM:ID, such as slack:U0123 or telegram:42.")]
Chat = Annotated[
    str, typer.Option(help="Only in this channel or chat, by its id; without it everywhere on the platform.")
]


def block(person: Person, chat: Chat = EVERYWHERE) -> None:
    """Give somebody no more answers; they are told once."""
    platform, person_id = _parsed(person)

    async def work(tx: Transaction) -> bool:
        return await guard.block(tx, platform=platform, person_id=person_id, channel=chat)

    new = _done(work)
    typer.echo(f"{person} is blocked{_where(chat)}" if new else f"{person} was blocked{_where(chat)} before")


def unblock(person: Person, chat: Chat = EVERYWHERE) -> None:
    """Answer somebody again: in one chat, or wherever they were blocked."""
    platform, person_id = _parsed(person)

    async def work(tx: Transaction) -> int:
        return await guard.unblock(tx, platform=platform, person_id=person_id, channel=chat or None)

    if not _done(work):
        typer.echo(f"moonthread: {person} is not blocked{_where(chat)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{person} is answered again{_where(chat)}")


def blocked() -> None:
    """List everybody who is blocked."""

    async def work(tx: Transaction) -> list[Blocked]:
        return list(await guard.everyone(tx))

    found = _done(work)
    if not found:
        typer.echo("nobody is blocked")
        return
    table = Table("person", "name", "chat", "by", "since", box=None, pad_edge=False)
    for one in found:
        since = one.blocked_at.strftime("%Y-%m-%d %H:%M")
        row = (
            f"{one.platform}:{one.person_id}",
            one.name,
            one.channel or "everywhere",
            one.by_id or "operator",
        )
        table.add_row(*row, since)
    Console().print(table)


def _parsed(person: str) -> tuple[str, str]:
    found = re.fullmatch(r"(slack|telegram):(-?\w+)", person)
    if found is None:
        raise typer.BadParameter("a person is PLATFORM:ID, such as slack:U0123 or telegram:42")
    return found[1], found[2]


def _where(chat: str) -> str:
    return f" in {chat}" if chat else ""


def _done(work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Do something in the configured store."""
    url = load(needs=[Need.STORE]).database_url.get_secret_value()

    async def within() -> T:
        database = Database(url)
        try:
            await migrate.require_current(database)
            async with database.begin() as tx:
                return await work(tx)
        finally:
            await database.close()

    return run_async(within())
