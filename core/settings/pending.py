"""What a restart would change: ``.env`` and the files of secrets as they are now, against the last start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.domain.errors import SettingsError
from core.settings.load import load
from core.settings.model import Settings
from core.settings.origins import shown_value
from core.settings.spec import setting_specs


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChange:
    """One setting that has another value since the start."""

    name: str
    before: str  #: the value in effect; "set" for a secret, "" if there is none
    after: str  #: likewise, of the next start


class PendingSettings:
    """Compares the settings of this start with those of the next.

    A process keeps the environment that it was started with, so that a change of its variables is not seen.
    """

    def __init__(
        self, environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env"
    ) -> None:
        """Read the settings as they are at the start."""
        self._environ, self._env_file = environ, env_file
        try:
            self._before: Settings | None = load(environ, env_file)
        except SettingsError:  # those in effect were made in another way, as in the demo
            self._before = None

    def changes(self) -> Sequence[PendingChange]:
        """Return the settings that the next start would read differently, by name. Reads files.

        Raises:
            SettingsError: the next start would refuse them.
        """
        if self._before is None:
            return ()
        now = load(self._environ, self._env_file)
        return [
            PendingChange(
                name=spec.name,
                before=shown_value(getattr(self._before, spec.field), secret=spec.secret),
                after=shown_value(getattr(now, spec.field), secret=spec.secret),
            )
            for spec in setting_specs()
            if getattr(self._before, spec.field) != getattr(now, spec.field)
        ]
