"""``moonthread usage``: prints tokens and cost as a table."""

import csv
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Final, Literal

import typer

from bots.cli.feedback import SinceOption, first_moment
from bots.cli.store import run_read
from bots.cli.tables import JsonOption, Row, print_lines, print_rows
from core.store import Transaction, authors, usage_report
from core.store.usage_report import GroupBy, Totals

COLUMNS: Final[Sequence[tuple[str, Callable[[Totals], str]]]] = (
    ("messages", lambda row: str(row.messages)),
    ("prompt", lambda row: str(row.prompt_tokens)),
    ("cached", lambda row: str(row.cached_tokens)),
    ("completion", lambda row: str(row.completion_tokens)),
    ("reasoning", lambda row: str(row.reasoning_tokens)),
    ("usd", lambda row: f"{row.cost_usd:.4f}"),
    ("unpriced", lambda row: str(row.unpriced)),
    ("sound_s", lambda row: f"{row.sound_s:.0f}"),
)
"""Columns by name: answers, tokens, cost, calls whose price is unknown, and seconds of heard recordings."""


def usage(
    since: SinceOption = None,
    by: Annotated[Literal["day", "person", "chat", "model"], typer.Option(help="A line for each.")] = "day",
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print answers, tokens and cost of the last 30 days, or since a day.

    Examples: moonthread usage --by chat --since 2026-11-01

    moonthread usage --by person --csv > usage.csv
    """

    async def work(tx: Transaction) -> tuple[Sequence[Totals], Mapping[str, str]]:
        rows = await usage_report.grouped_totals(tx, by, since=first_moment(since))
        people = [row.name for row in rows] if by == "person" else []
        return rows, await authors.load_latest_names(tx, people) if people else {}

    rows, names = run_read(work)
    if as_json:
        print_rows([_figures(row, by, names) for row in rows], (), as_json=True, empty="")
        return
    named = by == "person"
    lines = [
        [by, *(("name",) if named else ()), *(name for name, _ in COLUMNS)],
        *(
            [row.name, *((names.get(row.name, ""),) if named else ()), *(value(row) for _, value in COLUMNS)]
            for row in rows
        ),
    ]
    if as_csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    lines.append(["total", *(("",) if named else ()), *(value(_total(rows)) for _, value in COLUMNS)])
    print_lines(lines, [False, *((False,) if named else ()), *(True for _ in COLUMNS)])


def _figures(row: Totals, by: GroupBy, names: Mapping[str, str]) -> Row:
    figures = {(by if name == "name" else name): value for name, value in asdict(row).items()}
    return {**figures, "name": names.get(row.name, "")} if by == "person" else figures


def _total(rows: Sequence[Totals]) -> Totals:
    return Totals(
        messages=sum(row.messages for row in rows),
        prompt_tokens=sum(row.prompt_tokens for row in rows),
        cached_tokens=sum(row.cached_tokens for row in rows),
        completion_tokens=sum(row.completion_tokens for row in rows),
        reasoning_tokens=sum(row.reasoning_tokens for row in rows),
        cost_usd=sum(row.cost_usd for row in rows),
        unpriced=sum(row.unpriced for row in rows),
        sound_s=sum(row.sound_s for row in rows),
    )
