"""The README's table of settings, written from the settings themselves.

``python -m bots.cli.settings_table README.md`` puts it between the two marks; ``make
settings-table`` does that.
"""

import sys
from itertools import groupby
from pathlib import Path
from typing import Final

from core.settings import setting_specs

BEGIN: Final = "<!-- settings: written by make settings-table -->"
END: Final = "<!-- /settings -->"


def render_table() -> str:
    """Return one Markdown table for each group of settings."""
    parts: list[str] = []
    for group, members in groupby(setting_specs(), key=lambda spec: spec.group):
        rows = [f"| `{spec.name}` | {spec.default or '–'} | {spec.description} |" for spec in members]
        parts.append(
            "\n".join([f"**{group}**", "", "| Variable | Default | Meaning |", "|---|---|---|", *rows])
        )
    return "\n\n".join(parts)


def insert_table(text: str) -> str:
    """Return ``text`` with the table between the marks.

    Raises:
        ValueError: a mark is missing.
    """
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not found or not ended:
        raise ValueError(f"the marks {BEGIN} and {END} are missing")
    return f"{before}{BEGIN}\n\n{render_table()}\n\n{END}{after}"


def main() -> None:
    """Rewrite the file named on the command line."""
    file = Path(sys.argv[1])
    file.write_text(insert_table(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
