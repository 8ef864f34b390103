"""The console script ``moonthread``: one module a command.

Exit status: 0 done, 1 it could not be done, 2 wrong usage, 130 ended by Ctrl-C.
"""

import sys
import traceback
from importlib import metadata
from typing import Annotated

import typer

from bots.cli.ask import ask
from bots.cli.block import block, blocked, unblock
from bots.cli.chat import chat_commands
from bots.cli.check import check
from bots.cli.db import db
from bots.cli.demo import demo
from bots.cli.desk import desk
from bots.cli.export import export_
from bots.cli.knowledge import knowledge
from bots.cli.run import run
from bots.cli.slack_manifest import slack_manifest
from bots.cli.terminal import EXIT_INTERRUPTED, error_lines, print_error
from bots.cli.usage import usage
from bots.observability import logging_setup
from core.domain.errors import MoonthreadError

app = typer.Typer(
    help="Kimi, Moonshot AI's model, in every thread of Slack and Telegram.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they print local variables, secrets among them
)
for command in (run, check, ask, slack_manifest, demo, usage, block, unblock, blocked):
    app.command()(command)
app.command("export")(export_)
app.add_typer(chat_commands)
app.add_typer(db)
app.add_typer(desk)
app.add_typer(knowledge)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"moonthread {metadata.version('moonthread')}")
        raise typer.Exit


@app.callback()
def options(
    _version_wanted: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
) -> None:
    """Take what stands before the command."""
    logging_setup.configure("warning")  # "run" sets it up anew, as its settings say


def main() -> None:
    """Run the command line; every failure becomes one line for each thing that is wrong."""
    try:
        app()
    except MoonthreadError as error:
        print_error(*error_lines(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception:  # noqa: BLE001  the outermost boundary: a defect of ours, shown without secrets
        print_error(
            "this is a defect; please report what follows",
            logging_setup.Scrubber().scrub(traceback.format_exc()),
        )
        sys.exit(1)
