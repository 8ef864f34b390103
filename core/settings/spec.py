"""The settings as people see them: names, defaults and descriptions, read off the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from core.settings.model import Settings

ALIASES: Mapping[str, str] = MappingProxyType({"MOONSHOT_API_KEY": "KIMI_API_KEY"})
"""Other names that are read where the first one is not set."""


GROUPS = (
    "Kimi",
    "Account",
    "Slack",
    "Telegram",
    "Storage",
    "Service",
    "Answers",
    "Desk",
    "Access",
    "Guard",
    "Platform budgets",
)
"""The tables of settings, in the order in which a newcomer needs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSpec:
    """One setting as people see it."""

    name: str  #: the environment variable
    field: str  #: the attribute of :class:`Settings`
    group: str
    default: str  #: as text; "" where there is none
    secret: bool
    description: str


def setting_specs() -> tuple[SettingSpec, ...]:
    """Return every setting in the order of the table."""
    every = (
        _build_spec(
            field, info.annotation, info.description or "", info.default, cast("Any", info.json_schema_extra)
        )
        for field, info in Settings.model_fields.items()
    )
    return tuple(sorted(every, key=lambda spec: GROUPS.index(spec.group)))


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


def setting_names() -> frozenset[str]:
    """Return every variable that is read."""
    return frozenset(spec.name for spec in setting_specs()) | frozenset(ALIASES)
