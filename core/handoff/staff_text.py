"""Reading of what staff writes in a ticket's thread: for the customer, for the team, or for the bot. Pure.

An internal word that reaches a customer is the worst fault a desk can have, so that every doubt keeps a
message within the team; :attr:`InternalNote.in_doubt` then tells its author so.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from core.domain.events import Mention

SEND_MARK: Final = ">>"  #: of a desk that sends marked text only

#: Characters that keyboards and editors write for a slash, or for two, and that NFKC keeps apart.
_SLASHES = str.maketrans(
    dict.fromkeys("\u1735\u2044\u2215\u2571\u27cb\u29f6\u29f8\u3033", "/")
    | dict.fromkeys("\u2afb\u2afd", "//")
)
_INVISIBLE_CATEGORIES = frozenset({"Cf", "Cc", "Mn", "Me", "Cn", "Co"})
#: Markup before the first word: emphasis, quotes, bullets, numbers, code fences, emoji, brackets, ``@``.
_PREFIX = re.compile(r"(?:```\w*\n|:[\w+-]+:|\d{1,3}[.)]|[a-zA-Z][.)]|\[[xX]\]|[^\w/]|_)*+")
_MARK_FORM = r"/[*_~`|\s]{0,6}/"  #: also with each slash in a format of its own
_MARK = re.compile(_MARK_FORM)
_LIST_NUMBER = r"(?:\d{1,3}|[一二三四五六七八九十]{1,3}|[ivxIVX]{1,4})"
#: The mark at the beginning of a word, or behind a list number; letters and a colon begin an address.
_MARK_WITHIN = re.compile(rf"(?<![\w/])(?<![a-zA-Z0-9]:){_MARK_FORM}|^\W*{_LIST_NUMBER}\W*{_MARK_FORM}")
_CODE_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_ADDRESS = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{0,20}://\S+")
_COMMAND = re.compile(r"/(\w+)(?:@\w+)?(?:\s+(.*))?\Z", re.DOTALL)
_SEND = re.compile(r"([*_~`\s]*)[>＞]{2}(?![>＞])[ \t]*")


class SendMode(StrEnum):
    """Which messages of staff go to the customer."""

    ALL = "all"  #: all but internal notes
    MARKED = "marked"  #: only those that begin with :data:`SEND_MARK`


@dataclass(frozen=True, slots=True)
class ForCustomer:
    """A message for the customer."""

    text: str  #: Markdown, without the mark; "" if it consists of files


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalNote:
    """A message for the team alone."""

    in_doubt: bool = False  #: the author may have meant it for the customer, and is told that it was kept


@dataclass(frozen=True, slots=True)
class QuestionForBot:
    """A message that names the bot."""

    text: str  #: "" if it is a bare mention


@dataclass(frozen=True, slots=True)
class StaffCommandText:
    """A command that was written as plain text."""

    name: str  #: lower case, without the slash
    argument: str


StaffText: TypeAlias = ForCustomer | InternalNote | QuestionForBot | StaffCommandText


def read_staff_text(
    text: str, *, mention: Mention = Mention.NONE, mode: SendMode = SendMode.ALL
) -> StaffText:
    """Return what a staff member's message at the desk is.

    Args:
        text: Markdown, without mentions of the bot.
        mention: BY_NAME if the bot is mentioned; a reply to a copied message of the customer is none.
        mode: of the desk.
    """
    text = text.strip()
    if is_internal_note(text):
        return InternalNote()
    if mention is Mention.BY_NAME:
        command = _COMMAND.match(text)
        return QuestionForBot(text) if command is None else _command(command)
    if (command := _COMMAND.match(text)) is not None:
        return _command(command)
    marked = _SEND.match(text) if mode is SendMode.MARKED else None
    if mode is SendMode.MARKED and marked is None:
        return InternalNote()
    if _has_note_within(text):
        return InternalNote(in_doubt=True)
    return ForCustomer(text if marked is None else f"{marked[1].strip()}{text[marked.end() :]}")


def read_staff_album(texts: Sequence[str], *, mention: Mention, mode: SendMode) -> StaffText:
    """Return what an album is, given the captions of its messages; a caption speaks for all of it.

    A caption that is not for the customer keeps the whole album within the team.
    """
    captions = [read_staff_text(text, mention=mention, mode=mode) for text in texts if text.strip()]
    if not captions:
        return read_staff_text("", mode=mode)
    return next((one for one in captions if not isinstance(one, ForCustomer)), captions[0])


def is_internal_note(text: str) -> bool:
    """Return whether a message begins with the mark of a note, in any form that an editor gives it."""
    return _begins_with_mark(_plain(text))


def has_note_mark(text: str) -> bool:
    """Return whether a text holds the mark of a note anywhere but in an address of the web."""
    return re.search(r"(?<![:/])/\s?/", _plain(text)) is not None


def _has_note_within(text: str) -> bool:
    """Return whether a later line, or the rest of one, is marked as a note.

    Code may contain such comments, and addresses of the web such slashes.
    """
    lines = _CODE_BLOCK.sub("", _plain(text)).splitlines()
    return any(
        _begins_with_mark(line) or _MARK_WITHIN.search(_ADDRESS.sub("", _CODE.sub("", line)))
        for line in lines
    )


def _begins_with_mark(text: str) -> bool:
    prefix = _PREFIX.match(text)
    return _MARK.match(text, prefix.end() if prefix is not None else 0) is not None


def _plain(text: str) -> str:
    """Return a text without escapes, with compatible characters unified and invisible ones removed."""
    folded = unicodedata.normalize("NFKC", html.unescape(text)).translate(_SLASHES).replace("\\/", "/")
    return "".join(
        char for char in folded if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE_CATEGORIES
    )


def _command(found: re.Match[str]) -> StaffCommandText:
    return StaffCommandText(found[1].lower(), (found[2] or "").strip())
