"""``moonthread config``: prints the settings in effect and where each comes from."""

from typing import Annotated

import typer

from bots.cli.tables import JsonOption, print_rows
from core.settings import load
from core.settings.origins import DEFAULT_ORIGIN, effective_settings


def config(
    include_defaults: Annotated[
        bool, typer.Option("--all", help="Also settings with their default.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the settings in effect and where they come from; never a secret.

    Example: moonthread config --all
    """
    rows = [
        {"setting": one.name, "value": one.value, "from": one.origin}
        for one in effective_settings(load())
        if include_defaults or one.origin != DEFAULT_ORIGIN
    ]
    empty = "every setting has its default; --all lists them"
    print_rows(rows, ("setting", "value", "from"), as_json=as_json, empty=empty)
