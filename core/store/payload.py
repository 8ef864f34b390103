"""Events as JSON and back: what the inbox keeps until a question is answered."""

from typing import Any

from pydantic import TypeAdapter

from core.domain.buttons import encode_button, parse_button_data
from core.domain.events import (
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    UnparsedEvent,
)

_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (
        MessageReceived,
        CommandReceived,
        ButtonPressed,
        MessageEdited,
        MessageDeleted,
        MemberJoined,
        ChannelMigrated,
        UnparsedEvent,
    )
}


def encode(event: Event) -> dict[str, Any]:
    """Return ``event`` as plain JSON values, with its kind under ``"kind"``."""
    kind = type(event).__name__
    fields: dict[str, Any] = _ADAPTERS[kind].dump_python(event, mode="json")
    if isinstance(event, ButtonPressed):
        fields["action"] = encode_button(event.action)
    return {"kind": kind} | fields


def decode(payload: dict[str, Any]) -> Event:
    """Return the event that :func:`encode` was given.

    Raises:
        ValueError: the payload was written by a version with other events.
    """
    fields = dict(payload)
    adapter = _ADAPTERS.get(str(fields.pop("kind", "")))
    if adapter is None:
        raise ValueError("unknown kind of event")
    if adapter is _ADAPTERS[ButtonPressed.__name__]:
        fields["action"] = parse_button_data(fields["action"])
    event: Event = adapter.validate_python(fields)
    return event
