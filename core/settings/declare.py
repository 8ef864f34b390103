"""How a setting is declared: its variable, its group, what it is for, its range."""

from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BeforeValidator, Field

CASE_INSENSITIVE = BeforeValidator(lambda value: value.lower() if isinstance(value, str) else value)

OnOff: TypeAlias = Annotated[Literal["on", "off"], CASE_INSENSITIVE]


def setting(name: str, group: str, description: str, *, default_text: str | None = None, **field: Any) -> Any:
    """Declare a setting; ``shown`` replaces its default in the table."""
    if "default_factory" not in field:
        field.setdefault("default", None)
    extra = {"name": name, "group": group, "shown": default_text}
    return Field(description=description, json_schema_extra=cast("Any", extra), **field)
