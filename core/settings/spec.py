"""The settings as people see them: names, defaults and descriptions, read from the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from core.settings.model import Settings

ALIASES: Mapping[str, str] = MappingProxyType({"MOONSHOT_API_KEY": "KIMI_API_KEY"})
"""Other names by setting; each is read if the setting itself is absent."""

RENAMED: Mapping[str, str] = MappingProxyType(
    {
        "MOONTHREAD_BUSY": "MOONTHREAD_WHILE_ANSWERING",
        "MOONTHREAD_FLOOD_MESSAGES": "MOONTHREAD_FLOOD_MESSAGES_PER_MINUTE",
        "MOONTHREAD_KIMI_PATIENCE_S": "MOONTHREAD_KIMI_RETRY_DEADLINE_S",
        "MOONTHREAD_MASK": "MOONTHREAD_PII_MASKING",
        "MOONTHREAD_REPEATS": "MOONTHREAD_DUPLICATES_PER_10_MIN",
        "MOONTHREAD_SEARCH": "MOONTHREAD_WEB_SEARCH",
        "MOONTHREAD_STOP_GRACE_S": "MOONTHREAD_SHUTDOWN_GRACE_S",
        "MOONTHREAD_STRANGER_MESSAGES_PER_DAY": "MOONTHREAD_UNLISTED_USER_MESSAGES_PER_DAY",
        "MOONTHREAD_WEIGHTS": "MOONTHREAD_FAIR_SHARE_WEIGHTS",
    }
)
"""Former names of settings; each is read, with a warning, if the present name is absent."""

GROUPS = (
    "Kimi",
    "Account",
    "Slack",
    "Telegram",
    "Storage",
    "Service",
    "Console",
    "Answers",
    "Knowledge",
    "Desk",
    "Access",
    "Guard",
    "Platform budgets",
)
"""Headings of the tables of settings, ordered by what a newcomer sets first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSpec:
    """One row of the table of settings."""

    name: str  #: the environment variable
    field: str  #: the attribute of :class:`Settings`
    group: str  #: one of :data:`GROUPS`
    default: str  #: Markdown; "" if there is none
    secret: bool
    description: str  #: Markdown


def setting_specs() -> tuple[SettingSpec, ...]:
    """Return every setting in the order of the table."""
    every = (
        _build_spec(
            field, info.annotation, info.description or "", info.default, cast("Any", info.json_schema_extra)
        )
        for field, info in Settings.model_fields.items()
    )
    return tuple(sorted(every, key=lambda spec: GROUPS.index(spec.group)))


def setting_names() -> frozenset[str]:
    """Return every variable that is read, former names included."""
    return frozenset(spec.name for spec in setting_specs()) | frozenset(ALIASES) | frozenset(RENAMED)


def _build_spec(
    field: str, annotation: object, description: str, default: object, schema_extra: dict[str, Any]
) -> SettingSpec:
    plain = default if isinstance(default, str | int | float) else None
    shown = schema_extra["shown"] or (
        "" if plain is None else f"`{plain:g}`" if isinstance(plain, float) else f"`{plain}`"
    )
    return SettingSpec(
        name=schema_extra["name"],
        field=field,
        group=schema_extra["group"],
        default=shown,
        secret="SecretStr" in repr(annotation),
        description=description,
    )
