"""What a person wrote on Telegram, as Markdown: plain text plus entities in, Markdown out.

Entities count in UTF-16 code units (https://core.telegram.org/bots/api#messageentity), so the
text is cut as UTF-16. Words are kept as typed: nothing is escaped, because the reader is a
language model and people write Markdown by hand too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from telegram import Message, MessageEntity

from bots.telegram.people import Me
from core.domain.events import Unreadable

_UTF16 = "utf-16-le"
_AROUND = {"bold": "**", "italic": "*", "strikethrough": "~~", "spoiler": "||"}
_QUOTES = ("blockquote", "expandable_blockquote")
_OTHER = (
    "contact",
    "location",
    "venue",
    "poll",
    "dice",
    "game",
    "story",
    "paid_media",
    "checklist",
    "giveaway",
)

_UNREADABLE = (
    ("sticker", Unreadable.STICKER),
    ("voice", Unreadable.VOICE),
    ("audio", Unreadable.VOICE),
    ("live_photo", Unreadable.OTHER),
    *((kind, Unreadable.OTHER) for kind in _OTHER),
)


@dataclass(frozen=True, slots=True)
class _Mark:
    """An entity reduced to what is rendered; offsets in UTF-16 units, ``end`` exclusive."""

    start: int
    end: int
    kind: str
    url: str = ""
    language: str = ""


def raw_words(message: Message) -> tuple[str, tuple[MessageEntity, ...]] | None:
    """Return a message's text or caption with its entities; None where it has neither."""
    if message.text is not None:
        return message.text, message.entities
    if message.caption is not None:
        return message.caption, message.caption_entities
    return None


def unreadable(message: Message) -> Unreadable | None:
    """Return what ``message`` carries beside words that cannot be read yet."""
    for kind, meaning in _UNREADABLE:
        if getattr(message, kind):
            return meaning
    return Unreadable.OTHER if "rich_message" in message.api_kwargs else None


def slash(message: Message) -> tuple[str, str] | None:
    """Return (command, bot named with it) of a text or caption that begins with a command, in lower case."""
    text, entities = message.text or message.caption, message.entities or message.caption_entities
    first = next((entity for entity in entities if entity.type == "bot_command"), None)
    if first is None or first.offset != 0 or text is None:
        return None
    command, _, bot = text[1 : first.length].casefold().partition("@")
    return command, bot


def own_mentions(text: str, entities: Sequence[MessageEntity], me: Me) -> list[tuple[int, int]]:
    """Return where ``text`` names the bot, as UTF-16 ranges: mentions and the ``@bot`` of a command.

    Names are compared as a whole and without case, so that ``@bot`` is not found in ``@bot2``.
    """
    units = text.encode(_UTF16, "surrogatepass")
    name = f"@{me.username}".casefold()
    found: list[tuple[int, int]] = []
    for entity in entities:
        start, end = entity.offset, entity.offset + entity.length
        words = _cut(units, start, end).casefold()
        by_link = entity.type == "text_mention" and entity.user is not None and entity.user.id == me.id
        if by_link or (entity.type == "mention" and words == name):
            found.append((start, end))
        elif entity.type == "bot_command" and words.endswith(name):
            found.append((end - len(name.encode(_UTF16)) // 2, end))
    return found


def markdown_of(text: str, entities: Sequence[MessageEntity], me: Me | None = None) -> str:
    """Return ``text`` as Markdown, stripped, without the mentions of ``me``."""
    marks = [_mark(entity) for entity in entities]
    units = text.encode(_UTF16, "surrogatepass")
    if me is not None:
        for start, end in sorted(own_mentions(text, entities, me), reverse=True):
            start, end = _with_space(units, start, end)
            units = units[: 2 * start] + units[2 * end :]
            marks = [_without(mark, start, end) for mark in marks]
    shown = sorted(
        (mark for mark in marks if mark.start < mark.end), key=lambda mark: (mark.start, -mark.end)
    )
    return _render(units, 0, len(units) // 2, shown).replace("\0", "").strip()


def _cut(units: bytes, start: int, end: int) -> str:
    return units[2 * start : 2 * end].decode(_UTF16, "replace")


def _mark(entity: MessageEntity) -> _Mark:
    return _Mark(
        entity.offset,
        entity.offset + entity.length,
        str(entity.type),
        entity.url or "",
        entity.language or "",
    )


def _with_space(units: bytes, start: int, end: int) -> tuple[int, int]:
    """Widen a cut by what would be left over: a space, or the comma after a name at the beginning."""
    before, after = _cut(units, 0, start), _cut(units, end, len(units) // 2)
    if not before.strip():
        after_name = re.match(r"[ \t]*[,:，：、]?\s*", after)
        return 0, end + (after_name.end() if after_name else 0)
    if before[-1] == " " and (not after or not after[0].isalnum()):
        return start - 1, end
    return start, end


def _without(mark: _Mark, start: int, end: int) -> _Mark:
    """Move ``mark`` to where it is after the range was taken out of the text."""

    def moved(at: int) -> int:
        return at if at <= start else max(start, at - (end - start))

    return _Mark(moved(mark.start), moved(mark.end), mark.kind, mark.url, mark.language)


def _render(units: bytes, start: int, end: int, marks: Sequence[_Mark]) -> str:
    """Render one range with the marks inside it, outermost first."""
    pieces: list[str] = []
    at = start
    rest = list(marks)
    while rest:
        mark = rest.pop(0)
        inside = [other for other in rest if other.start < mark.end]
        rest = rest[len(inside) :]
        first, last = max(mark.start, at), min(mark.end, end)
        if first >= last:
            continue
        pieces.append(_cut(units, at, first))
        body = _cut(units, first, last) if mark.kind in ("code", "pre") else ""
        pieces.append(_decorated(mark, body or _render(units, first, last, inside), "".join(pieces)))
        at = last
        if mark.kind in ("pre", *_QUOTES) and not _cut(units, at, at + 1).startswith("\n") and at < end:
            pieces.append("\n")
    pieces.append(_cut(units, at, end))
    return "".join(pieces)


def _decorated(mark: _Mark, words: str, before: str) -> str:
    """Put the Markdown of ``mark`` around ``words``; blocks begin on a line of their own."""
    own_line = "" if not before or before.endswith("\n") else "\n"
    if mark.kind == "code":
        return _code(words)
    if mark.kind == "pre":
        fence = "`" * max(3, _longest_run(words) + 1)
        return f"{own_line}{fence}{mark.language}\n{words.strip(chr(10))}\n{fence}"
    if mark.kind in _QUOTES:
        return own_line + "\n".join(f"> {line}".rstrip() for line in words.split("\n"))
    if mark.kind == "text_link":
        return f"[{words}]({f'<{mark.url}>' if set(mark.url) & set('() ') else mark.url})"
    if around := _AROUND.get(mark.kind):
        return "\n".join(_around(line, around) for line in words.split("\n"))
    return words


def _around(line: str, marker: str) -> str:
    """Put ``marker`` around the words of one line, leaving outer white space outside."""
    words = line.strip()
    if not words:
        return line
    lead = line[: len(line) - len(line.lstrip())]
    return f"{lead}{marker}{words}{marker}{line[len(lead) + len(words) :]}"


def _code(words: str) -> str:
    fence = "`" * (_longest_run(words) + 1)
    space = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{space}{words}{space}{fence}"


def _longest_run(words: str) -> int:
    return max((len(run) for run in re.findall("`+", words)), default=0)
