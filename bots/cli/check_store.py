"""The checks of ``moonthread check`` for the database."""

from pathlib import Path
from urllib.parse import urlsplit

from bots.check_result import CheckResult
from bots.cli import private_files
from core.domain.errors import StoreUnavailable
from core.settings import Settings


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Check that the database can be reached and its tables are up to date; creates nothing."""
    from core.store import migrate  # late: it imports SQLAlchemy
    from core.store.released_revisions import is_pre_release

    name = _describe_database(settings)
    runs = settings.migrate == "auto"
    if settings.sqlite_file is not None and not settings.sqlite_file.exists():
        if runs:
            return [CheckResult("ok", f"Database: {name} will be made by the first run")]
        return [CheckResult("fault", f"Database: {name} does not exist", "Run: moonthread db upgrade")]
    try:
        revision = await migrate.revision(settings.database_url.get_secret_value())
    except StoreUnavailable as error:
        return [CheckResult("fault", f"Database: {name} cannot be reached: {error}", "Check DATABASE_URL.")]
    if is_pre_release(revision):
        return [CheckResult("fault", f"Database: {name}: {migrate.PRE_RELEASE_ADVICE}")]
    wanted = migrate.head()
    if revision == wanted:
        up_to_date = CheckResult("ok", f"Database: {name} is up to date ({revision})")
        return [up_to_date, *await _check_pooler(settings, name), *await _check_moved_channels(settings)]
    what = f"Database: {name} is at {revision or 'no revision'}, this version needs {wanted}"
    if runs:
        return [CheckResult("warning", what, "The next run brings it up to date; take a copy first.")]
    return [CheckResult("fault", what, "Run: moonthread db upgrade")]


def check_private_files(settings: Settings | None) -> list[CheckResult]:
    """Return a warning for each file with people's words or tokens that other users may read.

    Only the ``.env`` file is looked at if the settings cannot be loaded.
    """
    paths = [path for path in (Path(".env"),) if private_files.is_readable_by_others(path)]
    paths += private_files.exposed_paths(settings) if settings is not None else []
    return [
        CheckResult("warning", f"Other users of this machine can read {path}", f"Run: chmod go= {path}")
        for path in paths
    ]


async def _check_pooler(settings: Settings, name: str) -> list[CheckResult]:
    """Return a fault if a pooler in transaction mode is between us and the database."""
    from core.store import Database, pooling  # late: it imports SQLAlchemy

    database = Database(settings.database_url.get_secret_value(), pool_size=2)
    try:
        pooled = await pooling.has_transaction_pooling(database)
    except StoreUnavailable as error:
        return [CheckResult("warning", f"Database: {name}: a second connection failed ({error})")]
    finally:
        await database.close()
    what = f"Database: {name} is behind a connection pooler in transaction mode"
    return [CheckResult("fault", what, pooling.ADVICE)] if pooled else []


async def _check_moved_channels(settings: Settings) -> list[CheckResult]:
    """Return a warning for each id in the settings of a channel that has another id now."""
    from core.store import Database, channel_moves  # late: it imports SQLAlchemy

    named = {*settings.allow, *settings.deny, *settings.fair_share_weights, settings.desk or ""}
    database = Database(settings.database_url.get_secret_value())
    try:
        async with database.read() as tx:
            moves = await channel_moves.load(tx)
    except StoreUnavailable:
        return []
    finally:
        await database.close()
    return [
        CheckResult(
            "warning",
            f"Settings name {platform}:{old}, which has become {platform}:{new}",
            "The lists follow it; put the new id into the settings all the same.",
        )
        for platform, old, new in moves
        if f"{platform}:{old}" in named
    ]


def _describe_database(settings: Settings) -> str:
    """Return a description of the database without its password."""
    if settings.sqlite_file is not None:
        return f"SQLite file {settings.sqlite_file}"
    parts = urlsplit(settings.database_url.get_secret_value())
    return f"PostgreSQL {parts.path.lstrip('/')} at {parts.hostname or 'the local socket'}"
