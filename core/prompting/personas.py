"""Named personas: Markdown files in the data folder that describe who answers."""

import asyncio
import re
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

MAX_PERSONA_CHARS: Final = 8_000  #: longer texts, from a file or a message, are cut
_NAME = re.compile(r"[\w-]{1,40}")


class Personas:
    """The personas of one folder; a changed file takes effect with the next question."""

    def __init__(self, folder: Path | None) -> None:
        """Read personas from ``folder``, which need not exist; None has no personas."""
        self._folder = folder

    async def list_names(self) -> tuple[str, ...]:
        """Return the names of all personas, sorted."""
        return await asyncio.to_thread(self._list_names)

    async def load_text(self, name: str) -> str | None:
        """Return a persona's text; None if there is no such persona."""
        if not _NAME.fullmatch(name):
            return None
        return await asyncio.to_thread(self._load_text, name)

    async def save(self, name: str, text: str) -> bool:
        """Store a persona, in place of the one of its name; return False if the name or text cannot be one.

        Raises:
            OSError: the file cannot be written.
        """
        text = text.strip()
        if self._folder is None or not _NAME.fullmatch(name) or not 0 < len(text) <= MAX_PERSONA_CHARS:
            return False
        await asyncio.to_thread(self._save, self._folder, name, text)
        return True

    async def remove(self, name: str) -> bool:
        """Delete a persona; return whether there was one.

        Raises:
            OSError: the file cannot be deleted.
        """
        if self._folder is None or name not in await self.list_names():
            return False
        await asyncio.to_thread(Path(self._folder, f"{name}.md").unlink, missing_ok=True)
        return True

    @staticmethod
    def _save(folder: Path, name: str, text: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        written = folder / f".{name}.new"  # read by nobody until it is whole
        written.write_text(f"{text}\n", encoding="utf-8")
        written.replace(folder / f"{name}.md")

    def _list_names(self) -> tuple[str, ...]:
        if self._folder is None or not self._folder.is_dir():
            return ()
        names = (file.stem for file in self._folder.glob("*.md"))
        return tuple(sorted(name for name in names if _NAME.fullmatch(name)))

    def _load_text(self, name: str) -> str | None:
        if self._folder is None:
            return None
        try:
            text = (self._folder / f"{name}.md").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            log.warning("persona.read_failed", name=name, error=type(exc).__name__)
            return None
        return text[:MAX_PERSONA_CHARS] or None
