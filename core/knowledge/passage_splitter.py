"""Splitting of Markdown into passages: at headings first, then between paragraphs. Pure.

A passage never spans a heading. Under one heading, paragraphs are packed to 150 to 400 tokens.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.text.tokens import estimate_tokens

MIN_TOKENS = 150  #: a passage takes further paragraphs until it has as many
MAX_TOKENS = 400
MAX_HEADING_CHARS = 200
PATH_SEPARATOR = " › "  #: between the headings of a path

_ATX = re.compile(r"(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_COMMENT_START, _COMMENT_END = "<!--", "-->"
_ALIASES = re.compile(r"\s*(?:also|也问)\s*[:：]", re.IGNORECASE)
_SENTENCE_ENDS = re.compile(r"(?<=[。！？!?；;])|(?<=\. )|(?<=\n)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The text under one heading."""

    path: tuple[str, ...]  #: headings from the document's title down; empty before the first one
    text: str
    aliases: str = ""  #: other wordings by which it is found, one a line; shown to nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One piece of a document, the unit of search and of citation."""

    uid: str  #: 12 hexadecimal digits; a hash of the document's name, the path and the position under it
    path: tuple[str, ...]  #: headings, or the document's name if there are none
    text: str
    url: str = ""  #: address at which people can read it; "" if there is none
    aliases: str = ""  #: other wordings by which it is found, one a line
    path_has_title: bool = False  #: the path begins with the document's title, which all passages share

    @property
    def label(self) -> str:
        """The passage's name as people see it: its path."""
        return PATH_SEPARATOR.join(self.path)

    @property
    def heading(self) -> str:
        """The nearest heading; "" if there is none."""
        return self.path[-1] if self.path else ""


def split_into_passages(sections: Iterable[Section], *, document: str, url: str = "") -> Sequence[Passage]:
    """Return the passages of a document's sections; [] if it has no words.

    Args:
        sections: in order.
        document: the document's name, which the passages' ids depend on.
        url: address at which people can read the document.
    """
    kept = [section for section in map(_extract_aliases, sections) if section.text.strip()]
    top_headings = {section.path[0] for section in kept if section.path}
    has_title = len(top_headings) == 1 and any(len(section.path) > 1 for section in kept)
    positions: Counter[tuple[str, ...]] = Counter()
    passages = []
    for section in kept:
        for piece in pack_blocks(section.text):
            positions[section.path] += 1
            identity = "\0".join((document, *section.path, str(positions[section.path])))
            passages.append(
                Passage(
                    uid=hashlib.sha256(identity.encode()).hexdigest()[:12],
                    path=section.path or (document,),
                    text=piece,
                    url=url,
                    aliases=section.aliases,
                    path_has_title=has_title,
                )
            )
    return passages


def _extract_aliases(section: Section) -> Section:
    """Move ``<!-- also: … -->`` from a section's text to its aliases, and remove other comments."""
    kept, comments = _separate_comments(section.text)
    aliases = [one[found.end() :].strip() for one in comments if (found := _ALIASES.match(one))]
    return replace(section, text=kept.strip(), aliases="\n".join([section.aliases, *aliases]).strip())


def _separate_comments(text: str) -> tuple[str, list[str]]:
    """Return a text without its comments, and the comments; one that is never closed is text.

    By search and not by a pattern: one that looks for an end anew at each of many starts is quadratic.
    """
    kept: list[str] = []
    comments: list[str] = []
    at = 0
    while (start := text.find(_COMMENT_START, at)) >= 0:
        end = text.find(_COMMENT_END, start + len(_COMMENT_START))
        if end < 0:
            break
        kept.append(text[at:start])
        comments.append(text[start + len(_COMMENT_START) : end])
        at = end + len(_COMMENT_END)
    return "".join([*kept, text[at:]]), comments


def parse_sections(markdown: str) -> Iterator[Section]:
    """Yield the sections of a Markdown text in order; a heading within a code fence is text."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""
    for line in markdown.splitlines():
        marker = _FENCE.match(line)
        if marker and (not fence or marker[1].startswith(fence)):
            fence = "" if fence else marker[1][:3]
        heading = None if fence or marker else _ATX.match(line)
        if heading is None:
            lines.append(line)
            continue
        yield Section(path=tuple(name for _, name in path), text="\n".join(lines).strip())
        lines = []
        level = len(heading[1])
        path = [(above, name) for above, name in path if above < level]
        if name := heading[2].rstrip(" \t#"):
            path.append((level, name[:MAX_HEADING_CHARS]))
    yield Section(path=tuple(name for _, name in path), text="\n".join(lines).strip())


def pack_blocks(text: str) -> Iterator[str]:
    """Yield a section's text in pieces of about ``MAX_TOKENS`` at most.

    A short last piece is joined to the one before it.
    """
    pieces: list[str] = []
    for block in _blocks(text):
        if pieces and _fits(pieces[-1], block):
            pieces[-1] += f"\n\n{block}"
        else:
            pieces.append(block)
    if len(pieces) > 1 and estimate_tokens(pieces[-1]) < MIN_TOKENS // 3:
        rest = pieces.pop()
        pieces[-1] += f"\n\n{rest}"
    yield from pieces


def _fits(piece: str, block: str) -> bool:
    before = estimate_tokens(piece)
    return before < MIN_TOKENS and before + estimate_tokens(block) <= MAX_TOKENS


def _blocks(text: str) -> Iterator[str]:
    """Yield paragraphs and whole code fences; too long ones are split."""
    block: list[str] = []
    fence = ""
    for line in [*text.splitlines(), ""]:
        marker = _FENCE.match(line)
        if marker and (not fence or marker[1].startswith(fence)):
            fence = "" if fence else marker[1][:3]
        if line.strip() or fence:
            block.append(line)
        elif block:
            yield from _split_long_block("\n".join(block))
            block = []
    if block:  # a fence that was never closed
        yield from _split_long_block("\n".join(block))


def _split_long_block(block: str) -> Iterator[str]:
    if estimate_tokens(block) <= MAX_TOKENS:
        yield block
        return
    part = ""
    for sentence in _SENTENCE_ENDS.split(block):
        for start in range(0, len(sentence), MAX_TOKENS):  # a character is at most one token
            piece = sentence[start : start + MAX_TOKENS]
            if part and estimate_tokens(part + piece) > MAX_TOKENS:
                yield part.strip()
                part = ""
            part += piece
    if part.strip():
        yield part.strip()
