"""``moonthread db``: upgrade, inspect and downgrade the tables, or copy everything to PostgreSQL."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bots.cli.terminal import create_data_folder, print_error, run_async
from core.domain.errors import SettingsError
from core.settings import Requirement, Settings, load

if TYPE_CHECKING:
    from core.store.data_loss import DataLoss
    from core.store.database_transfer import TransferProgress

db = typer.Typer(name="db", help="The database's tables.", no_args_is_help=True)


def _database_url() -> str:
    """Return the database's URL; creates the folder of a SQLite file if it is missing."""
    settings = load(required=[Requirement.STORE])
    create_data_folder(settings)
    return settings.database_url.get_secret_value()


@db.command()
def upgrade() -> None:
    """Bring the tables up to what this version needs; older versions may keep running."""
    from core.store import migrate

    url = _database_url()
    run_async(migrate.upgrade(url))
    print(f"at {run_async(migrate.revision(url))}")


@db.command()
def contract() -> None:
    """Remove what only older versions need; run it once none of them runs any more."""
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
    """Print the revision of the tables, and the steps that are left."""
    from core.store import migrate
    from core.store.released_revisions import is_pre_release

    tables = run_async(migrate.status(_database_url()))
    print(f"at {tables.current or 'no revision'}")
    if is_pre_release(tables.current):
        print(migrate.PRE_RELEASE_ADVICE)
        return
    if tables.newer:
        print(f"newer than this version, which needs {migrate.chain().needed}")
    if tables.floor:
        print(f"versions of revision {tables.floor} and later may run on it")
    for step in tables.pending:
        print(f"needed: {step.revision} {step.summary}")
    for step in tables.contract:
        print(f"contract step, when no older version runs: {step.revision} {step.summary}")
    if not (tables.pending or tables.contract or tables.newer):
        print("nothing is left to do")


@db.command()
def downgrade(
    revision: str,
    yes: Annotated[bool, typer.Option("--yes", help="Delete data that is in the way")] = False,
) -> None:
    """Take the tables back to an earlier revision ("base": remove them all).

    If data would be deleted, it is listed and nothing is done without --yes.
    """
    from core.store import migrate

    url = _database_url()
    losses = [] if yes else run_async(migrate.rehearse_downgrade(url, revision))
    if losses:
        print_error(
            f"the way back to {revision} deletes data:",
            *(f"  {_describe_loss(loss)}" for loss in losses),
            "nothing was changed; take a copy of the database first, then repeat this with --yes",
        )
        raise typer.Exit(1)
    run_async(migrate.downgrade(url, revision))
    print(f"at {run_async(migrate.revision(url)) or 'no tables'}")


def _describe_loss(loss: "DataLoss") -> str:
    rows = "1 row" if loss.rows == 1 else f"{loss.rows:,} rows"
    return f"{loss.table}: column {loss.column} of {rows}" if loss.column else f"{loss.table}: {rows}"


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

    The service must be stopped. Run an interrupted copy again to continue it.
    """
    settings = load(required=[Requirement.STORE])
    if settings.sqlite_file is None or not settings.sqlite_file.is_file():
        raise SettingsError(["DATABASE_URL: names no SQLite file that is there; nothing to copy"])
    rows = run_async(_copy(settings, _target_url(to, to_file), start_over=start_over))
    print(f"{rows:,} rows copied and compared. Set DATABASE_URL to the new address and start the service.")


def _target_url(to: str, to_file: Path | None) -> str:
    """Return the URL given by --to or --to-file.

    Raises:
        SettingsError: neither or both are given, or the URL is invalid.
    """
    from pydantic import TypeAdapter, ValidationError

    from core.settings.shapes import DatabaseUrl

    if bool(to) == (to_file is not None):
        raise SettingsError(["--to: give either --to or --to-file"])
    try:
        url = to if to_file is None else to_file.read_text(encoding="utf-8").strip()
        return TypeAdapter(DatabaseUrl).validate_python(url).get_secret_value()
    except ValidationError as exc:  # its text would repeat the URL
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
    """Print progress: on a terminal in one line for each table, elsewhere once a table is done."""
    line = f"{progress.table}: {progress.rows:,} of {progress.total:,}"
    if progress.verified:
        print(f"{progress.table}: {progress.rows:,} rows, compared", file=sys.stderr)
    elif sys.stderr.isatty():
        print(f"\r{line}", end="\n" if progress.rows == progress.total else "", file=sys.stderr, flush=True)
    elif progress.rows == progress.total:
        print(line, file=sys.stderr)
