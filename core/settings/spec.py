"""The settings as people see them: names, defaults and descriptions, read off the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, cast

from core.settings.model import Settings

ALSO_READ: Mapping[str, str] = MappingProxyType({"MOONSHOT_API_KEY": "KIMI_API_KEY"})
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
class Spec:
    """One setting as people see it."""

    name: str  #: the environment variable
    field: str  #: the attribute of :class:`Settings`
    group: str
    default: str  #: as text; "" where there is none
    secret: bool
    description: str


def specs() -> tuple[Spec, ...]:
    """Return every setting in the order of the table."""
    every = (
        _spec(
            field, info.annotation, info.description or "", info.default, cast("Any", info.json_schema_extra)
        )
        for field, info in Settings.model_fields.items()
    )
    return tuple(sorted(every, key=lambda spec: GROUPS.index(spec.group)))


def _spec(field: str, annotation: object, description: str, default: object, extra: dict[str, Any]) -> Spec:
    plain = default if isinstance(default, str | int | float) else None
    shown = extra["shown"] or (
        "" if plain is None else f"`{plain:g}`" if isinstance(plain, float) else f"`{plain}`"
    )
    return Spec(
        name=extra["name"],
        field=field,
        group=extra["group"],
        default=shown,
        secret="SecretStr" in repr(annotation),
        description=description,
    )


def names() -> frozenset[str]:
    """Return every variable that is read."""
    return frozenset(spec.name for spec in specs()) | frozenset(ALSO_READ)
