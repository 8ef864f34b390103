"""Changes of a ``.env`` file that keep its comments, order and other variables."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from core.domain.errors import SettingsError


def is_plain(value: str) -> bool:
    """Return whether a value is read from a ``.env`` file as it is written there, without quotes."""
    return re.fullmatch(r"[^\s'\"#\\$`]*", value) is not None


def set_variables(text: str, values: Mapping[str, str]) -> str:
    """Return the text of a ``.env`` file in which each variable has a value.

    A line that sets the variable is replaced, else one that has it as a comment, else one is added.

    Raises:
        ValueError: a value would not be read as it is: it has a space, a quote, or a ``#``.
    """
    lines = text.splitlines()
    for name, value in values.items():
        if not is_plain(value):
            raise ValueError(f"{name} has a character that needs quotes")
        places = [
            place
            for pattern in (rf"\s*(export\s+)?{name}\s*=", rf"#\s*{name}=")
            for place, line in enumerate(lines)
            if re.match(pattern, line)
        ]
        if places:
            lines[places[0]] = f"{name}={value}"
        else:
            lines.append(f"{name}={value}")
    return "\n".join(lines) + "\n"


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole; afterwards only this user can read it.

    Raises:
        SettingsError: it cannot be written.
    """
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode 600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as exc:
        raise SettingsError([f"{path}: cannot be written ({exc.strerror})"]) from exc
