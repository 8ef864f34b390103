"""Tables: a row's cells, and a layout in columns for a font of one width."""

import re
from collections.abc import Sequence

from rich.cells import cell_len

_CELL_PIECE = re.compile(r"\\.|(`+)(?!`)(?:.*?[^`])\1(?!`)|[^|\\`]+|`+|\|")


def split_cells(row: str) -> list[str]:
    """Split a table's row at its pipes, save escaped ones and those inside code."""
    row = row.strip().removeprefix("|")
    found: list[str] = []
    current = ""
    at = 0
    while at < len(row):
        step = _CELL_PIECE.match(row, at)
        piece = step.group() if step else row[at]
        at += len(piece)
        if piece == "|":
            found.append(current.strip())
            current = ""
        else:
            current += "|" if piece == "\\|" else piece.replace("\\|", "|")
    if current.strip() or not row.endswith("|"):
        found.append(current.strip())
    return found


def alignment(cell: str) -> str:
    """Return what a cell of the delimiter row says: left, center or right."""
    if cell.endswith(":"):
        return "center" if cell.startswith(":") else "right"
    return "left"


def format_table(rows: Sequence[Sequence[str]], align: Sequence[str]) -> str:
    """Return rows of plain text as aligned columns, the first row as the header.

    Widths are display widths: Chinese, Japanese and Korean characters take two places. Rows may
    be of different lengths.
    """
    count = max(len(row) for row in rows)
    full = [[*row, *[""] * (count - len(row))] for row in rows]
    widths = [max(1, *(cell_len(row[column]) for row in full)) for column in range(count)]
    sides = [*align[:count], *["left"] * (count - len(align))]
    lines = [_format_row(row, widths, sides) for row in full]
    lines.insert(1, "-+-".join("-" * width for width in widths))
    return "\n".join(lines)


def _format_row(row: Sequence[str], widths: Sequence[int], sides: Sequence[str]) -> str:
    padded = []
    for cell, width, side in zip(row, widths, sides, strict=True):
        space = width - cell_len(cell)
        left = space if side == "right" else space // 2 if side == "center" else 0
        padded.append(" " * left + cell + " " * (space - left))
    return " | ".join(padded).rstrip()
