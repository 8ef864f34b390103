"""Texts that show nothing, and texts that repeat themselves."""

import pytest

from core.text.reply_checks import is_empty_reply, repeats_itself


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b\u2060\ufeff", "**", "# \n> ", "<!-- a -->", "** <!-- open", "\u2800\u3164"]
)
def test_nothing_is_seen(text: str) -> None:
    """White space, joiners, blanks, marks and comments show nothing."""
    assert is_empty_reply(text)


@pytest.mark.parametrize("text", ["a", "。", "👍", "**b**", "?", "1", "<!-- a -->b", "é", "<b>"])
def test_something_is_seen(text: str) -> None:
    """Letters, digits, punctuation and emoji show something."""
    assert not is_empty_reply(text)


@pytest.mark.parametrize(
    ("text", "repeats"),
    [
        ("哈" * 3000, True),
        ("Start. " + "and so on, " * 400, True),
        ("哈" * 1000, False),
        ("".join(f"Line {number}.\n" for number in range(400)), False),
    ],
)
def test_a_repetition_is_recognised(text: str, repeats: bool) -> None:
    """The last 2,000 characters are one piece of at most 200 over and over."""
    assert repeats_itself(text) is repeats
