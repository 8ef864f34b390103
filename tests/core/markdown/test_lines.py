"""What each line of a text is."""

import pytest

from core.markdown.lines import is_partial_marker, normalize, scan_lines
from core.text.visible_text import has_visible_text


def kinds(text: str) -> list[str]:
    """Return the names of the lines' kinds."""
    return [line.kind.name for line in scan_lines(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n\nb", ["TEXT", "BLANK", "TEXT"]),
        ("# a\n- b\n1. c\n---\n", ["HEADING", "ITEM", "ITEM", "HORIZONTAL_RULE"]),
        ("```py\nx\n```\ny", ["FENCE", "CODE", "FENCE_END", "TEXT"]),
        ("````\n```\n````", ["FENCE", "CODE", "FENCE_END"]),
        ("~~~\n```\n~~~", ["FENCE", "CODE", "FENCE_END"]),
        ("```a`b```", ["TEXT"]),
        ("- ```\n  x\n  ```", ["FENCE", "CODE", "FENCE_END"]),
        ("- ```\n  x\nout", ["FENCE", "CODE", "TEXT"]),
        ("> ```\n> x\nout", ["FENCE", "CODE", "TEXT"]),
        ("| a |\n|---|\n| 1 |\nx", ["TABLE_HEAD", "TABLE_DELIMITER", "TABLE_ROW", "TEXT"]),
        ("a | b\n--- | ---\n1 | 2", ["TABLE_HEAD", "TABLE_DELIMITER", "TABLE_ROW"]),
        ("| a |\n> |---|", ["TEXT", "TEXT"]),
        ("* * *\n- - -", ["HORIZONTAL_RULE", "HORIZONTAL_RULE"]),
    ],
)
def test_lines_are_told_apart(text: str, expected: list[str]) -> None:
    """Fences, tables, items, headings and rules are seen as CommonMark sees them."""
    assert kinds(text) == expected


def test_a_nested_item_knows_its_content_column() -> None:
    """The depth of an item is where its words begin."""
    first, second = scan_lines("1. a\n   - b")
    assert (first.list_indent, second.list_indent) == (3, 5)


@pytest.mark.parametrize(
    "content", ["-", "- ", "1", "12.", "##", "``", "~", "- [", "- [x]", "--", "- `", "* *"]
)
def test_a_marker_alone_is_half(content: str) -> None:
    """Such a line may still become a block of another kind."""
    assert is_partial_marker(content)


@pytest.mark.parametrize("content", ["a", "- a", "1. a", "# a", "12 men", "`a", "**a", "- [x] a"])
def test_a_marker_with_words_is_whole(content: str) -> None:
    """Such a line is what it is."""
    assert not is_partial_marker(content)


def test_line_ends_become_one_kind() -> None:
    """Windows and old Mac line ends count as one; one that is half arrived waits."""
    assert normalize("a\r\nb\rc") == "a\nb\nc"
    assert normalize("a\r") == "a"
    assert normalize("a\x00\ud83d") == "a\ufffd\ufffd"


def test_invisible_text_has_no_words() -> None:
    """Spaces and joiners alone show nothing."""
    assert not has_visible_text(" \n\u200b\u2060\ufeff\u3000")
    assert has_visible_text("\u200b.")
