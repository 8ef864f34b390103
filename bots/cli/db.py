"""``moonthread db``: bring the tables up to date, look, go back, or move everything to PostgreSQL."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bots.cli.terminal import create_data_folder, run_async
from core.domain.errors import SettingsError
from core.settings import Requirement, Settings, load

if TYPE_CHECKING:
    from core.store.database_transfer import TransferProgress

db = typer.Typer(name="db", help="The database's tables.", no_args_is_help=True)


def _database_url() -> str:
    """Return the database's address; a folder of ours is made where it is missing."""
    settings = load(required=[Requirement.STORE])
    create_data_folder(settings)
    return settings.database_url.get_secret_value()


@db.command()
def upgrade() -> None:
    """Bring the tables up to what this version needs; older versions may go on running."""
    from core.store import migrate

    url = _database_url()
    run_async(migrate.upgrade(url))
    print(f"at {run_async(migrate.revision(url))}")


@db.command()
def contract() -> None:
    """Take away what only older versions needed; do it once none of them runs any more."""
    from core.store import migrate

    url = _database_url()
    run_async(migrate.contract(url))
    print(f"at {run_async(migrate.revision(url))}")


@db.command()
def current() -> None:
    """Print the revision that the tables are at."""
    from core.store import migrate

    print(run_async(migrate.revision(_database_url())) or "no tables yet")


@db.command()
def status() -> None:
    """Say where the tables are, and which steps are left."""
    from core.store import migrate

    found = run_async(migrate.status(_database_url()))
    print(f"at {found.current or 'no revision'}")
    if found.newer:
        print(f"newer than this version, which needs {migrate.chain().needed}")
    if found.floor:
        print(f"versions of revision {found.floor} and later may run on it")
    for step in found.pending:
        print(f"needed: {step.revision} {step.summary}")
    for step in found.contract:
        print(f"contract step, when no older version runs: {step.revision} {step.summary}")
    if not (found.pending or found.contract or found.newer):
        print("nothing is left to do")


@db.command()
def downgrade(revision: str) -> None:
    """Take the tables back to an earlier revision ("base": remove them all)."""
    from core.store import migrate

    url = _database_url()
    run_async(migrate.downgrade(url, revision))
    print(f"at {run_async(migrate.revision(url)) or 'no tables'}")


@db.command()
def copy(
    to: Annotated[str, typer.Option(help="The target's address: postgresql://user:password@host/name")] = "",
    to_file: Annotated[
        Path | None, typer.Option(help="A file that holds the address, so that no password is typed")
    ] = None,
    start_over: Annotated[
        bool, typer.Option("--anew", help="Drop what an earlier, incomplete copy brought, and begin again")
    ] = False,
) -> None:
    """Copy everything from the SQLite file to an empty PostgreSQL database, and compare both.

    The service must be stopped. An interrupted copy goes on where it was when it is run again.
    """
    settings = load(required=[Requirement.STORE])
    if settings.sqlite_file is None or not settings.sqlite_file.is_file():
        raise SettingsError(["DATABASE_URL: names no SQLite file that is there; nothing to copy"])
    rows = run_async(_copy(settings, _target_url(to, to_file), start_over=start_over))
    print(f"{rows:,} rows copied and compared. Set DATABASE_URL to the new address and start the service.")


def _target_url(to: str, to_file: Path | None) -> str:
    """Return the address that was given in one of two ways."""
    from pydantic import TypeAdapter, ValidationError

    from core.settings.shapes import DatabaseUrl

    if bool(to) == (to_file is not None):
        raise SettingsError(["--to: give either --to or --to-file"])
    try:
        told = to if to_file is None else to_file.read_text(encoding="utf-8").strip()
        return TypeAdapter(DatabaseUrl).validate_python(told).get_secret_value()
    except ValidationError as exc:  # its text would repeat the address
        fault = exc.errors(include_url=False, include_input=False)[0]
        raise SettingsError([f"--to: {fault.get('ctx', {}).get('error', fault['msg'])}"]) from None
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError([f"--to-file: {to_file} cannot be read"]) from exc


async def _copy(settings: Settings, target_url: str, *, start_over: bool) -> int:
    from core.store import Database
    from core.store.database_transfer import DatabaseTransfer

    source, target = Database(settings.database_url.get_secret_value()), Database(target_url)
    try:
        return await DatabaseTransfer(source, target, _print_progress).run(start_over=start_over)
    finally:
        await source.close()
        await target.close()


def _print_progress(progress: "TransferProgress") -> None:
    """Keep one line for each table on a terminal; elsewhere one line when it is done."""
    done = f"{progress.table}: {progress.rows:,} of {progress.total:,}"
    if progress.verified:
        print(f"{progress.table}: {progress.rows:,} rows, compared", file=sys.stderr)
    elif sys.stderr.isatty():
        print(f"\r{done}", end="\n" if progress.rows == progress.total else "", file=sys.stderr, flush=True)
    elif progress.rows == progress.total:
        print(done, file=sys.stderr)
