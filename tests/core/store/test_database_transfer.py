"""Everything of a SQLite file, moved to a real PostgreSQL, in one go or in several."""

import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Float, Integer, LargeBinary, Table, func, insert, inspect, select, text

from core.access.flood_limits import FloodCounter
from core.domain.addresses import Address, ChatType, ThreadKey
from core.domain.bot_messages import DeliveryModeName, MessageRef
from core.domain.errors import StoreUnavailable
from core.domain.message_content import (
    Attachment,
    AttachmentKind,
    ContentKind,
    ForwardOrigin,
    OtherContent,
    ReplyContext,
    UnsupportedContent,
)
from core.domain.queue import EventStatus, Lane
from core.domain.tool_approval import ApprovalCall, ToolApproval, ToolDecision
from core.domain.turn_states import KimiFailure, Outcome
from core.store import Database, migrate
from core.store.database_transfer import (
    NOT_TRANSFERRED,
    DatabaseTransfer,
    TransferProgress,
    TransferRefused,
    transferred_tables,
)
from core.store.file_lock import FileLock
from core.store.row_transfer import RowNotTransferable
from core.store.schema import (
    conversation_settings,
    conversations,
    inbox,
    messages,
    metadata,
    model_calibration,
)
from core.store.schema.column_types import EnumString, OutcomeString, UtcDateTime, VersionedJson

BEGAN = datetime(2026, 11, 21, 5, 0, 0, 123456, tzinfo=UTC)
MANY = 2_500  #: rows of one table, which are more than two batches
REF = MessageRef(channel="C\0", message_id="1.2")
SHAPES: Mapping[Any, Any] = {
    tuple[MessageRef, ...]: (REF, replace(REF, mode=DeliveryModeName.STREAM)),
    ReplyContext: ReplyContext(message_id="1", author="小明", text="> 你好 \0"),
    ForwardOrigin: ForwardOrigin(author="Ann", sent_at=BEGAN),
    tuple[Attachment, ...]: (
        Attachment(kind=AttachmentKind.FILE, name="ü.pdf", media_type="", size_bytes=3, source={"id": "F1"}),
    ),
    tuple[OtherContent, ...]: (OtherContent(kind=ContentKind.POLL, text="Yes?"),),
    tuple[UnsupportedContent, ...]: (UnsupportedContent.VOICE,),
    dict[str, str]: {"id": "F1"},
    FloodCounter: FloodCounter(recent=((1.5, "mark"),), paused_until=2.0),
    ToolApproval: ToolApproval(
        text="May I? \0",
        transcript="[]",
        calls=(ApprovalCall(id="c1", name="order", arguments='{"cups": 3}'),),
        expires_at=BEGAN,
        decision=ToolDecision.ALWAYS,
        decided_by="小明",
        results=("done",),
    ),
    Address: Address(key=ThreadKey(platform="slack", tenant="T", channel="C", thread="")),
}
"""A value of every shape that is stored as versioned JSON."""


def value_for(table: Table, name: str, number: int) -> Any:
    """Make up a value that fits a column, another one for each row."""
    column = table.c[name]
    match column.type:
        case UtcDateTime():
            return BEGAN + timedelta(seconds=number)
        case EnumString() as stored:
            return list(stored.enum)[number % len(stored.enum)]
        case OutcomeString():
            return KimiFailure("rate_limited") if number % 2 else Outcome.COMPLETE
        case VersionedJson() as stored:
            return SHAPES[stored.shape]
        case JSON():
            return {"text": f"你好 \u0000 {number}", "list": [1.5, None, True]}
        case Boolean():
            return bool(number % 2)
        case Integer():
            return number
        case Float():
            return number / 3
        case LargeBinary():
            return bytes(range(256)) * number
        case _:
            return f"{name[:8]} {number} ü"[: getattr(column.type, "length", None) or 40]


async def fill(database: Database, rows: int = 3) -> None:
    """Put rows into every table; row 2 has NULL wherever that is allowed."""
    async with database.begin() as tx:
        for table in transferred_tables():
            made = [
                {
                    column.name: None
                    if number == 2 and column.nullable
                    else value_for(table, column.name, number)
                    for column in table.columns
                }
                for number in range(1, rows + 1)
            ]
            await tx.execute(insert(table), made)


@pytest.fixture
async def source(migrated_sqlite_url: str) -> AsyncIterator[Database]:
    """A SQLite file with rows in every table."""
    opened = Database(migrated_sqlite_url)
    await fill(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def target(postgres_url: str) -> AsyncIterator[Database]:
    """An empty PostgreSQL."""
    opened = Database(postgres_url)
    yield opened
    await opened.close()


def ignore(_: TransferProgress) -> None:
    """Nobody looks."""


async def read(database: Database, table: Table) -> list[Any]:
    """Return a table's rows in the order of their text."""
    async with database.read() as tx:
        return sorted((tuple(row) for row in await tx.execute(select(table))), key=repr)


async def test_every_table_there_is_is_copied_or_left_out_for_a_reason(sqlite_url: str) -> None:
    """What migrations make is what the copy knows, but for alembic's table."""
    await migrate.upgrade(sqlite_url)
    database = Database(sqlite_url)
    async with database.read() as tx:
        there = set(await tx.run_sync(lambda connection: inspect(connection).get_table_names()))
    await database.close()
    copied = {table.name for table in transferred_tables()}
    assert copied | set(NOT_TRANSFERRED) == there - {"alembic_version"}
    assert copied | set(NOT_TRANSFERRED) == set(metadata.tables)
    assert not copied & set(NOT_TRANSFERRED)


async def test_every_row_of_every_table_arrives_as_it_was(source: Database, target: Database) -> None:
    """Moments, JSON, bytes, numbers, NULLs and words in any script are equal in both databases."""
    heard: list[TransferProgress] = []

    assert await DatabaseTransfer(source, target, heard.append).run() == 3 * len(transferred_tables())

    for table in transferred_tables():
        assert await read(target, table) == await read(source, table), table.name
    assert {one.table for one in heard if one.verified} == {table.name for table in transferred_tables()}
    assert all(one.rows == one.total for one in heard)


async def test_ids_go_on_where_they_were_even_after_the_newest_row_was_deleted(
    source: Database, target: Database
) -> None:
    """An inbox id orders a conversation: none is given twice, also not by the other database."""
    async with source.begin() as tx:
        await tx.execute(insert(inbox).values(id=900, **row_of_inbox("gone")))
        await tx.execute(text("DELETE FROM inbox WHERE id = 900"))
    await DatabaseTransfer(source, target, ignore).run()

    await migrate.require_compatible(target)
    async with target.begin() as tx:
        row = insert(inbox).values(**row_of_inbox("next")).returning(inbox.c.id)
        assert (await tx.execute(row)).scalar_one() == 901
        made = insert(conversations).values(
            platform="slack",
            tenant="T",
            channel="C",
            thread="",
            chat_type=ChatType.GROUP,
            history_cutoff_seq=-1,
            created_at=BEGAN,
        )
        assert (await tx.execute(made.returning(conversations.c.id))).scalar_one() == 4


def row_of_inbox(delivery: str) -> dict[str, Any]:
    """Return an event's values without its id."""
    return {
        "platform": "slack",
        "tenant": "T",
        "delivery_id": delivery,
        "lane": Lane.TURNS,
        "status": EventStatus.DONE,
        "event": {},
        "received_at": BEGAN,
    }


async def add_messages(database: Database, count: int, **changed: Any) -> None:
    """Let much have been said in the first conversation."""
    made = [
        {name: value_for(messages, name, number) for name in messages.c.keys()}  # noqa: SIM118
        | {"conversation_id": 1, "turn_id": 1, "text": "word " * 20}
        | changed
        for number in range(10, 10 + count)
    ]
    async with database.begin() as tx:
        await tx.execute(insert(messages), made)


class Interrupted(Exception):
    """Somebody pressed Ctrl-C."""


@pytest.mark.slow
async def test_an_interrupted_copy_goes_on_where_it_was(source: Database, target: Database) -> None:
    """No replica starts on half a copy; the next go writes only the rest, and then all is there."""
    await add_messages(source, MANY)

    def interrupt(progress: TransferProgress) -> None:
        if progress.table == "messages" and progress.rows >= 1_000:
            raise Interrupted

    with pytest.raises(Interrupted):
        await DatabaseTransfer(source, target, interrupt).run()
    async with target.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(messages))).scalar() == 1_000
    with pytest.raises(StoreUnavailable, match="not complete"):
        await migrate.require_compatible(target)

    heard: list[TransferProgress] = []
    await DatabaseTransfer(source, target, heard.append).run()
    assert [one.rows for one in heard if one.table == "messages" and not one.verified] == [2_000, MANY + 3]
    assert "conversations" not in {one.table for one in heard if not one.verified}
    assert await read(target, messages) == await read(source, messages)
    await migrate.require_compatible(target)


@pytest.mark.slow
async def test_a_source_that_was_used_in_between_is_found_out(source: Database, target: Database) -> None:
    """Rows that changed after they were copied are a difference; --anew begins again and mends it."""

    def interrupt(progress: TransferProgress) -> None:
        if progress.table == "messages":
            raise Interrupted

    with pytest.raises(Interrupted):
        await DatabaseTransfer(source, target, interrupt).run()
    async with source.begin() as tx:
        await tx.execute(text("UPDATE conversations SET thread = 'changed' WHERE id = 1"))
    with pytest.raises(TransferRefused, match=r"differ in conversations \(3 rows here, 3 there\).*--anew"):
        await DatabaseTransfer(source, target, ignore).run()
    with pytest.raises(StoreUnavailable, match="not complete"):
        await migrate.require_compatible(target)

    await DatabaseTransfer(source, target, ignore).run(start_over=True)
    assert await read(target, conversations) == await read(source, conversations)


async def test_a_target_that_holds_data_is_refused(source: Database, target: Database) -> None:
    """Neither other data nor a finished copy is written over, not even with --anew."""
    await DatabaseTransfer(source, target, ignore).run()
    before = await read(target, model_calibration)
    for anew in (False, True):
        with pytest.raises(TransferRefused, match="holds data already"):
            await DatabaseTransfer(source, target, ignore).run(start_over=anew)
    assert await read(target, model_calibration) == before


async def test_a_target_of_another_program_is_refused(source: Database, target: Database) -> None:
    """A database with foreign tables is left as it is."""
    async with target.begin() as tx:
        await tx.execute(text("CREATE TABLE theirs (id int)"))
    with pytest.raises(TransferRefused, match="tables of another program"):
        await DatabaseTransfer(source, target, ignore).run()


async def test_a_target_at_another_revision_is_refused(source: Database, target: Database) -> None:
    """Rows only go between the same tables."""
    await migrate.upgrade(target.url.render_as_string(hide_password=False))
    async with target.begin() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '0002_later'"))
    with pytest.raises(TransferRefused, match="the target is at revision 0002_later"):
        await DatabaseTransfer(source, target, ignore).run()


async def test_a_source_without_tables_is_refused(sqlite_url: str, target: Database) -> None:
    """The source is migrated first, by whoever runs it."""
    new = Database(sqlite_url)
    with pytest.raises(StoreUnavailable, match="moonthread db upgrade"):
        await DatabaseTransfer(new, target, ignore).run()
    await new.close()


@pytest.mark.slow
async def test_a_source_in_use_is_refused(source: Database, target: Database) -> None:
    """A process that runs on the file would go on writing behind the copy."""
    running = FileLock(source)
    running.acquire()
    with pytest.raises(StoreUnavailable, match="another Moonthread process"):
        await DatabaseTransfer(source, target, ignore).run()
    running.release()
    assert await DatabaseTransfer(source, target, ignore).run() > 0


async def test_a_copy_of_another_file_is_not_continued(
    source: Database, target: Database, tmp_path: Path
) -> None:
    """What was begun from one file is not mixed with another's rows."""

    def interrupt(_: TransferProgress) -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        await DatabaseTransfer(source, target, interrupt).run()
    with sqlite3.connect(tmp_path / "moonthread.db") as old, sqlite3.connect(tmp_path / "b.db") as new:
        old.backup(new)
    other = Database(f"sqlite:///{tmp_path / 'b.db'}")
    with pytest.raises(TransferRefused, match="--anew"):
        await DatabaseTransfer(other, target, ignore).run()
    await other.close()


async def test_a_value_that_is_too_long_is_named(source: Database, target: Database) -> None:
    """SQLite does not keep to a column's length; PostgreSQL would, with a text that helps nobody."""
    await add_messages(source, 1, author_name="x" * 300)
    with pytest.raises(
        RowNotTransferable, match="messages 10: author_name has 300 characters, and PostgreSQL takes 255"
    ):
        await DatabaseTransfer(source, target, ignore).run()


@pytest.mark.slow
async def test_the_character_zero_is_left_out(source: Database, target: Database) -> None:
    """PostgreSQL's texts cannot hold it; the rest of the text arrives and counts as equal."""
    async with source.begin() as tx:
        await tx.execute(
            insert(conversation_settings).values(conversation_id=1, name="persona", value="a\0b")
        )
    await DatabaseTransfer(source, target, ignore).run()
    async with target.read() as tx:
        query = select(conversation_settings.c.value).where(conversation_settings.c.name == "persona")
        assert (await tx.execute(query)).scalar_one() == "ab"


async def test_only_sqlite_to_postgresql(source: Database, target: Database) -> None:
    """The other ways round are no copy of a deployment."""
    for one, other in ((source, source), (target, target), (target, source)):
        with pytest.raises(TransferRefused, match="from SQLite to PostgreSQL"):
            await DatabaseTransfer(one, other, ignore).run()
