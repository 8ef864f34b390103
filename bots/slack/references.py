"""Finds the ids of people, channels and groups in an event, for a lookup of their names. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bots.slack.lifecycle_events import previous_message

MAX_NAMES: Final = 50  #: looked up for one event
MAX_DEPTH: Final = 20  #: levels of an event that are searched
_PERSON: Final = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_CHANNEL: Final = re.compile(r"<#([CG][A-Z0-9]+)\|?>")
_GROUP: Final = re.compile(r"<!subteam\^(S[A-Z0-9]+)>")
_PERSON_KEYS: Final = frozenset({"user_id", "author_id"})
_UNSEARCHED: Final = frozenset({"previous_message", "root", "files", "metadata", "reactions", "edited"})


@dataclass(slots=True)
class References:
    """Ids that an event mentions."""

    people: set[str] = field(default_factory=set)
    channels: set[str] = field(default_factory=set)  #: without those that Slack names itself
    groups: set[str] = field(default_factory=set)  #: user groups, without those that Slack names itself


def references_of(body: Mapping[str, Any]) -> References:
    """Return the ids in ``body`` (an envelope, a slash command's form or a button's payload)."""
    match body:
        case {"event": {"subtype": "message_deleted"} | {"message": {"subtype": "tombstone"}} as event}:
            author = previous_message(event).get("user")
            return References(people={author} if isinstance(author, str) else set())
        case {"event": {"message": Mapping() as message}}:
            return references_in([message])
        case {"event": Mapping() as event}:
            return references_in([event])
        case {"user_id": str(author)} | {"user": {"id": str(author)}}:
            return References(people={author})
        case _:
            return References()


def references_in(messages: Sequence[Mapping[str, Any]]) -> References:
    """Return the ids of the authors of messages and of what their texts, blocks and attachments mention."""
    found = References(people={user for one in messages if isinstance(user := one.get("user"), str) and user})
    for message in messages:
        for key, text in _strings(message, MAX_DEPTH):
            if key in _PERSON_KEYS and text[:1] in ("U", "W"):
                found.people.add(text)
            elif key == "channel_id" and text[:1] in ("C", "G"):
                found.channels.add(text)
            elif key == "usergroup_id":
                found.groups.add(text)
            else:
                found.people.update(_PERSON.findall(text))
                found.channels.update(_CHANNEL.findall(text))
                found.groups.update(_GROUP.findall(text))
            if len(found.people) + len(found.channels) + len(found.groups) >= MAX_NAMES:
                return found
    return found


def _strings(value: object, depth: int, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every string in a JSON value with the key that it is under."""
    if isinstance(value, str):
        yield key, value
    elif depth and isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in _UNSEARCHED:
                yield from _strings(inner, depth - 1, str(name))
    elif depth and isinstance(value, Sequence):
        for inner in value:
            yield from _strings(inner, depth - 1, key)
