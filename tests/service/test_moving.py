"""A deployment that moves from SQLite to PostgreSQL in the middle of its conversations."""

import asyncio
from pathlib import Path
from typing import Any

from bots.simulator.kimi import answer_with, per_question
from bots.simulator.kimi.script import ScriptedReply
from core.store import Database
from core.store.database_transfer import DatabaseTransfer

LONG = "Once upon a time: " + " ".join(f"w{number}" for number in range(300)) + " and out."


async def test_conversations_go_on_after_the_move(world: Any, postgres_url: str, tmp_path: Path) -> None:
    """History is known, an answer that was cut off ends in its message, a waiting question is answered."""
    world.kimi.script = answer_with("Pleased to meet you, Ann.")
    await world.start(shutdown_grace_s=0.0)
    room, other = world.direct("Ann"), world.direct("Bob")
    await room.ask("I am Ann.")
    await world.done(1)
    world.kimi.script = per_question(
        {"story": ScriptedReply(LONG, chunks_per_s=20), "plum": ScriptedReply("A plum.", chunks_per_s=500)}
    )
    await other.ask("tell a story")
    begun = await other.shows("Once upon")
    await other.ask("and a plum?")
    await world.queued(2)
    await world.stop()

    source, target = Database(world.database_url), Database(postgres_url)
    assert await DatabaseTransfer(source, target, lambda _: None).run() > 0
    await asyncio.gather(source.close(), target.close())
    world.kimi.script = per_question(
        {
            "story": ScriptedReply(LONG, chunks_per_s=2_000),
            "plum": ScriptedReply("A plum.", chunks_per_s=500),
            "who": ScriptedReply("You are Ann.", chunks_per_s=500),
        }
    )
    world.database_url = postgres_url
    await world.start()

    whole = await other.shows(LONG, exactly=True)
    assert whole.message_id == begun.message_id
    await other.shows("A plum.", exactly=True)
    await room.ask("Now who am I?")
    await room.shows("You are Ann.", exactly=True)
    assert await world.done(4) == ["complete"] * 4
    assert [text for _, text in world.question_of(-1)] == [
        "I am Ann.",
        "Pleased to meet you, Ann.",
        "Now who am I?",
    ]
