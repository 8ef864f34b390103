"""Markdown as Telegram shows it."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bots.telegram.entities import limit_entities
from bots.telegram.outgoing_markdown import to_entities

PIECES = (
    "**¦*¦`¦``¦```¦\n¦\n\n¦- ¦1. ¦> ¦| a | b |\n¦|---|---|\n¦    ¦ ¦[x](¦)¦# ¦[¦]¦(¦https://a.b¦"
    "word ¦重要。¦snake_case¦~~¦||¦<t>¦<¦&amp;¦```py\n¦~~~¦\\¦_¦---\n¦a¦\t¦!¦![¦$¦\\(¦\\)¦👨‍👩‍👧¦"
    "[x](http://a.b)¦- [x] ¦\u3000¦\r\n"
)
SOUP = st.lists(st.sampled_from(PIECES.split("¦")), max_size=40).map("".join)


def spans(markdown: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the text and each entity's type and words."""
    text, entities = to_entities(markdown)
    raw = text.encode("utf-16-le")
    return text, [
        (
            str(e["type"]),
            raw[2 * int(e["offset"]) : 2 * (int(e["offset"]) + int(e["length"]))].decode("utf-16-le"),
        )
        for e in entities
    ]


@pytest.mark.parametrize(
    ("markdown", "text", "entities"),
    [
        ("**重要**です", "重要です", [("bold", "重要")]),
        ("**「引用」**です", "「引用」です", [("bold", "「引用」")]),
        ("**步骤一：**安装", "步骤一：安装", [("bold", "步骤一：")]),
        ("他说**“好”**了", "他说“好”了", [("bold", "“好”")]),
        ("a*b*c and 2*3*4", "a*b*c and 2*3*4", []),
        ("x**2 + y**2", "x**2 + y**2", []),
        ("snake_case __init__.py", "snake_case __init__.py", []),
        ("Vec<T> <think> <div>", "Vec<T> <think> <div>", []),
        ("***both***", "both", [("bold", "both"), ("italic", "both")]),
        ("~~no~~ ||yes||", "no yes", [("strikethrough", "no"), ("spoiler", "yes")]),
        ("**a `b` c**", "a b c", [("bold", "a "), ("code", "b"), ("bold", " c")]),
        ("[`f`](https://x.y)", "f", [("text_link", "f")]),
        ("[x](ftp://a.b)", "x (ftp://a.b)", []),
        ("[x](javascript:alert)", "x (javascript:alert)", []),
        ("![alt](https://x.y/z.png)", "alt", [("text_link", "alt")]),
        ("# Head **er**", "Head er", [("bold", "Head er")]),
        ("```py\nx = 1\n```", "x = 1", [("pre", "x = 1")]),
        ("- [x] a\n- [ ] b", "☑ a\n☐ b", []),
        ("3. c\n4. d", "3. c\n4. d", []),
        ("- a\n  - b\n    - c", "• a\n  ◦ b\n    ▪ c", []),
        ("> a\n> b", "a\nb", [("blockquote", "a\nb")]),
        ("a\n\n---\n\nb", "a\n\n———\n\nb", []),
        ("\\(a_1 * b_1 * c\\) and $x*y*z$", "a₁ ∗ b₁ ∗ c and $x*y*z$", []),
        ("\\(\\binom{n}{k}\\)", "\\binom{n}{k}", [("code", "\\binom{n}{k}")]),
        (
            "$$\n\\begin{pmatrix} a \\end{pmatrix}\n$$",
            "\\begin{pmatrix} a \\end{pmatrix}",
            [("pre", "\\begin{pmatrix} a \\end{pmatrix}")],
        ),
        (
            "**Area** $\\pi r^2$: $5 and $10, `$x^2$`",
            "Area π r²: $5 and $10, $x^2$",
            [("bold", "Area"), ("code", "$x^2$")],
        ),
        ("👨‍👩‍👧 **b**", "👨‍👩‍👧 b", [("bold", "b")]),
    ],
)
def test_markdown_becomes_text_and_entities(
    markdown: str, text: str, entities: list[tuple[str, str]]
) -> None:
    """Each construct has its form, and what is no construct stays as it was written."""
    assert spans(markdown) == (text, entities)


def test_a_table_is_laid_out_by_display_width() -> None:
    """Chinese characters take two columns, and numbers may stand on the right."""
    text, entities = spans("| 模型 | n |\n|---|--:|\n| kimi | 1 |\n| 长文本 | 22 |")
    assert text == "模型   |  n\n-------+---\nkimi   |  1\n长文本 | 22"
    assert entities == [("pre", text)]


WIDE = """| Model | Notes |
|---|---|
| **k3** | A long note about the model, wider than any phone. |
| k2 | [old](https://x.y) |"""


def test_a_table_wider_than_a_phone_is_a_list() -> None:
    """A row is a bold head and a line for each column (F29); nothing of the table is lost."""
    text, entities = spans(WIDE)
    assert text == (
        "Model · Notes\n\nk3\n• Notes: A long note about the model, wider than any phone.\n\n"
        "k2\n• Notes: old (https://x.y)"
    )
    assert entities == [("bold", "k3"), ("bold", "k2")]


def test_an_operator_may_keep_the_grid() -> None:
    """With a width of its own choice the table stays in columns."""
    text, entities = to_entities(WIDE, max_table_columns=1000)
    assert [entity["type"] for entity in entities] == ["pre"]
    assert text.startswith("Model | Notes")


def test_code_that_begins_a_page_keeps_its_indentation() -> None:
    """The server trims a message's start, so an indented first line stands behind a mark."""
    text, entities = spans("```\n    indented\nmore\n```")
    assert text == "…\n    indented\nmore"
    assert entities == [("pre", "    indented\nmore")]


def test_too_many_entities_lose_the_least_needed() -> None:
    """Code blocks and links outlive italics."""
    text = "*i* " * 100 + "[l](https://x.y) ```a```"
    kept = {str(entity["type"]) for entity in limit_entities(to_entities(text)[1], 2)}
    assert kept == {"text_link", "code"}


@given(text=SOUP)
@example(text="[x](重要。)")
@settings(max_examples=80)
def test_no_letter_of_random_soup_is_dropped(text: str) -> None:
    """Every word of the source is in the text, in a link's encoded address or in a code block's language."""
    shown, entities = to_entities(text)
    kept = unquote(shown + " ".join(str(e.get("url", "")) + str(e.get("language", "")) for e in entities))
    for word in ("word", "snake", "重要"):
        in_info = sum(
            len(re.findall(re.escape(word), line))
            for line in text.split("\n")
            if "```" in line or "~~~" in line
        )
        assert kept.count(word) >= text.count(word) - in_info
