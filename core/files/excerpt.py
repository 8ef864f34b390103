"""Excerpts: the pieces of a long text that match a question best. Blocking; run it in a thread.

Pieces are ranked by BM25 of an SQLite full-text index in memory. rjieba segments the words, and the
index stems English ones.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from core.text.tokens import estimate_tokens

MAX_PIECE_CHARS = 600
OMISSION = "[…]"  #: marks omitted pieces
_PARAGRAPHS = re.compile(r"\n\s*\n")
_SENTENCES = re.compile(r"(?<=[。！？!?.;；\n])\s*")
_WORD = re.compile(r"\w")
_MAX_CHARS_PER_TOKEN = 4  #: of a text in Latin letters, by :func:`estimate_tokens`
_MAX_WORDS = 64  #: words of a question that are searched for, the longest ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """An excerpt of a text."""

    text: str
    shown_pieces: int
    total_pieces: int


def build_excerpt(text: str, question: str, *, budget_tokens: int) -> Excerpt:
    """Return the pieces of ``text`` that match ``question`` best, in their order.

    The first piece comes first, because it introduces the text. A question without a common word
    ("summarise this") gets pieces from the whole text.

    Args:
        text: the whole text.
        question: the words to match.
        budget_tokens: estimated tokens of all chosen pieces.
    """
    pieces = list(split_into_pieces(text))
    chosen: set[int] = set()
    remaining = budget_tokens
    for index in [0, *_rank_pieces(pieces, question)] if pieces else ():
        cost = estimate_tokens(pieces[index]) + 2
        if index in chosen or cost > remaining:
            continue
        chosen.add(index)
        remaining -= cost
    return Excerpt(text=_join_pieces(pieces, chosen), shown_pieces=len(chosen), total_pieces=len(pieces))


def first_pieces(text: str, *, budget_tokens: int) -> Excerpt:
    """Return the first pieces of a text that fit into ``budget_tokens``, without reading the rest.

    The number of all pieces is an estimate.
    """
    head: list[str] = []
    remaining = budget_tokens
    for piece in split_into_pieces(text[: budget_tokens * _MAX_CHARS_PER_TOKEN]):
        remaining -= estimate_tokens(piece) + 2
        if remaining < 0:
            break
        head.append(piece)
    total = max(len(head), -(-len(text) // MAX_PIECE_CHARS))
    return Excerpt(
        text="\n\n".join([*head, OMISSION]) if total > len(head) else "\n\n".join(head),
        shown_pieces=len(head),
        total_pieces=total,
    )


def split_into_pieces(text: str) -> Iterator[str]:
    """Yield a text's pieces, at most ``MAX_PIECE_CHARS`` long, split between paragraphs or sentences."""
    piece = ""
    for part in _split_paragraphs(text):
        if piece and len(piece) + len(part) > MAX_PIECE_CHARS:
            yield piece
            piece = ""
        piece = f"{piece}\n{part}" if piece else part
    if piece:
        yield piece


def _split_paragraphs(text: str) -> Iterator[str]:
    for paragraph in _PARAGRAPHS.split(text):
        if len(paragraph) <= MAX_PIECE_CHARS:
            if paragraph.strip():
                yield paragraph.strip("\n")
            continue
        for sentence in _SENTENCES.split(paragraph):
            for start in range(0, len(sentence), MAX_PIECE_CHARS):
                if part := sentence[start : start + MAX_PIECE_CHARS].strip():
                    yield part


def _rank_pieces(pieces: Sequence[str], question: str) -> list[int]:
    """Return the indexes of pieces, best first; pieces without a common word follow, spread out."""
    words = sorted({word for word in _tokenize(question) if _WORD.search(word)}, key=len, reverse=True)
    matching: list[int] = []
    if words:
        quoted = " OR ".join('"' + word.replace('"', '""') + '"' for word in words[:_MAX_WORDS])
        with closing(sqlite3.connect(":memory:")) as index:
            index.execute("CREATE VIRTUAL TABLE pieces USING fts5(words, tokenize='porter unicode61')")
            rows = ((number, " ".join(_tokenize(piece))) for number, piece in enumerate(pieces))
            index.executemany("INSERT INTO pieces (rowid, words) VALUES (?, ?)", rows)
            query = "SELECT rowid FROM pieces WHERE pieces MATCH ? ORDER BY bm25(pieces), rowid"
            matching = [row for (row,) in index.execute(query, (quoted,))]
    seen = set(matching)
    return matching + [number for number in _spread_order(len(pieces)) if number not in seen]


def _tokenize(text: str) -> list[str]:
    import rjieba  # late: loading its dictionary takes a moment, and few processes need it

    return rjieba.cut_for_search(text)


def _spread_order(count: int) -> Iterator[int]:
    """Yield 0 … count - 1 in an order in which every prefix is spread over the whole range."""
    step = 1 << max(0, count - 1).bit_length()
    seen: set[int] = set()
    while step:
        for number in range(0, count, step):
            if number not in seen:
                seen.add(number)
                yield number
        step //= 2


def _join_pieces(pieces: Sequence[str], indexes: set[int]) -> str:
    parts: list[str] = []
    after = 0
    for index in sorted(indexes):
        if index > after:
            parts.append(OMISSION)
        parts.append(pieces[index])
        after = index + 1
    if after < len(pieces):
        parts.append(OMISSION)
    return "\n\n".join(parts)
