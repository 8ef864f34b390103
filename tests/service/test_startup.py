"""A start with a long past: 2,000 conversations with a waiting question each, and 100,000 messages."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service
from bots.simulator.kimi import Account, KimiSimulator, answer_with
from bots.simulator.telegram import Limits, TelegramSimulator
from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.clock import SystemClock
from core.domain.events import Mention, MessageReceived
from core.settings import Settings
from core.store import Database, migrate
from core.store.event_codec import encode

CONVERSATIONS = 2_000
TURNS_EACH = 25  #: a question and an answer each
MOST_S = 3.0

QUESTION = MessageReceived(
    delivery_id="old",
    message_id="1",
    address=Address(
        key=ThreadKey(platform="telegram", tenant="1", channel="CHAT", thread=""),
        details={"chat": "private", "said_in": "CHAT"},
    ),
    author=Person(id="CHAT", name="Ann"),
    text="Hello?",
    sent_at=datetime(2026, 11, 20, 10, 0, tzinfo=UTC),
    chat_type=ChatType.DIRECT,
    mention=Mention.DIRECT,
)
SEED = {
    "conversations": """
INSERT INTO conversations (id, platform, tenant, channel, thread, chat_type, history_cutoff_seq, created_at)
SELECT i, 'telegram', '1', CAST(:first + i - 1 AS VARCHAR(32)), '', 'direct', -1, :moment
  FROM n WHERE i <= :many
""",
    "events": """
INSERT INTO inbox (id, platform, tenant, delivery_id, conversation_id, lane, status, event,
                   received_at, closed_at)
SELECT i, 'telegram', '1', 'old:' || i, (i - 1) % :many + 1, 'turns', 'done', {event}, :moment, :moment
  FROM n
""",
    "turns": """
INSERT INTO turns (id, conversation_id, inbox_id, seq, attempt, state, outcome, asker_id, refs,
                   started_at, finished_at)
SELECT i, (i - 1) % :many + 1, i, i, 1, 'done', 'complete', 'U', '{{"version": 1, "value": []}}',
       :moment, :moment
  FROM n
""",
    "questions": """
INSERT INTO messages (conversation_id, turn_id, seq, role, author_id, author_name, text, created_at)
SELECT (i - 1) % :many + 1, i, i, 'user', 'U', 'Ann', 'Question ' || i || :words, :moment
  FROM n
""",
    "answers": """
INSERT INTO messages (conversation_id, turn_id, seq, role, author_id, author_name, text, created_at)
SELECT (i - 1) % :many + 1, i, i, 'assistant', '', '', 'Answer ' || i || :words, :moment
  FROM n
""",
    "waiting": """
INSERT INTO inbox (id, platform, tenant, delivery_id, conversation_id, lane, status, event, received_at)
SELECT :turns + i, 'telegram', '1', 'new:' || i, i, 'turns', 'open', {event}, :moment
  FROM n WHERE i <= :many
""",
}


async def seed(database: Database, event: dict[str, Any], first_chat: int) -> None:
    """Make the past, out of one event as it is stored; chats are numbered from ``first_chat`` on."""
    postgresql = database.dialect == "postgresql"
    event_sql = "replace(:event, 'CHAT', CAST(:first + (i - 1) % :many AS VARCHAR(32)))"
    event_sql = f"CAST({event_sql} AS JSON)" if postgresql else event_sql
    values = {
        "many": CONVERSATIONS,
        "turns": CONVERSATIONS * TURNS_EACH,
        "first": first_chat,
        "event": json.dumps(event),
        "words": ": " + "some words of it " * 12,
        "moment": "2026-11-20 10:00:00.000000",
    }
    kinds = {"many": "BIGINT", "turns": "BIGINT", "first": "BIGINT", "event": "TEXT", "words": "TEXT"}
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :turns) "
    async with database.begin() as tx:
        for sentence in SEED.values():
            statement = numbers + sentence.format(event=event_sql)
            if postgresql:
                for name, kind in {**kinds, "moment": "TIMESTAMPTZ"}.items():
                    statement = statement.replace(f":{name}", f"CAST(:{name} AS {kind})")
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            await tx.execute(text(statement), names)
        if postgresql:
            for table in ("inbox", "turns", "conversations"):
                top = f"(SELECT max(id) FROM {table})"  # noqa: S608 (names of ours)
                await tx.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {top})"))
            await tx.execute(text("ANALYZE"))


async def measured(url: str, folder: Any) -> dict[str, float]:
    """Seed a database and start a service on it; return the seconds of CPU time that each took."""
    clock = SystemClock()
    async with (
        KimiSimulator(account=Account.unlimited(), script=answer_with("Yes.", chunks_per_s=1_000)) as kimi,
        TelegramSimulator(limits=Limits(enabled=False)) as sim,
    ):
        settings = Settings(
            kimi_api_key="sk-test",
            kimi_base_url=kimi.base_url,
            telegram_bot_token="1:test",
            telegram_api_url=sim.api_url,
            database_url=url,
            data_dir=folder,
            http_port=0,
            shutdown_grace_s=0.0,
            unlisted_user_messages_per_day=0,
            telegram_all_per_s=1_000,
        )
        people = [sim.add_person(f"Ann {number}") for number in range(CONVERSATIONS)]
        chats = [sim.private_chat(person) for person in people]
        assert chats == list(range(chats[0], chats[0] + len(chats)))

        async def begin() -> Service:
            service = Service(
                settings, build_platforms(settings, frozenset({"telegram"}), clock), clock=clock
            )
            await service.start()
            return service

        await migrate.upgrade(url)
        database = Database(url)
        began = time.process_time()
        await seed(database, encode(QUESTION), chats[0])
        seeded = time.process_time()
        await database.close()
        service = await begin()
        started = time.process_time()
        await service.stop()
        return {"seeding_s": round(seeded - began, 2), "start_s": round(started - seeded, 2)}


@pytest.mark.slow
@pytest.mark.real_time
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_long_past_does_not_slow_the_start(kind: str, tmp_path: Any, request: Any) -> None:
    """Ready after three seconds of CPU time, with 2,000 questions to take up; the past is not read for it."""
    url = request.getfixturevalue("sqlite_url" if kind == "sqlite" else "postgres_url")
    found = await measured(url, tmp_path)
    assert found["start_s"] < MOST_S, found
