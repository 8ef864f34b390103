"""Which part of a growing Markdown text is complete, so that it is printed once and for all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.terminal.markdown_blocks import split_blocks


@pytest.mark.parametrize(
    ("text", "blocks", "rest"),
    [
        ("One", [], "One"),
        ("One.\n\n", [], "One.\n\n"),
        ("One.\n\nTwo", ["One."], "Two"),
        ("One.\n\n-", [], "One.\n\n-"),
        ("- a\n\n- b\n- c", [], "- a\n\n- b\n- c"),
        ("1. a\n\n   more\n\nText", ["1. a\n\n   more"], "Text"),
        ("```py\na\n\nb\n```\n\nText", ["```py\na\n\nb\n```"], "Text"),
        ("```py\na\n\nb\n", [], "```py\na\n\nb\n"),
        ("~~~\n```\n\nx\n~~~\n\nText", ["~~~\n```\n\nx\n~~~"], "Text"),
        ("# A\n\nB b\n\nC c\n\nDdd", ["# A", "B b", "C c"], "Ddd"),
        ("| a |\n|---|\n| 1 |\n\nText", ["| a |\n|---|\n| 1 |"], "Text"),
    ],
)
def test_blocks_end_at_blank_lines(text: str, blocks: list[str], rest: str) -> None:
    """A fence and a list hold their blank lines; the next line's beginning decides."""
    assert split_blocks(text) == (blocks, rest)


@given(
    st.lists(
        st.sampled_from(["a", "- ", "1. ", "\n", "\n\n", "```", "~~~", "  ", "|", "# ", "x y"]), max_size=40
    )
)
def test_pieces_give_the_same_words_as_the_whole(pieces: list[str]) -> None:
    """Nothing is lost or repeated, however the text arrives."""
    printed: list[str] = []
    rest = ""
    for piece in pieces:
        blocks, rest = split_blocks(rest + piece)
        printed += blocks

    assert "".join("".join([*printed, rest]).split()) == "".join("".join(pieces).split())
