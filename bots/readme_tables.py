"""Writes the generated tables of the READMEs: ``python -m bots.readme_tables`` (``make readme-tables``)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A generated table between two markers of a document."""

    name: str  #: in the markers
    document: str  #: path below the repository's root
    render: Callable[[], str]

    def insert(self, text: str) -> str:
        """Return a document's text with the table between its markers replaced.

        Raises:
            ValueError: a marker is missing.
        """
        begin, end = f"<!-- {self.name}: written by make readme-tables -->", f"<!-- end of {self.name} -->"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found_begin and found_end):
            raise ValueError(f"the markers {begin!r} and {end!r} are missing")
        return f"{before}{begin}\n\n{self.render()}\n\n{end}{after}"


TABLES: Final = (
    Table(name="settings", document="core/settings/README.md", render=render_settings),
    Table(name="metrics", document="bots/observability/README.md", render=render_metrics),
)
"""Every generated table."""


def main() -> None:
    """Rewrite the tables of the repository in the current folder."""
    for table in TABLES:
        path = Path(table.document)
        path.write_text(table.insert(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
