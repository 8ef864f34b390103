"""Where the value of each setting comes from."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.settings.load import read_env_file
from core.settings.model import Settings
from core.settings.secret_files import FILE_SUFFIX
from core.settings.spec import ALIASES, RENAMED, setting_specs

DEFAULT_ORIGIN = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectiveSetting:
    """One setting as it is in effect."""

    name: str
    group: str
    value: str  #: "set" for a secret; "" if there is none
    origin: str  #: "environment", the name of a file, or "default"
    description: str  #: Markdown


def effective_settings(
    settings: Settings, environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env"
) -> Sequence[EffectiveSetting]:
    """Return every setting with its value and origin; the value of a secret is never shown."""
    environ = os.environ if environ is None else environ
    in_file, _ = read_env_file(env_file)
    other_names = {name: other for other, name in (*RENAMED.items(), *ALIASES.items())}
    return [
        EffectiveSetting(
            name=spec.name,
            group=spec.group,
            value=shown_value(getattr(settings, spec.field), secret=spec.secret),
            origin=_origin(spec.name, other_names.get(spec.name), environ, in_file, str(env_file)),
            description=spec.description,
        )
        for spec in setting_specs()
    ]


def shown_value(value: object, *, secret: bool) -> str:
    """Return a value for people: "set" for a secret, "" if there is none, lists with commas."""
    if value is None or value == "":
        return ""
    if secret:
        return "set"
    match value:
        case tuple() | frozenset():
            return ", ".join(map(str, value))
        case dict():
            return ", ".join(f"{key}={one}" for key, one in value.items())
        case _:
            return str(value)


def _origin(
    name: str, other: str | None, environ: Mapping[str, str], in_file: Mapping[str, str], env_file: str
) -> str:
    for alias in (name, name + FILE_SUFFIX, other):
        for source, variables in (("environment", environ), (env_file, in_file)):
            if alias is not None and variables.get(alias, "").strip():
                return source if alias == name else f"{source} ({alias})"
    return DEFAULT_ORIGIN
