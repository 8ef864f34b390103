"""Declaration of a setting: its variable, group, description and range."""

from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, Field

CASE_INSENSITIVE = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)

OnOff: TypeAlias = Annotated[Literal["on", "off"], CASE_INSENSITIVE]


def setting(name: str, group: str, description: str, *, default_text: str | None = None, **field: Any) -> Any:
    """Return pydantic's field for a setting.

    Args:
        name: the environment variable.
        group: the table of settings that it belongs to, one of :data:`core.settings.spec.GROUPS`.
        description: Markdown for the table.
        default_text: replaces the default value in the table.
        field: arguments of :func:`pydantic.Field`, such as ``default``, ``ge`` and ``le``.
    """
    if "default_factory" not in field:
        field.setdefault("default", None)
    extra = {"name": name, "group": group, "shown": default_text}
    return Field(description=description, json_schema_extra=cast("Any", extra), **field)
