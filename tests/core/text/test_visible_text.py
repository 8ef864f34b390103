"""Characters that cannot be seen, on the way in and on the way out."""

import pytest

from core.text.visible_text import clean_text, has_visible_text, terminal_text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "\u00a0\u3000\u2003",
        "\u200b\u200b",
        "\u2060",
        "\u2800",
        "\u3164\uffa0\u115f",
        "\ufffc",
        "\ufeff\u202e\u200f",
        "\U000e0041\U000e007f",
        "\ufe0f",
        "\x00\x1b",
        "\ud800",
    ],
)
def test_nothing_is_seen_in_an_invisible_text(text: str) -> None:
    """Telegram says (TDLib): these are empty; Unicode says: no font draws them."""
    assert not has_visible_text(text)


@pytest.mark.parametrize("text", ["a", "。", "🌙", "\u200ba", "👨\u200d👩", "❤\ufe0f", "ـ", "`", "\u0e01"])
def test_anything_else_is_seen(text: str) -> None:
    """A joiner beside a character hides nothing."""
    assert has_visible_text(text)


def test_text_that_is_none_is_cleaned() -> None:
    """NUL, control characters and half surrogates go; line breaks, tabs and joiners stay."""
    assert clean_text("a\x00b\x1b[0m\ud83dc\n\td👨\u200d👩") == "ab[0mc\n\td👨\u200d👩"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 中文\tand\nlines\r\n", "plain, 中文\tand\nlines\n"),
        ("\x1b[2J\x1b]0;title\x07", "\ufffd[2J\ufffd]0;title\ufffd"),
        ("\x9b31m", "\ufffd31m"),
        ("approved\rdenied", "approveddenied"),
        ("a\u202egnp.exe", "a\ufffdgnp.exe"),
        ("\u200f\u05d0", "\u200f\u05d0"),
    ],
)
def test_a_terminal_gets_no_control_characters(text: str, shown: str) -> None:
    """A person's or Kimi's words move no cursor, set no title and hide nothing; letters stay."""
    assert terminal_text(text) == shown
