"""The console script ``moonthread``: one module a command, imported when the command is called.

Exit status: 0 success, 1 failure, 2 wrong usage, 130 interrupted by Ctrl-C.
"""

import sys
from typing import Annotated

import typer

from bots.cli.lazy_group import LazyGroup
from core.domain.errors import MoonthreadError

EXIT_INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it: 128 and the signal's number."""

app = typer.Typer(
    cls=LazyGroup,
    help="Kimi, Moonshot AI's model, in every thread of Slack and Telegram.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,  # they print local variables, secrets among them
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata  # late, as everything here: --version must answer at once

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
    """Handle the options before the command."""
    from bots.observability import logging_setup

    logging_setup.configure("warning")  # "run" configures it again, as its settings say


def main() -> None:
    """Run the command line; every failure is printed as one line for each fault."""
    try:
        app(prog_name="moonthread")
    except MoonthreadError as error:
        _print_fault(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception:  # noqa: BLE001  the outermost boundary: a defect of ours, shown without secrets
        _print_defect()
        sys.exit(1)


def _print_fault(error: MoonthreadError) -> None:
    from bots.cli.terminal import error_lines, print_error

    print_error(*error_lines(error))


def _print_defect() -> None:
    import traceback

    from bots.cli.terminal import print_error
    from bots.observability import logging_setup

    print_error(
        "this is a defect; please report what follows",
        logging_setup.Scrubber().scrub(traceback.format_exc()),
    )
