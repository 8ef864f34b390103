"""Tables: a row's cells, and two layouts: columns for a font of one width, and a list for narrow screens."""

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


def table_width(rows: Sequence[Sequence[str]]) -> int:
    """Return the columns that the layout of :func:`format_table` takes."""
    count = max(len(row) for row in rows)
    widths = [max(cell_len(row[column]) for row in rows if column < len(row)) for column in range(count)]
    return sum(max(1, width) for width in widths) + 3 * (count - 1)


def table_to_list(rows: Sequence[Sequence[str]]) -> list[tuple[str, list[str]]]:
    """Return each row as its first cell and a line ``• column: value`` for each further cell that has text.

    The names of the columns are the first entry: the first column's is nowhere else.
    """
    header, *body = rows
    names = " · ".join(name for name in header if name)
    listed: list[tuple[str, list[str]]] = [("", [names])] if names else []
    for row in body:
        lines = [_list_line(header, column, cell) for column, cell in enumerate(row) if column and cell]
        head = row[0] if row else ""
        if head or lines:
            listed.append((head, lines))
    return listed


def _list_line(header: Sequence[str], column: int, cell: str) -> str:
    name = header[column] if column < len(header) else ""
    return f"• {name}: {cell}" if name else f"• {cell}"


def _format_row(row: Sequence[str], widths: Sequence[int], sides: Sequence[str]) -> str:
    padded = []
    for cell, width, side in zip(row, widths, sides, strict=True):
        space = width - cell_len(cell)
        left = space if side == "right" else space // 2 if side == "center" else 0
        padded.append(" " * left + cell + " " * (space - left))
    return " | ".join(padded).rstrip()
