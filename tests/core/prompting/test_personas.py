"""Personas are Markdown files in one folder, and nothing else is read."""

from pathlib import Path

import pytest

from core.prompting.personas import MAX_PERSONA_CHARS, Personas


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with personas and other files."""
    folder = tmp_path / "personas"
    folder.mkdir()
    (folder / "pirate.md").write_text("  You are a pirate.\n", encoding="utf-8")
    (folder / "long.md").write_text("x" * (MAX_PERSONA_CHARS + 10), encoding="utf-8")
    (folder / "empty.md").write_text("\n", encoding="utf-8")
    (folder / "broken.md").write_bytes(b"\xff\xfe\xff")
    (folder / "with space.md").write_text("Never offered.", encoding="utf-8")
    (folder / "notes.txt").write_text("Never offered.", encoding="utf-8")
    (tmp_path / "secret.md").write_text("Never read.", encoding="utf-8")
    return folder


async def test_personas_are_found_by_their_files_names(folder: Path) -> None:
    """Names are those of the Markdown files, sorted; their words come without blank ends."""
    personas = Personas(folder)
    assert await personas.list_names() == ("broken", "empty", "long", "pirate")
    assert await personas.load_text("pirate") == "You are a pirate."
    assert len(await personas.load_text("long") or "") == MAX_PERSONA_CHARS


@pytest.mark.parametrize("name", ["nobody", "empty", "broken", "with space", "../secret", "/etc/passwd", ""])
async def test_what_is_no_persona_is_not_read(folder: Path, name: str) -> None:
    """Missing, empty and unreadable files and paths out of the folder are no personas."""
    assert await Personas(folder).load_text(name) is None


async def test_no_folder_has_no_personas(tmp_path: Path) -> None:
    """The folder need not exist."""
    assert await Personas(tmp_path / "none").list_names() == ()
    assert await Personas(None).list_names() == ()
    assert await Personas(None).load_text("pirate") is None
