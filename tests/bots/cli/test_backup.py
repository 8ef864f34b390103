"""``moonthread backup`` and ``moonthread restore``, typed by a person."""

import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
async def deployment(moonthread: Any) -> Path:
    """A data folder with a database that holds one secret, and a persona."""
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(moonthread.folder / "data")
    await moonthread("db", "upgrade")
    put(moonthread.folder / "data", "before")
    make_persona(moonthread.folder / "data")
    return Path(moonthread.folder, "data")


def make_persona(data: Path) -> None:
    """Write a persona into a data folder."""
    folder = data / "personas"
    folder.mkdir()
    folder.joinpath("teacher.md").write_text("You teach.", encoding="utf-8")


def names(folder: Path, pattern: str = "*") -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in folder.glob(pattern))


def put(data: Path, value: str) -> None:
    """Store a value in a data folder's database."""
    with closing(sqlite3.connect(data / "moonthread.db")) as database, database:
        database.execute("INSERT OR REPLACE INTO secrets (name, value) VALUES ('x', ?)", (value,))


def stored(file: Path) -> str:
    """Return the value that a database holds."""
    with closing(sqlite3.connect(file)) as database:
        return str(database.execute("SELECT value FROM secrets WHERE name = 'x'").fetchone()[0])


async def test_a_backup_is_one_file_for_this_user_only(moonthread: Any, deployment: Path) -> None:
    """It has the database, the personas and its origin; a name that is taken is refused."""
    done = await moonthread("backup", "b.tar.gz")
    again = await moonthread("backup", "b.tar.gz")

    file = moonthread.folder / "b.tar.gz"
    assert done.status == 0
    assert done.out.startswith("b.tar.gz: ")
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        assert archive.getnames() == ["backup.json", "moonthread.db", "personas/teacher.md"]
    assert (again.status, again.err) == (1, "moonthread: b.tar.gz: exists; name another file\n")
    assert names(moonthread.folder) == ["b.tar.gz", "data"]


async def test_a_restore_beside_leaves_the_first_alone(moonthread: Any, deployment: Path) -> None:
    """A drill: another data folder gets the database and the personas."""
    await moonthread("backup", "b.tar.gz")
    put(deployment, "after")
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(moonthread.folder / "drill")

    done = await moonthread("restore", "b.tar.gz")

    drill = moonthread.folder / "drill"
    assert done.status == 0, done.err
    assert stored(drill / "moonthread.db") == "before"
    assert stored(deployment / "moonthread.db") == "after"
    assert (drill / "personas" / "teacher.md").read_text(encoding="utf-8") == "You teach."
    assert names(drill) == [
        "moonthread.db",
        "moonthread.db.lock",
        "personas",
    ]
    assert (drill / "moonthread.db").stat().st_mode & 0o777 == 0o600


async def test_an_existing_database_is_only_replaced_when_asked(moonthread: Any, deployment: Path) -> None:
    """--replace sets it aside under another name; nothing is deleted."""
    await moonthread("backup", "b.tar.gz")
    put(deployment, "after")
    (deployment / "personas" / "teacher.md").write_text("You changed.", encoding="utf-8")

    refused = await moonthread("restore", "b.tar.gz")
    kept = stored(deployment / "moonthread.db")
    done = await moonthread("restore", "b.tar.gz", "--replace")

    assert refused.status == 1
    assert "--replace sets it aside" in refused.err
    assert kept == "after"
    assert done.status == 0, done.err
    assert stored(deployment / "moonthread.db") == "before"
    (aside,) = names(deployment, "moonthread.db.2*[0-9]")
    assert stored(deployment / aside) == "after"
    assert (deployment / "personas" / "teacher.md").read_text(encoding="utf-8") == "You teach."


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"hello", "is no whole backup of moonthread"), (None, "cannot be read (No such file or directory)")],
)
async def test_what_is_no_backup_is_refused(moonthread: Any, content: bytes | None, why: str) -> None:
    """One line says so, and nothing is made."""
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(moonthread.folder / "data")
    if content is not None:
        (moonthread.folder / "b.tar.gz").write_bytes(content)

    done = await moonthread("restore", "b.tar.gz")

    assert (done.status, done.err) == (1, f"moonthread: b.tar.gz: {why}\n")
    assert not (moonthread.folder / "data" / "moonthread.db").exists()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("moonthread.db", "its database has 100,000,000 MB; the disk is too full"),
        ("backup.json", "is no whole backup"),
        ("personas/a.md", "is no whole backup"),
    ],
)
async def test_a_backup_that_has_no_room_is_refused(moonthread: Any, name: str, why: str) -> None:
    """A small archive can announce any size, and hold it: zeros compress well."""
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(moonthread.folder / "data")
    member = tarfile.TarInfo(name)
    member.size = 10**14
    (moonthread.folder / "b.tar").write_bytes(member.tobuf() + bytes(10_240))

    done = await moonthread("restore", "b.tar")

    assert done.status == 1
    assert why in done.err


async def test_half_a_backup_is_refused(moonthread: Any, deployment: Path) -> None:
    """A file that was cut, by a full disk or a broken download, is not restored."""
    await moonthread("backup", "b.tar.gz")
    file = moonthread.folder / "b.tar.gz"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(moonthread.folder / "drill")

    done = await moonthread("restore", "b.tar.gz")

    assert (done.status, done.err) == (1, "moonthread: b.tar.gz: is no whole backup of moonthread\n")
    assert not (moonthread.folder / "drill" / "moonthread.db").exists()


@pytest.mark.slow
async def test_a_backup_moves_between_databases(moonthread: Any, deployment: Path, postgres_url: str) -> None:
    """From SQLite into an empty PostgreSQL, and from there back into a file."""
    await moonthread("backup", "b.tar.gz")
    moonthread.environ["DATABASE_URL"] = postgres_url
    there = await moonthread("restore", "b.tar.gz")
    back = await moonthread("backup", "c.tar.gz")
    del moonthread.environ["DATABASE_URL"]
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(moonthread.folder / "drill")
    done = await moonthread("restore", "c.tar.gz")

    assert [one.status for one in (there, back, done)] == [0, 0, 0], (there.err, back.err, done.err)
    assert "from postgresql" in back.out
    assert stored(moonthread.folder / "drill" / "moonthread.db") == "before"
