"""Every statement of a full conversation finds its rows by an index, on both databases."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from bots.simulator.kimi import answer_with
from core.domain.queue import Lane, QueueKey
from core.retention import Retention
from core.store import Database, Transaction, export
from core.store.schema import metadata
from core.work_queue.postgres import statements

SMALL = {  # tables that do not grow with what people say
    "alembic_version": "one row",
    "schema_floor": "one row",
    "channel_moves": "one row for each group that became a supergroup",
    "secrets": "one row for each kind of key",
    "model_calibration": "one row for each model",
    "llm_limiter_state": "one row for each Kimi account, three at most",
    "delivery_budgets": "one row for each place that was written to lately; older ones are deleted",
    "knowledge_sets": "one row for each room that was taught something",
    "chat_rules": "one row for each room whose admins changed something",
    "blocked_people": "one row for each person that an admin blocked",
    "procrastinate_workers": "one row for each replica",
    "procrastinate_jobs": "what is open at the moment; done jobs are deleted",
}
PARTIAL = {"ix_inbox_open", "ix_inbox_media_group", "ix_handoffs_active"}  # hold only rows that are open now


COUNT = "SELECT count(*) AS every, count(*) FILTER (WHERE status = 'open') AS open FROM inbox"


class Recorder:
    """Keeps each statement that a database was given, once, with one set of values."""

    def __init__(self, database: Database) -> None:
        self.seen: dict[str, Any] = {}
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._keep)

    def _keep(self, _c: Any, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
        self.seen.setdefault(statement, values[0] if many else values)


def explained(statement: str) -> bool:
    """Whether a statement reads or changes rows of tables."""
    word = statement.lstrip().split(None, 1)[0].upper()
    return word in {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"} and "pg_catalog" not in statement


async def sqlite_scans(tx: Transaction, statement: str, values: Any) -> Iterator[str]:
    """Return the tables that SQLite reads from end to end."""
    plan = await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
    scans = (re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", row[3]) for row in plan)
    return iter([found[1] for found in scans if found and found[2] not in PARTIAL])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every node of a plan of PostgreSQL's."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def postgresql_scans(plan: dict[str, Any]) -> Iterator[str]:
    """Yield the tables that PostgreSQL reads from end to end, though it would rather not."""
    for node in nodes(plan):
        kind, index = node["Node Type"], node.get("Index Name", "")
        table = node.get("Relation Name", index)
        whole = kind in {"Index Scan", "Index Only Scan", "Bitmap Index Scan"} and "Index Cond" not in node
        if kind == "Seq Scan" or (whole and index not in PARTIAL):
            yield table


async def scans(tx: Transaction, statement: str, values: Any) -> list[str]:
    """Return the growing tables that a statement reads from end to end."""
    if tx.dialect.name == "sqlite":
        found = await sqlite_scans(tx, statement, values)
    else:
        result = await tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values)
        plan = result.scalar_one()
        found = postgresql_scans((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
    known = set(metadata.tables) | {"procrastinate_jobs"}
    aliases = re.findall(r"\b(?:FROM|JOIN|,)\s+(\w+)(?:\s+AS)?\s+(\w+)", statement, re.IGNORECASE)
    real = {alias: table for table, alias in aliases if table in known}
    return sorted({real.get(name, name) for name in found} & known - SMALL.keys())


async def rather_use_indexes(tx: Transaction) -> None:
    """Let PostgreSQL, whose tables are tiny here, plan as if reading one from end to end were dear."""
    if tx.dialect.name == "postgresql":
        for way in ("seqscan", "hashjoin", "mergejoin"):
            await tx.exec_driver_sql(f"SET LOCAL enable_{way} = off")


async def handled(world: Any, what: Any) -> None:
    """Do something and wait until it has come in and nothing is open."""
    before = (await world.rows(COUNT))[0].every
    await what
    async with asyncio.timeout(25):
        while (now := (await world.rows(COUNT))[0]).every == before or now.open:  # noqa: ASYNC110 (rows)
            await asyncio.sleep(0.02)


async def converse(world: Any) -> None:
    """Do everything once that people do."""
    world.kimi.script = answer_with("An answer of several words, to be shown.", chunks_per_s=200)
    room, group = world.direct("Ann"), world.group("Bob", "Eve")
    await handled(world, room.ask("Hello?"))
    await handled(
        world, room.send(("notes.txt", b"Some notes, written down.", "text/plain"), text="What is it?")
    )
    if world.name == "telegram":
        await handled(world, room.press("👍"))
    await handled(world, group.ask("And hello to all."))
    for order in (
        "help",
        "model",
        "think",
        "system be brief",
        "context",
        "files",
        "search",
        "usage",
        "retry",
    ):
        await handled(world, room.order(order))
    await handled(world, group.order("usage"))
    await handled(world, room.order("new"))
    await handled(world, room.order("forget"))
    await handled(world, room.press("Delete"))
    await world.stop()


async def maintain(database: Database, clock: Any) -> None:
    """Do what runs beside conversations, and an export; what reports on everything may read everything."""
    served = [("slack", "T1"), ("telegram", "1")]
    await Retention(database, clock, retention_days=1, tenants=lambda: served).purge_expired()
    async with database.read() as tx:
        async for _ in export.export_conversation(tx, 1):
            pass


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "backend"), [("telegram", "postgresql"), ("slack", "sqlite")])
async def test_no_statement_reads_a_growing_table_from_end_to_end(world: Any) -> None:
    """Each statement of talking, ordering, forgetting, keeping tidy and reporting uses an index."""
    await world.start()
    recorder = Recorder(world.service.database)
    await converse(world)
    database = Database(world.database_url)
    seen, beside = recorder.seen, Recorder(database)
    await maintain(database, world.clock)
    seen |= beside.seen
    seen.pop(COUNT)  # the test's own
    found: dict[str, list[str]] = {}
    async with database.begin() as tx:
        await rather_use_indexes(tx)
        for statement, values in list(seen.items()):
            if explained(statement) and (tables := await scans(tx, statement, values)):
                found[" ".join(statement.split())] = tables
    await database.close()
    assert len(seen) > 60
    assert not found, "\n".join(f"{tables}: {statement}" for statement, tables in found.items())


async def test_the_engines_own_statements_use_indexes(migrated_postgres_url: str) -> None:
    """What runs on procrastinate's tables finds open events without reading the inbox."""
    database = Database(migrated_postgres_url)
    texts = {"task": "x", "lock": statements.lock_name(QueueKey(1, Lane.TURNS)), "lane": "turns"}
    values = {**texts, "at_once": True, "queues": ["slack"], "stalled_s": 3.0}
    ours = [text for name, text in vars(statements).items() if name.isupper() and "procrastinate_" in text]
    assert len(ours) >= 5
    async with database.begin() as tx:
        await rather_use_indexes(tx)
        for statement in ours:
            ids = dict.fromkeys(re.findall(r"%\((\w+)\)s", statement), 1)
            assert await scans(tx, statement, ids | values) == [], statement
    await database.close()


def test_every_reference_is_found_from_its_target() -> None:
    """Deleting a row looks for those that refer to it: each foreign key begins an index of all rows."""
    missing = []
    for table in metadata.sorted_tables:
        keys = [list(table.primary_key.columns)]
        keys += [
            list(index.columns) for index in table.indexes if index.dialect_options["sqlite"]["where"] is None
        ]
        keys += [list(one.columns) for one in table.constraints if type(one).__name__ == "UniqueConstraint"]
        beginnings = {columns[0] for columns in keys if columns}
        missing += [str(key.parent) for key in table.foreign_keys if key.parent not in beginnings]
    assert missing == []
