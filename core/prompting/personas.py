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
