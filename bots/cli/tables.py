"""Prints lists: as a table for people, or as JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import typer

from core.text.visible_text import terminal_text

Cell: TypeAlias = str | int | float | datetime | None
Row: TypeAlias = Mapping[str, Cell]

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON array, for programs.")]


def print_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print rows of cells by column.

    A table is never cut to the terminal's width, so that ids can be copied and piped.

    Args:
        rows: one mapping a row; a missing cell is empty.
        columns: names of the table's columns, in order; JSON has every cell of a row.
        as_json: print JSON, with times in ISO 8601.
        empty: the line for people if there are no rows.
    """
    if as_json:
        print(json.dumps([dict(row) for row in rows], default=_json_value, ensure_ascii=False, indent=2))
        return
    if not rows:
        print(empty)
        return
    lines = [list(columns), *([_cell(row.get(name)) for name in columns] for row in rows)]
    numeric = [all(isinstance(row.get(name), int | float | None) for row in rows) for name in columns]
    print_lines(lines, numeric)


def print_lines(lines: Sequence[Sequence[str]], numeric: Sequence[bool]) -> None:
    """Print a table of texts, the first line with the columns' names.

    ``numeric`` has one member a column: whether it is aligned to the right.
    """
    widths = [max(len(line[index]) for line in lines) for index in range(len(numeric))]
    for line in lines:
        cells = (
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, numeric, strict=True)
        )
        print("  ".join(cells).rstrip())


def one_line(text: str, limit: int = 60) -> str:
    """Return a text on one line, cut with an ellipsis after ``limit`` characters."""
    flat = " ".join(terminal_text(text).split())
    return flat if len(flat) <= limit else flat[: limit - 1].rstrip() + "…"


def _cell(value: Cell) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case float():
            return f"{value:.4f}"
        case _:
            return terminal_text(str(value))


def _json_value(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
