"""Loading: builds :class:`Settings` from the environment and ``.env``, or reports every fault at once."""

import difflib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from dotenv.parser import parse_stream
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from core.domain.errors import SettingsError
from core.settings.model import Settings, default_data_dir, default_database_url
from core.settings.secret_files import read_secret_files, secret_file_variables
from core.settings.shapes import sqlite_file
from core.settings.spec import ALIASES, RENAMED, setting_names, setting_specs


class Requirement(StrEnum):
    """A part of the configuration that a command needs; its absence is a fault like any other."""

    KIMI = "kimi"  #: an API key
    STORE = "store"  #: a writable database
    PLATFORM = "platform"  #: complete credentials of at least one platform, and no incomplete ones
    SLACK = "slack"  #: complete credentials of Slack
    TELEGRAM = "telegram"  #: a bot token


def load(
    environ: Mapping[str, str] | None = None,
    env_file: str | Path | None = ".env",
    *,
    required: Iterable[Requirement] = (),
) -> Settings:
    """Load the settings; ``environ`` (default: the process's) overrides ``env_file``.

    An empty variable counts as unset, a missing ``env_file`` as empty. For each secret, the variable
    NAME_FILE may name a file that holds it.

    Raises:
        SettingsError: names every fault, one line each, without the value of any setting.
    """
    environ = os.environ if environ is None else environ
    in_file, faults = read_env_file(env_file)
    given, unread = read_secret_files(_merge_sources(in_file, environ))
    _apply_aliases(given)
    faults += unread
    faults += _unknown_names(given)
    values = {spec.field: given[spec.name] for spec in setting_specs() if spec.name in given}
    values.setdefault("data_dir", str(default_data_dir(environ)))
    values["data_dir"] = str(Path(values["data_dir"]).expanduser())
    settings: Settings | None = None
    try:
        settings = Settings.model_validate(values)
    except ValidationError as exc:
        faults += _format_errors(exc.errors(include_url=False, include_input=False))
    faults += _missing_variables(given, frozenset(required))
    faults += _contradictions(given)
    if Requirement.STORE in required:
        faults += _unwritable_database(given, Path(values["data_dir"]))
    if faults or settings is None:
        raise SettingsError(faults)
    return settings


def likely_typos(environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env") -> list[str]:
    """Return a line for each variable that resembles a setting and is not read.

    They are no faults: Kimi's own tools read other ``KIMI_`` variables, for instance.
    """
    given = _merge_sources(read_env_file(env_file)[0], os.environ if environ is None else environ)
    return [
        f"{name}: not a setting of ours; did you mean {meant}?"
        for name in sorted(given)
        if re.match("KIMI_|MOONSHOT_|SLACK_|TELEGRAM_|DATABASE_", name) and (meant := _closest_name(name))
    ]


def outdated_names(
    environ: Mapping[str, str] | None = None, env_file: str | Path | None = ".env"
) -> list[str]:
    """Return a line for each setting that is given by its former name."""
    given = _merge_sources(read_env_file(env_file)[0], os.environ if environ is None else environ)
    return [
        f"{old}: is now called {new}; "
        + (f"{new} is set too, so this one is ignored" if new in given else "the old name is still read")
        for old, new in RENAMED.items()
        if old in given
    ]


def read_env_file(env_file: str | Path | None) -> tuple[dict[str, str], list[str]]:
    """Return the file's variables, and a line for each fault in it."""
    if env_file is None:
        return {}, []
    try:
        with Path(env_file).open(encoding="utf-8-sig") as stream:
            lines = list(parse_stream(stream))
    except FileNotFoundError:
        return {}, []
    except (OSError, UnicodeDecodeError):
        return {}, [f"{env_file}: cannot be read; make it a text file in UTF-8 that this user may read"]
    faults = [
        f"{env_file}, line {line.original.line}: is not NAME=value; mend it or put # before it"
        for line in lines
        if line.error or (line.key is not None and line.value is None)
    ]
    return {line.key: line.value for line in lines if line.key and line.value}, faults


def _merge_sources(*sources: Mapping[str, str]) -> dict[str, str]:
    """Merge the sources; later ones override earlier ones, and blank values count as absent."""
    return {
        name: value.strip() for source in sources for name, value in source.items() if value and value.strip()
    }


def _apply_aliases(variables: dict[str, str]) -> None:
    """Fill in absent settings from their other and former names."""
    for other, name in (*ALIASES.items(), *RENAMED.items()):
        if other in variables:
            variables.setdefault(name, variables[other])


def _closest_name(name: str) -> str | None:
    if name in setting_names() | secret_file_variables():
        return None
    present = sorted(setting_names() - RENAMED.keys())
    return next(iter(difflib.get_close_matches(name, present, n=1, cutoff=0.8)), None)


def _unknown_names(variables: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(variables):
        if name.startswith("MOONTHREAD_") and name not in setting_names():
            hint = f"did you mean {meant}?" if (meant := _closest_name(name)) else "take it out"
            yield f"{name}: there is no such setting; {hint}"


def _format_errors(errors: Iterable[ErrorDetails]) -> Iterator[str]:
    """Yield a line for each of pydantic's errors."""
    called = {spec.field: spec.name for spec in setting_specs()}
    for error in errors:
        field = str(error["loc"][0])
        if error["type"] == "value_error":
            yield f"{called[field]}: {error['ctx']['error']}"
        elif error["type"] != "default_factory_not_called":  # follows from an error in another field
            yield f"{called[field]}: is not allowed; set {_describe_range(field)}"


def _describe_range(field: str) -> str:
    """Return the values that a field accepts, in words."""
    schema: dict[str, Any] = Settings.model_json_schema()["properties"][field]
    schema = next((part for part in schema.get("anyOf", ()) if part.get("type") != "null"), schema)
    if "enum" in schema:
        return " or ".join(schema["enum"])
    kind = {"integer": "a whole number", "number": "a number"}.get(schema.get("type", ""), "some text")
    low = f" from {schema['minimum']:g}" if "minimum" in schema else ""
    above = f" above {schema['exclusiveMinimum']:g}" if "exclusiveMinimum" in schema else ""
    high = f" up to {schema['maximum']:g}" if "maximum" in schema else ""
    return kind + low + above + high


def _missing_variables(variables: Mapping[str, str], required: frozenset[Requirement]) -> Iterator[str]:
    if Requirement.KIMI in required and "KIMI_API_KEY" not in variables:
        yield (
            "KIMI_API_KEY: is not set; make a key at platform.kimi.com (China) or platform.kimi.ai "
            "(international) and put it into .env"
        )
    slack = {name for name in variables if name in _SLACK_CREDENTIALS}
    if Requirement.PLATFORM in required and not slack and "TELEGRAM_BOT_TOKEN" not in variables:
        yield (
            "No platform: set SLACK_BOT_TOKEN and SLACK_APP_TOKEN, or TELEGRAM_BOT_TOKEN, or both; "
            "README shows how to get them"
        )
    if Requirement.TELEGRAM in required and "TELEGRAM_BOT_TOKEN" not in variables:
        yield "TELEGRAM_BOT_TOKEN: is not set; make a bot with @BotFather and copy its token"
    if Requirement.SLACK in required or (Requirement.PLATFORM in required and slack):
        yield from _missing_slack_variables(slack)


_SLACK_CREDENTIALS = frozenset({"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"})


def _missing_slack_variables(present: set[str]) -> Iterator[str]:
    if "SLACK_BOT_TOKEN" not in present:
        yield "SLACK_BOT_TOKEN: is not set; copy the Bot User OAuth Token from OAuth & Permissions"
    if not present & {"SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"}:
        yield (
            "SLACK_APP_TOKEN: is not set; make an App-Level Token for Socket Mode, or set "
            "SLACK_SIGNING_SECRET to be called over HTTP"
        )


def _contradictions(variables: Mapping[str, str]) -> Iterator[str]:
    insecure = variables.get("MOONTHREAD_PUBLIC_URL", "").startswith("http:")
    if insecure and "TELEGRAM_BOT_TOKEN" in variables and "TELEGRAM_API_URL" not in variables:
        yield "MOONTHREAD_PUBLIC_URL: begins with http:; Telegram only calls https: addresses"
    for number in ("2", "3"):
        told = [name for name in (f"KIMI_BASE_URL_{number}", f"KIMI_MODEL_{number}") if name in variables]
        if told and f"KIMI_API_KEY_{number}" not in variables:
            yield f"KIMI_API_KEY_{number}: is not set; without it {told[0]} does nothing"


def _unwritable_database(variables: Mapping[str, str], data_dir: Path) -> Iterator[str]:
    """Yield a line if the SQLite file can be neither written nor created."""
    name, url = "MOONTHREAD_DATA_DIR", default_database_url(data_dir)
    if "DATABASE_URL" in variables:
        name, url = "DATABASE_URL", variables["DATABASE_URL"]
    file = sqlite_file(url)
    if file is None:
        return
    existing = next(path for path in (file, *file.parents) if path.exists())
    if existing == file:
        fine = file.is_file() and os.access(file, os.R_OK | os.W_OK) and os.access(file.parent, os.W_OK)
    else:
        fine = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    if not fine:
        yield f"{name}: cannot be written ({existing}); choose another folder or change its permissions"
