"""``moonthread console``: prints a link that signs in to the web console once."""

import getpass
from typing import Annotated

import typer

from bots.cli.store import run_in_transaction
from bots.cli.terminal import print_error
from core.settings import load
from core.store import Transaction, console_access


def console(
    sign_out_all: Annotated[
        bool, typer.Option("--sign-out-all", help="End every session instead, and invalidate every link.")
    ] = False,
    sign_out: Annotated[
        str | None,
        typer.Option("--sign-out", metavar="PERSON", help="End a person's sessions, such as slack:U0123."),
    ] = None,
) -> None:
    """Print a link that signs in to the web console once, within ten minutes."""
    settings = load()
    if sign_out_all or sign_out:

        async def end(tx: Transaction) -> int:
            return await console_access.end_all_sessions(tx, sign_out)

        print(f"{run_in_transaction(end)} sessions ended")
        return

    async def work(tx: Transaction) -> str:
        return await console_access.create_link(tx, f"shell:{_user()}")

    token = run_in_transaction(work, create=True)
    print(f"{settings.console_address}/sign-in/{token}")
    if settings.console == "off":
        print_error("the console is off: set MOONTHREAD_CONSOLE=on and start the service again")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in containers
        return "?"
