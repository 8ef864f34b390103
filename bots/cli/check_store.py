"""What ``moonthread check`` finds out about the database."""

from urllib.parse import urlsplit

from bots.check_result import Finding
from core.domain.errors import StoreUnavailable
from core.settings import Settings


async def examine(settings: Settings) -> list[Finding]:
    """Look whether the database can be reached and its tables are up to date; nothing is made."""
    from core.store import migrate  # late: it brings SQLAlchemy in

    name = _name(settings)
    runs = settings.migrate == "auto"
    if settings.sqlite_file is not None and not settings.sqlite_file.exists():
        if runs:
            return [Finding("ok", f"Database: {name} will be made by the first run")]
        return [Finding("fault", f"Database: {name} does not exist", "Run: moonthread db upgrade")]
    try:
        revision = await migrate.current(settings.database_url.get_secret_value())
    except StoreUnavailable as error:
        return [Finding("fault", f"Database: {name} cannot be reached: {error}", "Check DATABASE_URL.")]
    wanted = migrate.head()
    if revision == wanted:
        return [Finding("ok", f"Database: {name} is up to date ({revision})")]
    what = f"Database: {name} is at {revision or 'no revision'}, this version needs {wanted}"
    if runs:
        return [Finding("warning", what, "The next run brings it up to date; take a copy first.")]
    return [Finding("fault", what, "Run: moonthread db upgrade")]


def _name(settings: Settings) -> str:
    """Say which database it is, without the password."""
    if settings.sqlite_file is not None:
        return f"SQLite file {settings.sqlite_file}"
    parts = urlsplit(settings.database_url.get_secret_value())
    return f"PostgreSQL {parts.path.lstrip('/')} at {parts.hostname or 'the local socket'}"
