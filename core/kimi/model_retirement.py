"""The end of a model as its provider announces it: the day, and the model to use instead.

Sources: an entry of ``GET /models`` has ``shutdown_date`` (OpenAI), ``expiration_date`` (OpenRouter) or
``deprecation`` with ``deprecation_replacement_model`` (Mistral); a refusal says "Use 'NAME' instead".
Moonshot documents no such field, so every name of that kind is read.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

_END: Final = re.compile(r"(^|_)(shutdown|shut_down|sunset|retire\w*|deprecat\w*|expir\w*|end_of_life|eol)")
_SUCCESSOR: Final = re.compile(r"replacement|successor|replaced_by|superseded_by|migrate_to")
_INSTEAD: Final = re.compile(
    r"(?:\b(?:[Uu]se|[Ss]witch to|migrate to|upgrade to|replaced (?:by|with))"
    r"|(?:请|改)\w{0,4}(?:使用|改用|切换到))"
    r"\s+(?:the )?(?:model )?[`'\"“]?([A-Za-z0-9][\w./:-]*[A-Za-z0-9])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """A provider's announcement that it will stop to serve a model."""

    on: date | None = None  #: the last day, if it is named
    successor: str = ""  #: id of the model to use instead, if it is named


def parse_retirement(entry: Mapping[str, Any]) -> Retirement | None:
    """Return what an entry of ``GET /models`` says about the model's end; None if it says nothing."""
    announced, last_day, successor = False, None, ""
    for name, value in _members(entry):
        if _SUCCESSOR.search(name):
            if isinstance(value, str) and value:
                announced, successor = True, value
        elif _END.search(name):
            day = _parse_day(value)
            announced = announced or day is not None or value is True
            last_day = last_day or day
    return Retirement(on=last_day, successor=successor) if announced else None


def find_successor(text: str, *, refused: str = "") -> str:
    """Return the model that an error's text names instead of the ``refused`` one; "" if it names none."""
    names = (match[1] for match in _INSTEAD.finditer(text) if any(one.isdigit() for one in match[1]))
    return next((name for name in names if name != refused), "")


def _members(entry: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the members of an entry and of the objects in it; those of an end's object carry its name."""
    for name, value in entry.items():
        yield name, value
        if isinstance(value, dict):
            prefix = f"{name}_" if _END.search(name) else ""
            for inner, one in value.items():
                yield inner if _SUCCESSOR.search(inner) else prefix + inner, one


def _parse_day(value: object) -> date | None:
    """Return the day of an ISO date or time, or of seconds since 1970."""
    match value:
        case bool():
            return None
        case str():
            try:
                return date.fromisoformat(value[:10])
            except ValueError:
                return None
        case int() | float() if 1e9 < value < 1e10:
            return datetime.fromtimestamp(value, UTC).date()
        case _:
            return None
