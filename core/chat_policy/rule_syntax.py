"""Text form of rules, in which they are stored, shown and entered. Pure.

A rule's name is a field of :class:`core.chat_policy.chat_rules.ChatRules`; its value is a text.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from core.chat_policy.chat_rules import ChatRules, Trigger
from core.chat_policy.hours_syntax import parse_hours, parse_weekly_times
from core.chat_policy.opening_hours import WeeklyHours
from core.domain.errors import SettingsError

MAX_TEXT_CHARS: Final = 2_000  #: characters of a text that the bot sends
MAX_PERSONA_CHARS: Final = 8_000
MAX_ENTRIES: Final = 200  #: entries of a list
MAX_REMEMBER: Final = timedelta(days=7)
_DURATION = re.compile(r"(\d{1,4})\s?(h|hours?|d|days?|小时|天)", re.IGNORECASE)
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CHANNEL = re.compile(r"(slack|telegram):\S+")
T = TypeVar("T", int, float)


@dataclass(frozen=True, slots=True)
class _RuleCodec:
    """Converts one rule's value from and to text."""

    parse: Callable[[str], Any]  #: raises ValueError with a message for people
    render: Callable[[Any], str]


def _number_parser(kind: Callable[[str], T], low: T, high: T) -> Callable[[str], T]:
    def parse(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number") from None
        if not low <= value <= high:
            raise ValueError(f"{text} is not between {low} and {high}")
        return value

    return parse


def _text_parser(max_chars: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if len(text) > max_chars:
            raise ValueError(f"{len(text)} characters are more than {max_chars}")
        return text

    return parse


def _parse_list(text: str) -> tuple[str, ...]:
    listed = tuple(dict.fromkeys(word.strip() for word in re.split("[,，、]", text) if word.strip()))
    if len(listed) > MAX_ENTRIES:
        raise ValueError(f"{len(listed)} entries are more than {MAX_ENTRIES}")
    return listed


def _parse_trigger(text: str) -> Trigger:
    try:
        return Trigger(text.lower())
    except ValueError:
        raise ValueError(f"{text!r} is none of {', '.join(Trigger)}") from None


def _parse_switch(text: str) -> bool:
    if text.lower() not in ("on", "off"):
        raise ValueError(f"{text!r} is neither on nor off")
    return text.lower() == "on"


def _pattern_parser(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text and not pattern.fullmatch(text):
            raise ValueError(f"{text!r} is no {what}")
        return text

    return parse


def _parse_remember(text: str) -> timedelta:
    if text.lower() == "off":
        return timedelta()
    found = _DURATION.fullmatch(text)
    hours = int(found[1]) * (24 if found[2].lower() in ("d", "day", "days", "天") else 1) if found else 0
    if not timedelta() < timedelta(hours=hours) <= MAX_REMEMBER:
        raise ValueError(f"{text!r} is no time from 1h to {MAX_REMEMBER.days}d, such as 24h, and not off")
    return timedelta(hours=hours)


def _render_remember(value: timedelta) -> str:
    return f"{int(value.total_seconds()) // 3600}h" if value else ""


def _render_times(value: WeeklyHours | None) -> str:
    return "" if value is None else value.format_starts()


def _render_switch(value: bool | None) -> str:
    return "" if value is None else "on" if value else "off"


_HOURS_CODEC = _RuleCodec(lambda text: parse_hours(text) if text else None, lambda value: str(value or ""))
_LIST_CODEC = _RuleCodec(_parse_list, ", ".join)
_TEXT_CODEC = _RuleCodec(_text_parser(MAX_TEXT_CHARS), str)

_CODECS: Final[Mapping[str, _RuleCodec]] = {
    "trigger": _RuleCodec(_parse_trigger, str),
    "keywords": _LIST_CODEC,
    "quiet_s": _RuleCodec(_number_parser(float, 0.0, 604_800.0), "{:g}".format),
    "gather_s": _RuleCodec(_number_parser(float, 0.0, 10.0), "{:g}".format),
    "hours": _HOURS_CODEC,
    "quiet_hours": _HOURS_CODEC,
    "closed_text": _TEXT_CODEC,
    "language": _RuleCodec(_pattern_parser(_LANGUAGE_TAG, "language tag such as zh or en"), str),
    "persona": _RuleCodec(_text_parser(MAX_PERSONA_CHARS), str),
    "model": _RuleCodec(_text_parser(128), str),
    "search": _RuleCodec(lambda text: _parse_switch(text) if text else None, _render_switch),
    "tools": _LIST_CODEC,
    "approved_tools": _LIST_CODEC,
    "knowledge": _LIST_CODEC,
    "strict": _RuleCodec(_parse_switch, _render_switch),
    "person_messages": _RuleCodec(_number_parser(int, 0, 1_000_000), str),
    "chat_messages": _RuleCodec(_number_parser(int, 0, 1_000_000), str),
    "staff": _LIST_CODEC,
    "staff_groups": _LIST_CODEC,
    "welcome": _TEXT_CODEC,
    "desk": _RuleCodec(_pattern_parser(_CHANNEL, "room such as slack:C0123 or telegram:-100123"), str),
    "desk_people": _LIST_CODEC,
    "remember": _RuleCodec(_parse_remember, _render_remember),
    "digest": _RuleCodec(lambda text: parse_weekly_times(text) if text else None, _render_times),
    "handover_words": _LIST_CODEC,
}

RULE_NAMES: Final = tuple(field.name for field in fields(ChatRules))
"""Names of all rules in the order in which they are shown."""

_DEFAULTS: Final = ChatRules()


def render_rules(rules: ChatRules, *, include_defaults: bool = False) -> dict[str, str]:
    """Return rules as name → text: those that differ from the defaults, or all of them."""
    return {
        name: _CODECS[name].render(getattr(rules, name))
        for name in RULE_NAMES
        if include_defaults or getattr(rules, name) != getattr(_DEFAULTS, name)
    }


def parse_rules(texts: Mapping[str, str]) -> ChatRules:
    """Return the rules that :func:`render_rules` wrote; unknown names and values keep their default.

    During a rolling upgrade another version may have written them.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            values[name] = _CODECS[name].parse(text)
        except (KeyError, ValueError):
            continue
    return ChatRules(**values)


def with_changes(rules: ChatRules, texts: Mapping[str, str]) -> ChatRules:
    """Return rules with some values changed; an empty text restores the default.

    Raises:
        SettingsError: names every fault, in sentences for people.
    """
    faults, values = [], {}
    for name, text in texts.items():
        codec = _CODECS.get(name)
        if codec is None:
            faults.append(f"there is no rule {name!r}; the rules are {', '.join(RULE_NAMES)}")
            continue
        try:
            values[name] = codec.parse(text.strip()) if text.strip() else getattr(_DEFAULTS, name)
        except ValueError as exc:
            faults.append(f"{name}: {exc}")
    changed = replace(rules, **values)
    if changed.digest is not None and not changed.digest.time_zone:
        changed = replace(changed, digest=replace(changed.digest, time_zone=changed.time_zone))
        if not changed.time_zone:
            faults.append("digest: no time zone; write one such as Asia/Shanghai at the end")
    if changed.closed_text and changed.hours is None:
        faults.append("closed_text: there are no business hours to be out of; set hours too")
    if changed.trigger is Trigger.KEYWORD and not changed.keywords:
        faults.append("trigger: keyword needs keywords; set them too")
    if faults:
        raise SettingsError(faults)
    return changed


def parse_pairs(pairs: list[str]) -> dict[str, str]:
    """Return arguments such as ``trigger=question`` as name → text.

    Raises:
        SettingsError: names every argument without "=".
    """
    faults = [f"{pair!r} is not NAME=VALUE" for pair in pairs if "=" not in pair]
    if faults:
        raise SettingsError(faults)
    named = (pair.partition("=") for pair in pairs)
    return {name.strip(): value for name, _, value in named}
