"""``moonthread usage``: prints tokens and cost as a table."""

import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Final, Literal

import typer

from bots.cli.feedback import first_moment
from bots.cli.store import open_database
from bots.cli.tables import JsonOption, Row, print_rows
from bots.cli.terminal import run_async
from core.settings import Requirement, Settings, load
from core.store import usage_report
from core.store.usage_report import GroupBy, Totals

COLUMNS: Final[Sequence[tuple[str, Callable[[Totals], str]]]] = (
    ("messages", lambda row: str(row.messages)),
    ("prompt", lambda row: str(row.prompt_tokens)),
    ("cached", lambda row: str(row.cached_tokens)),
    ("completion", lambda row: str(row.completion_tokens)),
    ("reasoning", lambda row: str(row.reasoning_tokens)),
    ("usd", lambda row: f"{row.cost_usd:.4f}"),
    ("unpriced", lambda row: str(row.unpriced)),
)
"""Columns by name: answers, tokens, cost, and the number of calls whose price is unknown."""


def usage(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day, by UTC; a month ago.")
    ] = None,
    by: Annotated[Literal["day", "person", "chat", "model"], typer.Option(help="A line for each.")] = "day",
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print answers, tokens and cost since a day.

    Example: moonthread usage --by chat --since 2026-11-01
    """
    settings = load(required=[Requirement.STORE])
    rows = run_async(_load_totals(settings, by, first_moment(since)))
    lines = [
        [by, *(name for name, _ in COLUMNS)],
        *([row.name, *(value(row) for _, value in COLUMNS)] for row in rows),
    ]
    if as_json:
        print_rows([_figures(row, by) for row in rows], (), as_json=True, empty="")
        return
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    lines.append(["total", *(value(_total(rows)) for _, value in COLUMNS)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for first, *rest in lines:
        numbers = (text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))
        print("  ".join([first.ljust(widths[0]), *numbers]))


def _figures(row: Totals, by: GroupBy) -> Row:
    return {(by if name == "name" else name): value for name, value in asdict(row).items()}


async def _load_totals(settings: Settings, by: GroupBy, since: datetime) -> Sequence[Totals]:
    async with open_database(settings) as database, database.read() as tx:
        return await usage_report.grouped_totals(tx, by, since=since)


def _total(rows: Sequence[Totals]) -> Totals:
    return Totals(
        messages=sum(row.messages for row in rows),
        prompt_tokens=sum(row.prompt_tokens for row in rows),
        cached_tokens=sum(row.cached_tokens for row in rows),
        completion_tokens=sum(row.completion_tokens for row in rows),
        reasoning_tokens=sum(row.reasoning_tokens for row in rows),
        cost_usd=sum(row.cost_usd for row in rows),
        unpriced=sum(row.unpriced for row in rows),
    )
