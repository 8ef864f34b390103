"""The checks of ``moonthread check`` for the database."""

from urllib.parse import urlsplit

from bots.check_result import CheckResult
from core.domain.errors import StoreUnavailable
from core.settings import Settings


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Check that the database can be reached and its tables are up to date; creates nothing."""
    from core.store import migrate  # late: it imports SQLAlchemy

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
    if migrate.is_pre_release(revision):
        return [CheckResult("fault", f"Database: {name}: {migrate.PRE_RELEASE_ADVICE}")]
    wanted = migrate.head()
    if revision == wanted:
        return [CheckResult("ok", f"Database: {name} is up to date ({revision})")]
    what = f"Database: {name} is at {revision or 'no revision'}, this version needs {wanted}"
    if runs:
        return [CheckResult("warning", what, "The next run brings it up to date; take a copy first.")]
    return [CheckResult("fault", what, "Run: moonthread db upgrade")]


def _describe_database(settings: Settings) -> str:
    """Return a description of the database without its password."""
    if settings.sqlite_file is not None:
        return f"SQLite file {settings.sqlite_file}"
    parts = urlsplit(settings.database_url.get_secret_value())
    return f"PostgreSQL {parts.path.lstrip('/')} at {parts.hostname or 'the local socket'}"
