"""Writes README's generated tables: ``python -m bots.readme_tables README.md`` (``make readme-tables``)."""

import sys
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bots.observability.metrics import ALL
from core.settings import setting_specs


def render_settings() -> str:
    """Return a Markdown table for each group of settings."""
    tables: list[str] = []
    for group, members in groupby(setting_specs(), key=lambda spec: spec.group):
        rows = [f"| `{spec.name}` | {spec.default or '–'} | {spec.description} |" for spec in members]
        tables.append(
            "\n".join([f"**{group}**", "", "| Variable | Default | Meaning |", "|---|---|---|", *rows])
        )
    return "\n\n".join(tables)


def render_metrics() -> str:
    """Return a Markdown table of all metrics."""
    rows = [
        f"| `{metric.name}` | {metric.kind} | {', '.join(metric.labels) or '–'} | {metric.help} |"
        for metric in ALL
    ]
    return "\n".join(["| Metric | Kind | Labels | Meaning |", "|---|---|---|---|", *rows])


TABLES: Final[Mapping[str, Callable[[], str]]] = MappingProxyType(
    {"settings": render_settings, "metrics": render_metrics}
)
"""The generated tables by the name in their markers."""


def insert_tables(text: str) -> str:
    """Return ``text`` with every generated table between its markers replaced.

    Raises:
        ValueError: a marker is missing.
    """
    for name, render in TABLES.items():
        begin, end = f"<!-- {name}: written by make readme-tables -->", f"<!-- end of {name} -->"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found_begin and found_end):
            raise ValueError(f"the markers {begin!r} and {end!r} are missing")
        text = f"{before}{begin}\n\n{render()}\n\n{end}{after}"
    return text


def main() -> None:
    """Rewrite the file named on the command line."""
    path = Path(sys.argv[1])
    path.write_text(insert_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
