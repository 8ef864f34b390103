"""Our reading of Markdown agrees with an independent parser's."""

import html
import re
from collections import Counter
from pathlib import Path
from typing import Any, TypeAlias

import mistune
import pytest

from bots.telegram.outgoing_markdown import to_entities
from core.markdown.foreign_markup import remove_comments

CORPUS = Path(__file__).parents[2] / "corpus"

DIFFERENT = {
    "cjk_bold": "emphasis works next to Chinese punctuation",
    "cjk_no_space_markup": "spoilers are known",
    "cjk_punctuation_bold": "emphasis works next to Chinese punctuation",
    "html_block": "line breaks and folded parts of HTML become text",
    "links_half_open": "link definitions stay as text, since they come after what they would change",
    "literal_stars": "products, globs and dunder names are no emphasis",
    "maths_block": "formulas are written in Unicode",
    "maths_inline": "formulas are written in Unicode",
    "rules": "three dashes right under a line are a rule, not a heading's underline",
    "slack_specials": "a subteam between angle brackets is no mail address",
    "slack_look_alikes": "comments are not shown",
    "spoilers": "spoilers are known",
    "table_with_markup": "a table wider than a phone is a list",
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
    tree = parse(markdown)
    assert isinstance(tree, list)
    words = [visit(node, found, frozenset()) for node in tree]
    return found, in_words(" ".join(words).replace("\0", ""))


def visit(node: dict[str, Any], found: Spans, around: frozenset[str]) -> str:
    """Return a node's words and note its spans; inline code stands between NUL characters."""
    kind = str(node["type"])
    if kind in ("block_code", "codespan"):
        return visit_code(node, found, around)
    if kind in ("linebreak", "softbreak"):
        return "\n"
    inner = visit_children(node, found, around)
    if is_linkable(node) and not around & {"table", "link"}:
        found["text_link", squeeze(inner)] += 1
    elif kind in KINDS and "table" not in around and KINDS[kind] not in around:
        for piece in inner.split("\0")[::2]:
            if piece.strip():
                found[KINDS[kind], squeeze(piece)] += 1
    return inner if kind in INLINE else f"\n{inner}\n"


def visit_code(node: dict[str, Any], found: Spans, around: frozenset[str]) -> str:
    """Code is code save in links and tables."""
    raw = str(node["raw"])
    if node["type"] == "block_code":
        found["pre", squeeze(raw)] += 1
        return f"\n{raw}\n"
    if around & {"link", "table"}:
        return raw
    found["code", squeeze(raw)] += 1
    return f"\0{raw}\0"


def visit_children(node: dict[str, Any], found: Spans, around: frozenset[str]) -> str:
    """Return the words inside, with list numbers and the targets that we show."""
    kind, children = str(node["type"]), node.get("children")
    own = around | {"table" if kind == "table" else "link" if is_linkable(node) else KINDS.get(kind, "")}
    pieces = [visit(child, found, own) for child in children or []]
    if kind == "list" and node["attrs"]["ordered"]:
        first = node["attrs"].get("start", 1)
        pieces = [f"{first + index}. {piece}" for index, piece in enumerate(pieces)]
    inner = "".join(pieces) if children is not None else html.unescape(str(node.get("raw", "")))
    target = target_of(node)
    shown = target and (not is_linkable(node) or "table" in around) and squeeze(inner) != squeeze(target)
    return f"{inner} ({target})" if shown else inner


def target_of(node: dict[str, Any]) -> str:
    """Return where a link or an image leads; "" for other nodes."""
    return str(node.get("attrs", {}).get("url", ""))


def is_linkable(node: dict[str, Any]) -> bool:
    """Whether Telegram would open the node's target."""
    return target_of(node).startswith(("http", "mailto:"))


def squeeze(text: str) -> str:
    """Leave white space out, which each parser keeps its own way."""
    return "".join(text.split())


def in_words(text: str) -> Counter[str]:
    """Count the words of a text."""
    return Counter(re.findall(r"[^\W_]+", text))


def ours(markdown: str) -> tuple[Spans, Counter[str]]:
    """What stands in our message."""
    text, entities = to_entities(remove_comments(markdown, complete=True))
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
