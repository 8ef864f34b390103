"""Converts people's messages from Telegram's text and entities into Markdown.

Entities count UTF-16 code units (https://core.telegram.org/bots/api#messageentity), so the text is
sliced as UTF-16. Text is kept as typed: nothing is escaped, because the reader is a language model, and
people write Markdown themselves.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Message, MessageEntity

from bots.telegram.people import BotIdentity
from core.text.quoting import backtick_fence
from core.text.visible_text import clean_text

_UTF16 = "utf-16-le"
STYLE_MARKERS = {"bold": "**", "italic": "*", "strikethrough": "~~", "spoiler": "||"}
_QUOTE_TYPES = ("blockquote", "expandable_blockquote")


@dataclass(frozen=True, slots=True)
class _EntitySpan:
    """An entity; offsets in UTF-16 units, ``end`` exclusive."""

    start: int
    end: int
    kind: str
    url: str = ""
    language: str = ""


def raw_text(message: Message) -> tuple[str, tuple[MessageEntity, ...]] | None:
    """Return a message's text or caption with its entities; None if it has neither."""
    if message.text is not None:
        return message.text, message.entities
    if message.caption is not None:
        return message.caption, message.caption_entities
    return None


def leading_command(message: Message) -> tuple[str, str] | None:
    """Return command and bot name ("" for none), in lower case; None unless the text begins with one."""
    text, entities = message.text or message.caption, message.entities or message.caption_entities
    first = next((entity for entity in entities if entity.type == "bot_command"), None)
    if first is None or first.offset != 0 or text is None:
        return None
    command, _, bot = text[1 : first.length].casefold().partition("@")
    return command, bot


def bot_mentions(
    text: str, entities: Sequence[MessageEntity], identity: BotIdentity
) -> list[tuple[int, int]]:
    """Return the UTF-16 ranges that name the bot: mentions, and the ``@bot`` of a command.

    Whole names are compared, ignoring case, so that ``@bot`` is not found in ``@bot2``.
    """
    units = text.encode(_UTF16, "surrogatepass")
    name = f"@{identity.username}".casefold()
    ranges: list[tuple[int, int]] = []
    for entity in entities:
        start, end = entity.offset, entity.offset + entity.length
        name_used = _slice_utf16(units, start, end).casefold()
        by_link = entity.type == "text_mention" and entity.user is not None and entity.user.id == identity.id
        if by_link or (entity.type == "mention" and name_used == name):
            ranges.append((start, end))
        elif entity.type == "bot_command" and name_used.endswith(name):
            ranges.append((end - len(name.encode(_UTF16)) // 2, end))
    return ranges


def to_markdown(text: str, entities: Sequence[MessageEntity], identity: BotIdentity | None = None) -> str:
    """Return ``text`` as Markdown, stripped, and without mentions of ``identity`` if it is given."""
    spans = [_to_span(entity) for entity in entities]
    units = text.encode(_UTF16, "surrogatepass")
    if identity is not None:
        for start, end in sorted(bot_mentions(text, entities, identity), reverse=True):
            start, end = _include_spacing(units, start, end)
            units = units[: 2 * start] + units[2 * end :]
            spans = [_shift_span(span, start, end) for span in spans]
    shown = sorted(
        (span for span in spans if span.start < span.end), key=lambda span: (span.start, -span.end)
    )
    return clean_text(_render_spans(units, 0, len(units) // 2, shown)).strip()


def _slice_utf16(encoded: bytes, start: int, end: int) -> str:
    return encoded[2 * start : 2 * end].decode(_UTF16, "replace")


def _to_span(entity: MessageEntity) -> _EntitySpan:
    return _EntitySpan(
        entity.offset,
        entity.offset + entity.length,
        str(entity.type),
        entity.url or "",
        entity.language or "",
    )


def _include_spacing(encoded: bytes, start: int, end: int) -> tuple[int, int]:
    """Widen a range to be removed by a space, or by the comma after a name at the beginning."""
    before, after = _slice_utf16(encoded, 0, start), _slice_utf16(encoded, end, len(encoded) // 2)
    if not before.strip():
        after_name = re.match(r"[ \t]*[,:，：、]?\s*", after)
        return 0, end + (after_name.end() if after_name else 0)
    if before[-1] == " " and (not after or not after[0].isalnum()):
        return start - 1, end
    return start, end


def _shift_span(span: _EntitySpan, start: int, end: int) -> _EntitySpan:
    """Return ``span`` with the offsets it has once the range is removed from the text."""

    def moved(at: int) -> int:
        return at if at <= start else max(start, at - (end - start))

    return _EntitySpan(moved(span.start), moved(span.end), span.kind, span.url, span.language)


def _render_spans(encoded: bytes, start: int, end: int, spans: Sequence[_EntitySpan]) -> str:
    """Return one range as Markdown; ``spans`` are those inside it, outermost first."""
    pieces: list[str] = []
    at = start
    rest = list(spans)
    while rest:
        span = rest.pop(0)
        inside = [other for other in rest if other.start < span.end]
        rest = rest[len(inside) :]
        first, last = max(span.start, at), min(span.end, end)
        if first >= last:
            continue
        pieces.append(_slice_utf16(encoded, at, first))
        body = _slice_utf16(encoded, first, last) if span.kind in ("code", "pre") else ""
        pieces.append(_wrap(span, body or _render_spans(encoded, first, last, inside), "".join(pieces)))
        at = last
        if (
            span.kind in ("pre", *_QUOTE_TYPES)
            and not _slice_utf16(encoded, at, at + 1).startswith("\n")
            and at < end
        ):
            pieces.append("\n")
    pieces.append(_slice_utf16(encoded, at, end))
    return "".join(pieces)


def _wrap(span: _EntitySpan, text: str, before: str) -> str:
    """Put the Markdown of ``span`` around ``text``; blocks begin on a line of their own."""
    own_line = "" if not before or before.endswith("\n") else "\n"
    if span.kind == "code":
        return _inline_code(text)
    if span.kind == "pre":
        fence = backtick_fence(text, min_ticks=3)
        return f"{own_line}{fence}{span.language}\n{text.strip(chr(10))}\n{fence}"
    if span.kind in _QUOTE_TYPES:
        return own_line + quote_lines(text)
    if span.kind == "text_link":
        return f"[{text}]({f'<{span.url}>' if set(span.url) & set('() ') else span.url})"
    if around := STYLE_MARKERS.get(span.kind):
        return "\n".join(_wrap_line(line, around) for line in text.split("\n"))
    return text


def quote_lines(text: str) -> str:
    """Return ``text`` as a Markdown quote; every one of its lines is kept, empty ones too."""
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _wrap_line(line: str, marker: str) -> str:
    """Put ``marker`` around one line, with outer white space outside the markers."""
    text = line.strip()
    if not text:
        return line
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}{marker}{text}{marker}{line[len(indent) + len(text) :]}"


def _inline_code(text: str) -> str:
    fence = backtick_fence(text, min_ticks=1)
    space = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{space}{text}{space}{fence}"
