"""Our reading of Markdown agrees with an independent parser's."""

import html
import re
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

import mistune
import pytest

from bots.telegram.markup import convert

CORPUS = Path(__file__).parents[2] / "corpus"

DIFFERENT = {
    "cjk_bold": "emphasis works next to Chinese punctuation",
    "cjk_no_space_markup": "spoilers are known",
    "cjk_punctuation_bold": "emphasis works next to Chinese punctuation",
    "links_half_open": "link definitions stay as text, since they come after what they would change",
    "literal_stars": "products, globs and dunder names are no emphasis",
    "rules": "three dashes right under a line are a rule, not a heading's underline",
    "spoilers": "spoilers are known",
    "table_pipes_in_code": "a pipe inside code does not end a cell",
}
"""Samples where we read on purpose what CommonMark does not, and why."""

KINDS = {
    "strong": "bold",
    "emphasis": "italic",
    "strikethrough": "strikethrough",
    "codespan": "code",
    "heading": "bold",
}
INLINE = {"text", "strong", "emphasis", "link", "image", "strikethrough"}
Spans: TypeAlias = Counter[tuple[str, str]]


def theirs(markdown: str) -> tuple[Spans, Counter[str]]:
    """What mistune finds: marked stretches, and all words."""
    parse = mistune.create_markdown(renderer=None, plugins=["strikethrough", "table", "task_lists"])
    found: Spans = Counter()
    words: list[str] = []
    tree = parse(markdown)
    assert isinstance(tree, list)
    for node in tree:
        words.append(visit(node, found, frozenset()))
    return found, in_words(" ".join(words).replace("\0", ""))


def visit(node: dict[str, Any], found: Spans, around: frozenset[str]) -> str:
    """Return a node's words and note its spans; inline code stands between NUL characters."""
    kind = str(node["type"])
    if kind == "block_code":
        found["pre", squeeze(node["raw"])] += 1
        return f"\n{node['raw']}\n"
    if kind == "codespan":
        if around & {"link", "table"}:
            return str(node["raw"])
        found["code", squeeze(node["raw"])] += 1
        return f"\0{node['raw']}\0"
    if kind in ("linebreak", "softbreak"):
        return "\n"
    target = str(node.get("attrs", {}).get("url", ""))
    linkable = target.startswith(("http", "mailto:"))
    own = around | {"table" if kind == "table" else "link" if linkable else KINDS.get(kind, "")}
    children = node.get("children")
    pieces = [visit(child, found, own) for child in children or []]
    if kind == "list" and node["attrs"]["ordered"]:
        first = node["attrs"].get("start", 1)
        pieces = [f"{first + index}. {piece}" for index, piece in enumerate(pieces)]
    inner = "".join(pieces) if children is not None else html.unescape(str(node.get("raw", "")))
    if target and (not linkable or "table" in around) and squeeze(inner) != squeeze(target):
        inner += f" ({target})"
    if linkable and not around & {"table", "link"}:
        found["text_link", squeeze(inner)] += 1
    elif kind in KINDS and "table" not in around and KINDS[kind] not in around:
        for piece in inner.split("\0")[::2]:
            if piece.strip():
                found[KINDS[kind], squeeze(piece)] += 1
    return inner if kind in INLINE else f"\n{inner}\n"


def squeeze(text: str) -> str:
    """Leave white space out, which each parser keeps its own way."""
    return "".join(text.split())


def in_words(text: str) -> Counter[str]:
    return Counter(re.findall(r"[^\W_]+", text))


def ours(markdown: str) -> tuple[Spans, Counter[str]]:
    """What stands in our message."""
    text, entities = convert(markdown)
    raw = text.encode("utf-16-le")
    found: Spans = Counter()
    for entity in entities:
        start = int(str(entity["offset"]))
        end = start + int(str(entity["length"]))
        found[str(entity["type"]), squeeze(raw[2 * start : 2 * end].decode("utf-16-le"))] += 1
    return found, in_words(text)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.md")), ids=lambda path: path.stem)
def test_both_readings_agree(path: Path) -> None:
    """Bold, italic, code, links, code blocks and plain words are the same ones."""
    markdown = path.read_text(encoding="utf-8")
    their_spans, their_words = theirs(markdown)
    our_spans, our_words = ours(markdown)
    agree = our_words == their_words and all(
        {span for span in our_spans if span[0] == kind} == {span for span in their_spans if span[0] == kind}
        for kind in ("bold", "italic", "strikethrough", "code", "text_link")
    )
    agree = agree and {span for span in their_spans if span[0] == "pre"} <= set(
        our_spans
    )  # tables are pre too
    assert agree is (path.stem not in DIFFERENT)
