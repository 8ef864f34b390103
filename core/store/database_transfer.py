"""A SQLite deployment's whole history, moved to PostgreSQL.

Each portion of rows is committed together with a note of how far the copy came, so that it goes on
there after an interruption. The notes stand in a table that only exists while a copy is not complete:
no replica starts on such a database. Jobs of the engine are not copied: it finds open events by itself.
Full-text indexes are made by the target, as the rows arrive.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    text,
    update,
)

from core.domain.errors import MoonthreadError, StoreUnavailable
from core.store import migrate
from core.store.database import Database, Transaction
from core.store.file_lock import FileLock
from core.store.row_transfer import RowBatch, TableChecksum, checksum, row_batches
from core.store.schema import metadata

NOT_TRANSFERRED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "schema_floor": "tells of the database's own tables; migrations write it",
        "console_links": "valid for minutes; a new link is one command away",
        "console_sessions": "people sign in again",
    }
)

_PROGRESS = Table(
    migrate.TRANSFER_TABLE,
    MetaData(),
    Column("name", String(128), primary_key=True),  # of a table; "" tells where the copy comes from
    Column("source", String(1024), nullable=False, server_default=""),
    Column("last", BigInteger, nullable=False, server_default="0"),  # SQLite's number of the last row
    Column("rows", BigInteger, nullable=False, server_default="0"),
)


class TransferRefused(MoonthreadError):
    """The copy cannot be begun or ended as things are; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferProgress:
    """How far a table is."""

    table: str
    rows: int
    total: int
    verified: bool = False  #: counts and checksums were compared


def transferred_tables() -> list[Table]:
    """Return every table that is copied, each after those it refers to."""
    return [table for table in metadata.sorted_tables if table.name not in NOT_TRANSFERRED]


class DatabaseTransfer:
    """From one SQLite file to one PostgreSQL database; once, or in several goes."""

    def __init__(
        self, source: Database, target: Database, on_progress: Callable[[TransferProgress], None]
    ) -> None:
        """``on_progress`` is called with every copied batch and every compared table."""
        self._source, self._target, self._on_progress = source, target, on_progress
        self._lock = FileLock(source)

    async def run(self, *, start_over: bool = False) -> int:
        """Copy the missing rows, compare all tables and open the target; return the number of rows.

        ``start_over`` deletes what an earlier, incomplete copy brought.

        Raises:
            TransferRefused: source or target are not what they have to be, or differ afterwards.
            RowNotTransferable: the source holds a value that PostgreSQL cannot hold.
            StoreUnavailable: a database failed, or a process of ours runs on the source; a further
                go continues.
        """
        if (self._source.dialect, self._target.dialect) != ("sqlite", "postgresql"):
            raise TransferRefused("a copy goes from SQLite to PostgreSQL; set --to postgresql://…")
        self._lock.acquire()
        try:
            await migrate.require_compatible(self._source)
            await self._prepare(start_over)
            async with self._source.read() as reading:
                for table in transferred_tables():
                    await self._copy_table(reading, table)
                rows = await self._verify(reading)
                await self._finish(reading)
            return rows
        finally:
            self._lock.release()

    async def _prepare(self, start_over: bool) -> None:
        """Make the target's tables and notes, or find those of the interrupted copy."""
        url = self._target.url.render_as_string(hide_password=False)
        name = str(self._source.url.database)[-1024:]
        async with self._target.read() as tx:
            tables = set(await tx.run_sync(lambda connection: inspect(connection).get_table_names()))
        if not tables:
            await migrate.upgrade(url)
        elif "alembic_version" not in tables:
            raise TransferRefused(
                "the target holds tables of another program; give the copy a database of its own"
            )
        there = await migrate.revision(url)
        if there != (here := await migrate.revision_of(self._source)):
            raise TransferRefused(
                f"the target is at revision {there or 'none'}, the source at {here}: "
                "upgrade both with this version ('moonthread db upgrade')"
            )
        async with self._target.begin() as tx:
            begun = _PROGRESS.name in tables
            if begun and not start_over:
                await _require_same_source(tx, name)
                return
            if begun:
                await _delete_all(tx)
            await _require_empty(tx)
            await tx.run_sync(_PROGRESS.metadata.create_all)
            notes = [
                {"name": "", "source": name},
                *({"name": t.name, "source": ""} for t in transferred_tables()),
            ]
            await tx.execute(insert(_PROGRESS), notes)

    async def _copy_table(self, source_tx: Transaction, table: Table) -> None:
        whole = (await source_tx.execute(select(func.count()).select_from(table))).scalar_one()
        async with self._target.read() as tx:
            note = (await tx.execute(select(_PROGRESS).where(_PROGRESS.c.name == table.name))).one()
        rows = note.rows
        async for portion in row_batches(source_tx, table, after=note.last):
            await self._append(table, portion)
            rows += len(portion.rows)
            self._on_progress(TransferProgress(table=table.name, rows=rows, total=whole))

    async def _append(self, table: Table, batch: RowBatch) -> None:
        """Write rows and the note of them in one transaction."""
        command = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(sql.Identifier(c.name) for c in table.columns)
        )
        async with self._target.begin() as tx:
            raw = (await tx.get_raw_connection()).driver_connection
            assert isinstance(raw, psycopg.AsyncConnection)  # noqa: S101 (what begin opens on PostgreSQL)
            try:
                async with raw.cursor() as cursor, cursor.copy(command) as copy:
                    for row in batch.rows:
                        await copy.write_row(row)
            except psycopg.Error as exc:
                raise StoreUnavailable(
                    f"{table.name}: {type(exc).__name__}: {exc.diag.message_primary}"
                ) from exc
            note = update(_PROGRESS).where(_PROGRESS.c.name == table.name)
            await tx.execute(note.values(last=batch.last_rowid, rows=_PROGRESS.c.rows + len(batch.rows)))

    async def _verify(self, source_tx: Transaction) -> int:
        """Compare counts and checksums of every table; return how many rows there are."""
        rows, differ = 0, []
        for table in transferred_tables():
            ours = await checksum(source_tx, table)
            theirs = await self._target_checksum(table)
            if ours != theirs:
                differ.append(f"{table.name} ({ours.rows} rows here, {theirs.rows} there)")
            self._on_progress(
                TransferProgress(table=table.name, rows=theirs.rows, total=ours.rows, verified=True)
            )
            rows += ours.rows
        if differ:
            raise TransferRefused(
                f"source and target differ in {', '.join(differ)}: the source was used since the copy "
                "began, or the target was; run it again with --anew"
            )
        return rows

    async def _target_checksum(self, table: Table) -> TableChecksum:
        async with self._target.begin() as tx:  # a cursor of the server lives in a transaction
            return await checksum(tx, table)

    async def _finish(self, source_tx: Transaction) -> None:
        """Let ids go on where the source's were, and open the target for replicas."""
        found = await source_tx.execute(text("SELECT name, seq FROM sqlite_sequence"))
        given = {str(row.name): int(row.seq) for row in found}
        async with self._target.begin() as tx:
            for table in transferred_tables():
                if (key := sequence_column(table)) is not None:
                    most = (await tx.execute(select(func.max(key)))).scalar() or 0
                    await _set_sequence(tx, table, key, max(most, given.get(table.name, 0)))
            await tx.run_sync(_PROGRESS.metadata.drop_all)
        async with self._target.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text("ANALYZE"))  # the planner knows nothing of the rows yet


def sequence_column(table: Table) -> Column[int] | None:
    """Return the column that PostgreSQL fills from a sequence."""
    key = table.autoincrement_column
    return key if key is not None and isinstance(key.type, Integer) else None


async def _set_sequence(tx: Transaction, table: Table, key: Column[int], last: int) -> None:
    """Let the next id be the one behind ``last``."""
    sequence = func.pg_get_serial_sequence(table.name, key.name)
    await tx.execute(select(func.setval(sequence, max(last, 1), last > 0)))


async def _require_same_source(tx: Transaction, name: str) -> None:
    begun_from = (await tx.execute(select(_PROGRESS.c.source).where(_PROGRESS.c.name == ""))).scalar()
    if begun_from != name:
        raise TransferRefused(
            f"the target holds a copy of {begun_from} that is not complete; add --anew to drop it"
        )


async def _require_empty(tx: Transaction) -> None:
    for table in transferred_tables():
        if (await tx.execute(select(1).select_from(table).limit(1))).first() is not None:
            raise TransferRefused(f"the target holds data already ({table.name}); nothing was changed")
    if (await tx.execute(text("SELECT 1 FROM procrastinate_workers LIMIT 1"))).first() is not None:
        raise TransferRefused("a replica is running on the target; stop it first")


async def _delete_all(tx: Transaction) -> None:
    for table in reversed(transferred_tables()):
        await tx.execute(delete(table))
    await tx.run_sync(_PROGRESS.metadata.drop_all)
