"""Named personas: Markdown files in the data directory that say who answers."""

import asyncio
import re
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

MAX_PERSONA_CHARS = 8_000  #: of a persona's words, from a file or a message
_NAME = re.compile(r"[\w-]{1,40}")


class Personas:
    """The personas in one folder; a file that is changed counts from the next question on."""

    def __init__(self, folder: Path | None) -> None:
        """``folder`` need not exist; None has none."""
        self._folder = folder

    async def list_names(self) -> tuple[str, ...]:
        """Return the names that can be chosen, sorted."""
        return await asyncio.to_thread(self._list_names)

    async def load_text(self, name: str) -> str | None:
        """Return a persona's words; None where there is no such persona."""
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
            words = (self._folder / f"{name}.md").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            log.warning("persona.read_failed", name=name, error=type(exc).__name__)
            return None
        return words[:MAX_PERSONA_CHARS] or None
