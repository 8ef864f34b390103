"""Events as JSON and back: the inbox stores them so until they are processed and beyond."""

from typing import Any, Final

from pydantic import TypeAdapter

from core.domain.buttons import encode_button, parse_button_data
from core.domain.events import (
    BotAccessChanged,
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    UnparsedEvent,
)

FORMAT_VERSION: Final = 1  #: raised when the JSON of an event changes so that older code cannot read it

_ADAPTERS: Final[dict[str, TypeAdapter[Any]]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (
        MessageReceived,
        CommandReceived,
        ButtonPressed,
        MessageEdited,
        MessageDeleted,
        ReactionChanged,
        MemberJoined,
        BotAccessChanged,
        ChannelMigrated,
        UnparsedEvent,
    )
}


def encode(event: Event) -> dict[str, Any]:
    """Return an event as JSON: its fields, its class name under "kind", and "version"."""
    kind = type(event).__name__
    fields: dict[str, Any] = _ADAPTERS[kind].dump_python(event, mode="json")
    if isinstance(event, ButtonPressed):
        fields["action"] = encode_button(event.action)
    return {"version": FORMAT_VERSION, "kind": kind} | fields


def decode(stored: dict[str, Any]) -> Event:
    """Return the event that :func:`encode` was given.

    Raises:
        ValueError: a version of the program with other events stored it.
    """
    fields = dict(stored)
    if fields.pop("version", None) != FORMAT_VERSION:
        raise ValueError("unknown version of a stored event")
    adapter = _ADAPTERS.get(str(fields.pop("kind", "")))
    if adapter is None:
        raise ValueError("unknown kind of event")
    if adapter is _ADAPTERS[ButtonPressed.__name__]:
        fields["action"] = parse_button_data(fields["action"])
    event: Event = adapter.validate_python(fields)
    return event
