"""Visible characters stay whole."""

import pytest

from core.markdown.graphemes import grapheme_boundary_before, is_grapheme_boundary


@pytest.mark.parametrize("whole", ["👨‍👩‍👧‍👦", "👩🏽‍💻", "🇳🇴", "e\u0301", "❤️", "1️⃣", "नि"])
def test_no_border_inside_a_character(whole: str) -> None:
    """Joined emoji, skin tones, flags, marks and keycaps are one character each."""
    assert not any(is_grapheme_boundary(whole, at) for at in range(1, len(whole)))
    assert is_grapheme_boundary(whole + "a", len(whole))


def test_two_flags_part_in_the_middle() -> None:
    """Every second letter of a row of flags begins a new one."""
    assert [at for at in range(1, 6) if is_grapheme_boundary("🇳🇴🇯🇵🇨🇳", at)] == [2, 4]


def test_the_last_border_is_found() -> None:
    """A place inside a character moves to its beginning."""
    assert grapheme_boundary_before("ab👩🏽‍💻", 5) == 2
