"""Converts ``rich_text`` blocks, which Slack's own editor makes, into Markdown. Pure.

Source: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from bots.slack.emoji_codes import emoji_of
from core.text.quoting import backtick_fence

Json: TypeAlias = Mapping[str, Any]

_INDENT: Final = "    "
_MARKS: Final = (("bold", "**"), ("italic", "_"), ("strike", "~~"), ("code", "`"))  #: outermost first
_CODE_POINT_DIGITS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TextContext:
    """What is known about ids in a message's texts."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Names of people, channels (without "#") and user groups (with "@") by id; others are shown by id."""
    own_ids: frozenset[str] = frozenset()  #: user and bot id of the bot; mentions of it are removed


def mappings(value: object) -> Iterator[Json]:
    """Yield the objects of a JSON list; nothing if ``value`` is no list."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (one for one in value if isinstance(one, Mapping))


def mentions_in_rich_text(blocks: object) -> frozenset[str]:
    """Return the ids of the people that ``rich_text`` blocks mention."""
    found: set[str] = set()
    pending = [block for block in mappings(blocks) if block.get("type") == "rich_text"]
    while pending:
        element = pending.pop()
        if element.get("type") == "user":
            found.add(str(element.get("user_id") or ""))
        pending += mappings(element.get("elements"))
    return frozenset(found)


def rich_text_markdown(block: Json, context: TextContext) -> str:
    """Return a ``rich_text`` block as Markdown; "" if it is empty."""
    parts: list[str] = []
    ordinals: dict[int, int] = {}  # last number of an ordered list by its indent; sublists interrupt it
    was_list = False
    for element in mappings(block.get("elements")):
        is_list = element.get("type") == "rich_text_list"
        if not is_list:
            ordinals.clear()
        rendered = _list(element, context, ordinals) if is_list else _element(element, context)
        joiner = "\n" if is_list and was_list else "\n\n"
        if rendered:
            parts += [joiner, rendered] if parts else [rendered]
            was_list = is_list
    return "".join(parts)


def _element(element: Json, context: TextContext) -> str:
    text = _inline(element.get("elements"), context)
    match element.get("type"):
        case "rich_text_quote":
            return "\n".join(f"> {line}".rstrip() for line in text.strip().split("\n"))
        case "rich_text_preformatted":
            language = element.get("language")
            plain = "".join(_plain(one, context) for one in mappings(element.get("elements")))
            fence = backtick_fence(plain, min_ticks=3)
            return f"{fence}{language if isinstance(language, str) else ''}\n{plain.rstrip()}\n{fence}"
        case _:
            return text.strip()


def _list(element: Json, context: TextContext, ordinals: dict[int, int]) -> str:
    indent = element.get("indent")
    depth = indent if isinstance(indent, int) and 0 <= indent < 9 else 0
    for deeper in [one for one in ordinals if one > depth]:
        del ordinals[deeper]
    offset, ordered = element.get("offset"), element.get("style") == "ordered"
    number = ordinals.get(depth, offset if isinstance(offset, int) else 0)
    lines = []
    for item in mappings(element.get("elements")):
        number += 1
        text = _inline(item.get("elements"), context).strip().replace("\n", f"\n{_INDENT * (depth + 1)}")
        lines.append(f"{_INDENT * depth}{f'{number}.' if ordered else '-'} {text}".rstrip())
    if ordered:
        ordinals[depth] = number
    return "\n".join(lines)


def _inline(elements: object, context: TextContext) -> str:
    """Return a run of inline elements; mentions of the bot are removed with the space before them."""
    parts: list[str] = []
    after_mention = False
    for element in mappings(elements):
        if element.get("type") == "user" and element.get("user_id") in context.own_ids:
            after_mention = not parts
            parts = [*parts[:-1], parts[-1].rstrip(" ")] if parts else []
            continue
        text = _styled(_plain(element, context), element.get("style"))
        parts.append(text.lstrip(" :,，：") if after_mention else text)
        after_mention = False
    return "".join(parts)


def _plain(element: Json, context: TextContext) -> str:
    """Return one inline element without its emphasis."""
    match element:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "link", "url": str(url)}:
            label = element.get("text")
            return url if not isinstance(label, str) or label in ("", url) else f"[{label}]({url})"
        case {"type": "user", "user_id": str(id_)} | {"type": "usergroup", "usergroup_id": str(id_)}:
            return f"@{context.names.get(id_, id_)}"
        case {"type": "channel", "channel_id": str(id_)}:
            return f"#{context.names.get(id_, id_)}"
        case {"type": "broadcast", "range": str(audience)}:
            return f"@{audience}"
        case {"type": "emoji", "name": str(name)}:
            return _emoji(name, element.get("unicode"))
        case {"type": "date"}:
            return str(element.get("fallback") or element.get("timestamp") or "")
        case {"type": "color", "value": str(value)} | {"text": str(value)} | {"fallback": str(value)}:
            return value
        case _:
            return ""


def _emoji(name: str, code_points: object) -> str:
    """Return an emoji, or ":name:" if it is one of the workspace's own.

    ``code_points`` are hexadecimal, such as "1f44d-1f3fb"; some clients leave them out.
    """
    try:
        points = [int(one, 16) for one in str(code_points or "").split("-") if len(one) <= _CODE_POINT_DIGITS]
        return "".join(map(chr, points)) or emoji_of(name) or f":{name}:"
    except (ValueError, OverflowError):
        return emoji_of(name) or f":{name}:"


def _styled(text: str, style: object) -> str:
    """Return text between Markdown's marks; outer white space stays outside of them."""
    core = text.strip()
    if not core or not isinstance(style, Mapping) or "\n" in core:
        return text
    marks = [mark for name, mark in _MARKS if style.get(name) is True and mark not in core]
    start = text.index(core)
    return f"{text[:start]}{''.join(marks)}{core}{''.join(reversed(marks))}{text[start + len(core) :]}"
