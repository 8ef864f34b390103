"""The database cannot take an event: it is not acknowledged, the log says why, and nothing is lost."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

FULL = "PRAGMA max_page_count = 1"  # SQLite raises it to the file's present size: not a page more
READ_ONLY = "PRAGMA query_only = ON"
WELL = ("PRAGMA max_page_count = 1073741823", "PRAGMA query_only = OFF")


@contextmanager
def on_every_connection(database: Any, *pragmas: str) -> Iterator[None]:
    """Set pragmas on each connection that the service takes from its pool."""

    def put(connection: Any, *_: Any) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    event.listen(database.engine.sync_engine, "checkout", put)
    try:
        yield
    finally:
        event.remove(database.engine.sync_engine, "checkout", put)


@pytest.mark.parametrize(
    ("pragma", "why"),
    [(FULL, "database or disk is full"), (READ_ONLY, "attempt to write a readonly")],
)
async def test_an_event_that_the_disk_cannot_take_comes_again(world: Any, pragma: str, why: str) -> None:
    """On a full disk or a read-only one nothing is acknowledged; with room again it is answered once."""
    await world.start()
    room = world.direct()
    await (warm := world.direct("Bob")).ask("Hello?")
    await warm.shows("Hello there.", exactly=True)
    await world.done(1)
    database = world.service.database
    with capture_logs() as logs, ExitStack() as trouble:
        trouble.enter_context(on_every_connection(database, pragma))
        await room.ask("Is there room? " + "x" * 3_900)
        await world.until(
            lambda: any(why in str(line.get("error", "")) for line in logs), f"the log says {why!r}"
        )
        assert room.answers == []
        assert not any("Is there room?" in str(line) for line in logs)
        trouble.close()
        with on_every_connection(database, *WELL):
            await room.shows("Hello there.", exactly=True)
            assert await world.done(2) == ["complete"] * 2
    assert len(room.answers) == 1
