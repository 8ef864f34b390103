"""``moonthread db status``, ``db downgrade`` and ``db copy``, typed by a person."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from core.store import Database, migrate


async def test_status_says_what_is_left_to_do(moonthread: Any) -> None:
    """Before the first upgrade every step is needed, afterwards none."""
    before = (await moonthread("db", "status")).out
    assert before.startswith("at no revision\nneeded: 0001_initial Create all tables.")
    await moonthread("db", "upgrade")
    after = (await moonthread("db", "status")).out.splitlines()
    assert after[0] == f"at {migrate.chain().needed}"
    assert after[1] == f"versions of revision {migrate.chain().first} and later may run on it"
    assert (await moonthread("db", "contract")).out == f"at {migrate.head()}\n"


async def test_a_downgrade_asks_before_it_deletes(moonthread: Any) -> None:
    """We chose: what would go is listed with its number of rows, and goes only with ``--yes``."""
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(moonthread.folder / "data")
    await moonthread("db", "upgrade")
    file = moonthread.folder / "data" / "moonthread.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("INSERT INTO secrets (name, value) VALUES ('x', 'y')")

    refused = await moonthread("db", "downgrade", "base")
    still = (await moonthread("db", "current")).out
    done = await moonthread("db", "downgrade", "base", "--yes")

    assert refused.status == 1
    assert refused.err.splitlines() == [
        "moonthread: the way back to base deletes data:",
        "moonthread:   secrets: 1 row",
        "moonthread: nothing was changed; take a copy of the database first, then repeat this with --yes",
    ]
    assert still == f"{migrate.head()}\n"
    assert done.out == "at no tables\n"


@pytest.mark.slow
async def test_copy_moves_a_deployment_and_says_so(moonthread: Any, postgres_url: str) -> None:
    """Progress goes to standard error, the result and what to do next to standard output."""
    moonthread.environ["DATABASE_URL"] = "sqlite:///old.db"
    await moonthread("db", "upgrade")
    (moonthread.folder / "target").write_text(f"{postgres_url}\n", encoding="utf-8")

    done = await moonthread("db", "copy", "--to-file", "target")

    assert done.out == (
        "0 rows copied and compared. Set DATABASE_URL to the new address and start the service.\n"
    )
    assert "messages: 0 rows, compared" in done.err
    target = Database(postgres_url)
    await migrate.require_compatible(target)
    await target.close()


async def test_copy_refuses_with_one_line(moonthread: Any) -> None:
    """No source, no target, or one that is no PostgreSQL: one line, never with the password."""
    moonthread.environ["DATABASE_URL"] = "sqlite:///old.db"
    nothing = await moonthread("db", "copy", "--to", "postgresql://me:hush@127.0.0.1/x")
    assert (nothing.status, nothing.err) == (
        1,
        "moonthread: DATABASE_URL: names no SQLite file that is there; nothing to copy\n",
    )
    await moonthread("db", "upgrade")
    for arguments in ((), ("--to", "postgresql://me:hush@127.0.0.1"), ("--to", "sqlite:///other.db")):
        refused = await moonthread("db", "copy", *arguments)
        assert refused.status == 1
        assert refused.err.count("\n") == 1, refused.err
        assert "hush" not in refused.err
