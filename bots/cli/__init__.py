"""The console script ``moonthread``: one module a command, imported when the command is called.

Exit status: 0 success, 1 failure, 2 wrong usage, 130 interrupted by Ctrl-C.
"""

import os
import sys
from typing import Annotated

import typer

from bots.cli.lazy_group import LazyGroup
from core.domain.errors import MoonthreadError

PROGRAM = "moonthread"
COMPLETE_VARIABLE = "_MOONTHREAD_COMPLETE"
"""Set by a shell's completion script."""

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
    _open_closed_streams()
    _enable_completion()
    try:
        app(prog_name=PROGRAM)
    except MoonthreadError as error:
        _print_fault(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)
    except Exception:  # noqa: BLE001  the outermost boundary: a defect of ours, shown without secrets
        _print_defect()
        sys.exit(1)


def _open_closed_streams() -> None:
    """Replace standard streams that the shell closed (``>&-``) by the null device.

    Otherwise the next file or socket gets the stream's number, and receives what is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 (kept open)


def _enable_completion() -> None:
    """Register the shells if one of them asks what could be typed next."""
    if COMPLETE_VARIABLE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # late: only this call needs it

        completion_init()


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
