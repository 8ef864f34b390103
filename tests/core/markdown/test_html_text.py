"""The HTML that models write into Markdown, as plain text."""

import pytest

from core.markdown.html_text import html_to_text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("H<sub>2</sub>O and x<sup>2n</sup>", "H₂O and x²ⁿ"),
        ("x<sub>max</sub>", "xₘₐₓ"),
        ("H<sub>2", "H₂"),
        ("<details><summary>More</summary>text</details>", "Moretext"),
        ("a <u>word</u> b", "a word b"),
        ("a <b>tag</b>, 1 < 2 > 0, <https://x.y>", "a <b>tag</b>, 1 < 2 > 0, <https://x.y>"),
        ("plain", "plain"),
    ],
)
def test_tags_become_text(text: str, plain: str) -> None:
    """Line breaks, sub- and superscripts are text; other tags stay as they are."""
    assert html_to_text(text) == plain


def test_a_line_break_in_a_cell_is_a_separator() -> None:
    """A table's row is one line."""
    assert html_to_text("one<br>two", line_break=" · ") == "one · two"
