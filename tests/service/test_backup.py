"""A drill: the backup of a running service, restored beside it, goes on with the same history."""

from pathlib import Path
from typing import Any

import pytest

from bots.cli.backup import restore_backup, write_backup
from core.settings import Settings


@pytest.mark.parametrize("backend", ["sqlite", "postgres"], indirect=False)
async def test_a_restored_service_answers_with_the_same_history(
    world: Any, backend: str, tmp_path: Path
) -> None:
    """The backup is taken in the middle of an answer; in the restored service Kimi reads the thread."""
    await world.start()
    room = world.direct()
    await room.ask("My name is Ann.")
    await room.shows("Hello there.", exactly=True)
    await world.done(1)
    settings = Settings(database_url=world.database_url, data_dir=tmp_path / "data")
    drill = Settings(
        database_url=f"sqlite:///{tmp_path / 'drill' / 'moonthread.db'}", data_dir=tmp_path / "drill"
    )

    await write_backup(settings, tmp_path / "b.tar.gz")
    await room.ask("This question is not in the backup.")
    await world.done(2)
    await restore_backup(drill, tmp_path / "b.tar.gz", replace=False)
    await world.stop()
    await world.start(database_url=str(drill.database_url.get_secret_value()), data_dir=drill.data_dir)
    await room.ask("What is my name?")
    await world.done(2)

    asked = world.question_of(len(world.requests) - 1)
    assert [content for _, content in asked] == ["My name is Ann.", "Hello there.", "What is my name?"]
    assert room.texts[-1] == "Hello there."
    assert len(room.answers) == 3
