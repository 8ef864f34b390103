"""The last question and answer of ``moonthread ask``, for ``--continue``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bots.cli.env_file import write_private
from core.domain.errors import SettingsError
from core.kimi import Message
from core.kimi.content import text_of
from core.settings import Settings

MAX_MESSAGES: Final = 40  #: the earliest are dropped


def _file(settings: Settings) -> Path:
    return Path(settings.data_dir, "ask.json")


def load_talk(settings: Settings) -> list[Message]:
    """Return the messages of the last talk, the oldest first; [] if there is none.

    Raises:
        SettingsError: the file is not ours.
    """
    path = _file(settings)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        return [Message(role=one["role"], content=one["content"]) for one in stored]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise SettingsError([f"{path}: cannot be read; delete it"]) from exc


def save_talk(settings: Settings, messages: Sequence[Message]) -> None:
    """Keep the messages of a talk, readable by this user only, in place of the last one.

    Pictures and videos are left out.

    Raises:
        SettingsError: the file cannot be written.
    """
    path = _file(settings)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise SettingsError([f"{path.parent}: cannot be made ({exc.strerror})"]) from exc
    kept = [{"role": one.role, "content": text_of(one.content)} for one in messages[-MAX_MESSAGES:]]
    write_private(path, json.dumps(kept, ensure_ascii=False))
