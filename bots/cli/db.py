"""``moonthread db``: bring the tables up to date, look, or go back."""

import typer

from bots.cli.terminal import make_folder, run_async
from core.settings import Need, load

db = typer.Typer(name="db", help="The database's tables.", no_args_is_help=True)


def _url() -> str:
    """Return the database's address; a folder of ours is made where it is missing."""
    settings = load(needs=[Need.STORE])
    make_folder(settings)
    return settings.database_url.get_secret_value()


@db.command()
def upgrade() -> None:
    """Bring the tables up to date."""
    from core.store import migrate

    url = _url()
    run_async(migrate.upgrade(url))
    print(f"at {run_async(migrate.current(url))}")


@db.command()
def current() -> None:
    """Print the revision that the tables are at."""
    from core.store import migrate

    print(run_async(migrate.current(_url())) or "no tables yet")


@db.command()
def downgrade(revision: str) -> None:
    """Take the tables back to an earlier revision ("base": remove them all)."""
    from core.store import migrate

    url = _url()
    run_async(migrate.downgrade(url, revision))
    print(f"at {run_async(migrate.current(url)) or 'no tables'}")
