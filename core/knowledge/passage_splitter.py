"""A text becomes passages: cut at its headings, then between paragraphs. Pure.

A passage never reaches over a heading: what a heading says belongs to all that stands under it, and
to nothing else. Under one heading the paragraphs are packed to 150 to 400 tokens.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.text.tokens import estimate_tokens

MIN_TOKENS = 150  #: a passage is filled up to here before the next one begins
MAX_TOKENS = 400
MAX_HEADING_CHARS = 200  #: characters of a heading
PATH_SEPARATOR = " › "  #: stands between the headings of a path

_ATX = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t#]*$")
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ALIASES = re.compile(r"<!--\s*(?:also|也问)\s*[:：](.*?)-->", re.DOTALL | re.IGNORECASE)
_SENTENCE_ENDS = re.compile(r"(?<=[。！？!?；;])|(?<=\. )|(?<=\n)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What stands under one heading."""

    path: tuple[str, ...]  #: headings from the document's title down; empty before the first one
    text: str
    aliases: str = ""  #: other words for it, that nobody is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One piece of a document: what is found and what is shown."""

    uid: str  #: the same as long as the document's name, the heading and its place under it are
    path: tuple[str, ...]
    text: str
    url: str = ""  #: where people can read it; "" where that is nowhere
    aliases: str = ""  #: other words that it is found by: how people ask for it
    path_has_title: bool = (
        False  #: the path begins with the document's title, which tells nothing of the passage
    )

    @property
    def label(self) -> str:
        """Return the passage's name, for people."""
        return PATH_SEPARATOR.join(self.path)

    @property
    def heading(self) -> str:
        """Return the nearest heading; "" where there is none."""
        return self.path[-1] if self.path else ""


def split_into_passages(sections: Iterable[Section], *, document: str, url: str = "") -> Sequence[Passage]:
    """Return the passages of a document called ``document``; none where it has no words."""
    kept = [section for section in map(_extract_aliases, sections) if section.text.strip()]
    firsts = {section.path[0] for section in kept if section.path}
    titled = len(firsts) == 1 and any(len(section.path) > 1 for section in kept)
    seen: Counter[tuple[str, ...]] = Counter()
    passages = []
    for section in kept:
        for piece in pack_blocks(section.text):
            seen[section.path] += 1
            named = "\0".join((document, *section.path, str(seen[section.path])))
            passages.append(
                Passage(
                    uid=hashlib.sha256(named.encode()).hexdigest()[:12],
                    path=section.path or (document,),
                    text=piece,
                    url=url,
                    aliases=section.aliases,
                    path_has_title=titled,
                )
            )
    return passages


def _extract_aliases(section: Section) -> Section:
    """Take ``<!-- also: … -->`` out of a section's text, and every other comment."""
    also = " ".join(
        [section.aliases, *(found[1].strip() for found in _ALIASES.finditer(section.text))]
    ).strip()
    return replace(section, text=_COMMENT.sub("", section.text).strip(), aliases=also)


def parse_sections(markdown: str) -> Iterator[Section]:
    """Yield what stands under each heading of a Markdown text, in order."""
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
        if heading[2]:
            path.append((level, heading[2][:MAX_HEADING_CHARS]))
    yield Section(path=tuple(name for _, name in path), text="\n".join(lines).strip())


def pack_blocks(text: str) -> Iterator[str]:
    """Yield a section in pieces of about ``MAX_TOKENS`` at most; a small rest stays with its piece."""
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
    """Yield paragraphs, and code between fences as one; those that are too long in parts."""
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
        for start in range(0, len(sentence), MAX_TOKENS):  # no character is more than a token
            piece = sentence[start : start + MAX_TOKENS]
            if part and estimate_tokens(part + piece) > MAX_TOKENS:
                yield part.strip()
                part = ""
            part += piece
    if part.strip():
        yield part.strip()
