"""A backup of either database is one SQLite file that holds all of it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text

from core.store import Database, migrate
from core.store.backup import LEFT_OUT, copy_to_file
from core.store.database_transfer import transferred_tables
from core.store.schema import inbox, metadata
from tests.core.store.test_database_transfer import fill, read, row_of_inbox


@pytest.fixture
async def copied(database: Database, tmp_path: Path) -> AsyncIterator[Any]:
    """Return a function that copies the database and opens the copy."""
    opened: list[Database] = []

    async def copy() -> Database:
        file = tmp_path / f"copy{len(opened)}.db"
        await copy_to_file(database, file)
        opened.append(Database(f"sqlite:///{file}"))
        return opened[-1]

    yield copy
    for one in opened:
        await one.close()


async def test_every_row_of_every_table_is_in_the_copy(database: Database, copied: Any) -> None:
    """Moments, JSON, bytes, NULLs and words in any script; the copy is a database of this version."""
    await fill(database)

    copy = await copied()

    await migrate.require_compatible(copy)
    for table in transferred_tables():
        assert await read(copy, table) == await read(database, table), table.name


async def test_what_lets_people_into_the_console_is_not_in_the_copy(database: Database, copied: Any) -> None:
    """We chose: whoever finds a backup cannot use a link or a session of it."""
    async with database.begin() as tx:
        await tx.execute(
            text(
                "INSERT INTO console_links (token_hash, person, expires_at) "
                "VALUES ('h', 'shell:ann', '2026-01-01 00:00:00')"
            )
        )

    copy = await copied()

    async with copy.read() as tx:
        for table in LEFT_OUT:
            rows = await tx.execute(select(func.count()).select_from(metadata.tables[table]))
            assert rows.scalar_one() == 0


async def test_ids_go_on_in_the_copy(database: Database, copied: Any) -> None:
    """An inbox id orders a conversation: none is given twice, also not after the last row was deleted."""
    async with database.begin() as tx:
        first = (
            await tx.execute(insert(inbox).values(**row_of_inbox("gone")).returning(inbox.c.id))
        ).scalar_one()
        await tx.execute(text("DELETE FROM inbox"))

    copy = await copied()

    async with copy.begin() as tx:
        row = insert(inbox).values(**row_of_inbox("next")).returning(inbox.c.id)
        assert (await tx.execute(row)).scalar_one() == first + 1


async def test_a_write_in_the_middle_is_in_the_copy_whole_or_not_at_all(
    database: Database, copied: Any
) -> None:
    """The service goes on meanwhile: an open transaction neither blocks the copy nor is half in it."""
    async with database.begin() as tx:
        await tx.execute(insert(inbox).values(**row_of_inbox("open")))
        before = await copied()
    after = await copied()

    counts = []
    for copy in (before, after):
        async with copy.read() as reading:
            counts.append((await reading.execute(text("SELECT count(*) FROM inbox"))).scalar_one())
    assert counts == [0, 1]
