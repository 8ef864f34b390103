"""``moonthread export``: prints the stored data of a conversation or a person as JSON Lines."""

import sys
from collections.abc import AsyncIterator
from typing import Annotated

import orjson
import typer

from bots.cli.store import open_database
from bots.cli.terminal import run_async
from core.settings import Requirement, Settings, load
from core.store import Transaction, export
from core.store.export import Record


def export_(
    conversation: Annotated[int | None, typer.Option(help="A conversation's number.")] = None,
    person: Annotated[
        str | None, typer.Option(help="A person, as platform:id, such as slack:U0123 or telegram:42.")
    ] = None,
) -> None:
    """Print everything stored of one conversation or one person, one JSON object a line.

    Example: moonthread export --person slack:U0123 > person.jsonl
    """
    if (conversation is None) == (person is None):
        raise typer.BadParameter("give either --conversation NUMBER or --person PLATFORM:ID")
    platform, _, person_id = (person or "").partition(":")
    if person is not None and not (platform and person_id):
        raise typer.BadParameter("--person is PLATFORM:ID, such as slack:U0123")
    settings = load(required=[Requirement.STORE])
    if not run_async(_write_records(settings, conversation, platform, person_id)):
        typer.echo("moonthread: nothing is stored of that", err=True)
        raise typer.Exit(1)


async def _write_records(settings: Settings, conversation: int | None, platform: str, person_id: str) -> int:
    """Write the records and return their number."""
    count = 0
    async with open_database(settings) as database, database.read() as tx:
        async for record in _records(tx, conversation, platform, person_id):
            sys.stdout.buffer.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    sys.stdout.flush()
    return count


def _records(
    tx: Transaction, conversation: int | None, platform: str, person_id: str
) -> AsyncIterator[Record]:
    if conversation is not None:
        return export.export_conversation(tx, conversation)
    return export.export_person(tx, platform, person_id)
