"""Texts that show nothing, that repeat themselves, and that look finished."""

import pytest

from core.text.reply_checks import is_empty_reply, looks_finished, repeats_itself


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


@pytest.mark.parametrize(
    "text",
    [
        "That is all.",
        "就这些。",
        "Is it **so?**\n",
        "(See above.)",
        "“Done!”",
        '"Done."',
        "Enjoy 🎉",
        "Love it ❤️",
        "```py\nx = 1\n```",
        "> ~~~\n> x\n> ~~~\n",
        "$$x^2$$",
        "So \\[ a \\]",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "हाँ।",
    ],
)
def test_a_whole_answer_looks_finished(text: str) -> None:
    """It ends with a sentence, a symbol, a closed block or a whole row (we chose)."""
    assert looks_finished(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The quick brown fox jumps ",
        "First of all,",
        "Steps:\n1.",
        "Steps:\n\n> 12.",
        "```py\nprint('Done.')",
        "```py\nx\n```\nand\n```",
        "It is **bold.",
        "Run `a.",
        "$$x^2$$ and $$",
        "| a | b |\n|---|---|\n| 1 |",
        "| a | b |\n|---|---|\n| 1 | 2.",
        "[a link](https://example.org/a",
        "第一步是",
    ],
)
def test_a_cut_answer_does_not_look_finished(text: str) -> None:
    """It ends within a phrase, a block, a row or an enumeration (we chose)."""
    assert not looks_finished(text)
