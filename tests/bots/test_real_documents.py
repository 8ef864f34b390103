"""Documents that people wrote go through both platforms with no word lost, by an independent parser.

The documents are the Markdown descriptions of the installed packages, read at test time, and Chinese ones of
ours.
"""

import html
import importlib.metadata
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import mistune
import pytest

from bots.slack.render import SlackRenderer
from bots.telegram.render import TEXT_LIMIT_UNITS, TelegramRenderer
from core.markdown.formula_text import formula_to_text

PACKAGES = 50  #: at most; the development environment has 55 with a Markdown description
CHINESE = sorted((Path(__file__).parents[1] / "documents").glob("*.md"))
FORMULA = re.compile(
    r"\$\$.+?\$\$|\\\[.+?\\\]|\\\(.+?\\\)|(?<![\\\w$])\$(?![\s$])(?!\d+ )[^$\n]+?(?<!\s)\$(?![\w$])",
    re.DOTALL,
)
SHIFTED = re.compile(r"\w*<su[bp]>\w+</su[bp]>\w*")

TAG = re.compile(r"<!--.*?-->|</?[A-Za-z][^<>]*>", re.DOTALL)


def descriptions() -> Iterator[tuple[str, str]]:
    """Yield the names and Markdown descriptions of installed packages, the first ``PACKAGES`` by name."""
    found = {}
    for package in importlib.metadata.distributions():
        metadata = package.metadata
        text = metadata.get_payload() or metadata.get("Description", "")
        if "markdown" in metadata.get("Description-Content-Type", "") and len(text) > 300:
            found[metadata["Name"].lower()] = str(text)
    yield from sorted(found.items())[:PACKAGES]


DOCUMENTS = [pytest.param(text, id=name) for name, text in descriptions()]
DOCUMENTS += [pytest.param(path.read_text(encoding="utf-8"), id=path.stem) for path in CHINESE]


def words(text: str) -> Counter[str]:
    """Count the words of a text, and the characters of scripts without spaces."""
    return Counter(re.findall(r"[\u2e80-\ufeff]|[^\W_\u2e80-\ufeff]+", text))


def words_read(markdown: str) -> Counter[str]:
    """Return the words that mistune finds outside HTML and formulas."""
    parse = mistune.create_markdown(
        renderer=None, plugins=["strikethrough", "table", "task_lists", "spoiler"]
    )
    tree = parse(SHIFTED.sub(" ", FORMULA.sub(" ", markdown)))
    assert isinstance(tree, list)
    return words(" ".join(map(text_of, tree)))


def text_of(node: dict[str, Any]) -> str:
    """Return the text of a node without tags; code as it is."""
    kind, inner = str(node["type"]), "".join(map(text_of, node.get("children") or []))
    raw = str(node.get("raw", ""))
    if kind in ("inline_html", "block_html"):
        raw = TAG.sub(" ", raw)
    gap = "" if kind in ("text", "strong", "emphasis", "link", "codespan", "strikethrough") else " "
    return f"{gap}{raw if 'code' in kind else html.unescape(raw)}{inner}{gap}"


def shown_on(platform: str, markdown: str) -> list[str]:
    """Return the messages' texts, with the addresses that their links lead to."""
    if platform == "slack":
        pages = SlackRenderer(streaming=True).render(markdown, complete=True)
        return [re.sub("[`*~]", "", page.text) for page in pages]
    pages = TelegramRenderer().render(markdown, complete=True)
    assert all(len(page.text.encode("utf-16-le")) // 2 <= TEXT_LIMIT_UNITS for page in pages)
    urls = [
        " ".join(str(entity.get("url", "")) for entity in page.payload if isinstance(entity, dict))
        for page in pages
    ]
    return [f"{page.text} {url}" for page, url in zip(pages, urls, strict=True)]


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["telegram", "slack"])
@pytest.mark.parametrize("markdown", DOCUMENTS)
def test_no_word_is_lost(markdown: str, platform: str) -> None:
    """Every word that mistune reads is shown at least as often."""
    shown = " ".join(shown_on(platform, markdown)).replace("\u200b", "")
    assert words_read(markdown) - words(shown) - words(unquote(shown)) == Counter()


def test_there_are_enough_documents() -> None:
    """Most packages of the development environment describe themselves in Markdown."""
    assert len(DOCUMENTS) >= 40 + len(CHINESE)
    assert len(CHINESE) >= 3


@pytest.mark.parametrize("platform", ["telegram", "slack"])
def test_the_formulas_of_a_lesson_are_readable(platform: str) -> None:
    """Each formula is in Unicode, or whole in code."""
    path = next(path for path in CHINESE if path.stem == "zh_lesson")
    markdown = path.read_text(encoding="utf-8")
    shown = "\n".join(shown_on(platform, markdown))
    for formula in FORMULA.findall(markdown):
        text = formula_to_text(formula)
        assert (text or r"\begin{pmatrix} 2 & -3 \\ 0 & 1 \end{pmatrix}") in shown
    assert "x₁,₂" not in shown  # a comma has no small form
    assert "$" not in shown.replace("$5 到 $10", "")
