"""``moonthread console``: prints a link that signs in to the web console once."""

import getpass
from typing import Annotated

import typer

from bots.cli.store import run_in_transaction
from bots.cli.terminal import print_error
from core.settings import Settings, load
from core.store import Transaction, console_access


def console(
    sign_out_all: Annotated[
        bool, typer.Option("--sign-out-all", help="End every session instead, and invalidate every link.")
    ] = False,
) -> None:
    """Print a link that signs in to the web console once, within ten minutes."""
    settings = load()
    if sign_out_all:
        ended = run_in_transaction(console_access.end_all_sessions)
        print(f"{ended} sessions ended")
        return

    async def work(tx: Transaction) -> str:
        return await console_access.create_link(tx, f"shell:{_user()}")

    token = run_in_transaction(work, create=True)
    print(f"{console_address(settings)}/sign-in/{token}")
    if settings.console == "off":
        print_error("the console is off: set MOONTHREAD_CONSOLE=on and start the service again")


def console_address(settings: Settings) -> str:
    """Return the console's address for browsers, without a trailing slash."""
    if settings.console_url:
        return settings.console_url
    host = f"[{settings.console_host}]" if ":" in settings.console_host else settings.console_host
    return f"http://{host}:{settings.console_port}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in containers
        return "?"
