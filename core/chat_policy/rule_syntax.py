"""Rules as words: how they are stored, shown, and set on the command line. Pure.

A rule's name is the field's name in :class:`core.chat_policy.chat_rules.ChatRules`; its value is a text.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, TypeVar

from core.chat_policy.chat_rules import ChatRules, Trigger
from core.chat_policy.opening_hours import Hours
from core.domain.errors import SettingsError

MOST_TEXT_CHARS: Final = 2_000  #: of a text that the bot says as it stands
MOST_PERSONA_CHARS: Final = 8_000
MOST_ENTRIES: Final = 200  #: of a list
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ROOM = re.compile(r"(slack|telegram):\S+")
T = TypeVar("T", int, float)


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one rule is read and written."""

    read: Callable[[str], Any]  #: raises ValueError, whose text says what is wrong
    write: Callable[[Any], str]


def _number(kind: Callable[[str], T], low: T, high: T) -> Callable[[str], T]:
    def read(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if not low <= value <= high:
            raise ValueError(f"{text} is not between {low} and {high}")
        return value

    return read


def _text(most_chars: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > most_chars:
            raise ValueError(f"{len(text)} characters are more than {most_chars}")
        return text

    return read


def _words(text: str) -> tuple[str, ...]:
    listed = tuple(dict.fromkeys(word.strip() for word in re.split("[,，、]", text) if word.strip()))
    if len(listed) > MOST_ENTRIES:
        raise ValueError(f"{len(listed)} entries are more than {MOST_ENTRIES}")
    return listed


def _trigger(text: str) -> Trigger:
    try:
        return Trigger(text.lower())
    except ValueError:
        raise ValueError(f"{text!r} is none of {', '.join(Trigger)}") from None


def _switch(text: str) -> bool:
    if text.lower() not in ("on", "off"):
        raise ValueError(f"{text!r} is neither on nor off")
    return text.lower() == "on"


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text and not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is no {what}")
        return text

    return read


def _on_off(value: bool | None) -> str:
    return "" if value is None else "on" if value else "off"


_HOURS = _Rule(lambda text: Hours.parse(text) if text else None, lambda value: str(value or ""))
_LIST = _Rule(_words, ", ".join)
_SAID = _Rule(_text(MOST_TEXT_CHARS), str)

_RULES: Final[Mapping[str, _Rule]] = {
    "trigger": _Rule(_trigger, str),
    "keywords": _LIST,
    "quiet_s": _Rule(_number(float, 0.0, 604_800.0), "{:g}".format),
    "gather_s": _Rule(_number(float, 0.0, 10.0), "{:g}".format),
    "hours": _HOURS,
    "quiet_hours": _HOURS,
    "closed_text": _SAID,
    "language": _Rule(_matching(_TAG, "language tag such as zh or en"), str),
    "persona": _Rule(_text(MOST_PERSONA_CHARS), str),
    "model": _Rule(_text(128), str),
    "search": _Rule(lambda text: _switch(text) if text else None, _on_off),
    "knowledge": _LIST,
    "strict": _Rule(_switch, _on_off),
    "person_messages": _Rule(_number(int, 0, 1_000_000), str),
    "chat_messages": _Rule(_number(int, 0, 1_000_000), str),
    "staff": _LIST,
    "staff_groups": _LIST,
    "welcome": _SAID,
    "desk": _Rule(_matching(_ROOM, "room such as slack:C0123 or telegram:-100123"), str),
    "desk_people": _LIST,
    "handover_words": _LIST,
}

NAMES: Final = tuple(field.name for field in fields(ChatRules))
"""Every rule's name, in the order in which they are shown."""

_USUAL: Final = ChatRules()


def to_words(rules: ChatRules, *, all_of_them: bool = False) -> dict[str, str]:
    """Return rules as texts by name: those that differ from the usual, or all of them."""
    return {
        name: _RULES[name].write(getattr(rules, name))
        for name in NAMES
        if all_of_them or getattr(rules, name) != getattr(_USUAL, name)
    }


def from_words(words: Mapping[str, str]) -> ChatRules:
    """Return what :func:`to_words` wrote; what another version wrote and we cannot read is left out."""
    known: dict[str, Any] = {}
    for name, text in words.items():
        try:
            known[name] = _RULES[name].read(text)
        except (KeyError, ValueError):
            continue
    return ChatRules(**known)


def changed(rules: ChatRules, words: Mapping[str, str]) -> ChatRules:
    """Return rules with some set anew; an empty text brings the usual back.

    Raises:
        SettingsError: names every fault.
    """
    faults, values = [], {}
    for name, text in words.items():
        rule = _RULES.get(name)
        if rule is None:
            faults.append(f"there is no rule {name!r}; the rules are {', '.join(NAMES)}")
            continue
        try:
            values[name] = rule.read(text.strip()) if text.strip() else getattr(_USUAL, name)
        except ValueError as exc:
            faults.append(f"{name}: {exc}")
    made = replace(rules, **values)
    if made.closed_text and made.hours is None:
        faults.append("closed_text: there are no business hours to be out of; set hours too")
    if made.trigger is Trigger.KEYWORD and not made.keywords:
        faults.append("trigger: keyword needs keywords; set them too")
    if faults:
        raise SettingsError(faults)
    return made


def parse_pairs(pairs: list[str]) -> dict[str, str]:
    """Return the words of arguments such as ``trigger=question``.

    Raises:
        SettingsError: names every argument that is none.
    """
    faults = [f"{pair!r} is not NAME=VALUE" for pair in pairs if "=" not in pair]
    if faults:
        raise SettingsError(faults)
    named = (pair.partition("=") for pair in pairs)
    return {name.strip(): value for name, _, value in named}
