"""Writes README's table of metrics: ``python -m bots.observability.metrics_table README.md``."""

import sys
from pathlib import Path
from typing import Final

from bots.observability.metrics import ALL

BEGIN: Final = "<!-- metrics: written by python -m bots.observability.metrics_table README.md -->"
END: Final = "<!-- end of metrics -->"


def render_table() -> str:
    """Return the table in Markdown."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels) or '–'} | {metric.help} |"
        for metric in ALL
    ]
    return "\n".join(["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|", *rows])


def insert_table(text: str) -> str:
    """Return ``text`` with the table between its markers replaced.

    Raises:
        ValueError: a marker is missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the lines {BEGIN!r} and {END!r} are missing")
    return f"{before}{BEGIN}\n{render_table()}\n{END}{after}"


def main() -> None:
    """Write the table into the file named on the command line."""
    path = Path(sys.argv[1])
    path.write_text(insert_table(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
