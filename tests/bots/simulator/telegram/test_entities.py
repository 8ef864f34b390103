"""Text and entities as Telegram counts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.simulator.telegram.entities import checked, found_in, length16, slice16
from bots.simulator.telegram.errors import ApiError
from bots.simulator.telegram.parsing import parsed


def mark(kind: str, offset: int, length: int, **fields: object) -> dict[str, object]:
    """Write one entity."""
    return {"type": kind, "offset": offset, "length": length, **fields}


def test_lengths_are_utf16() -> None:
    """A character outside of the basic plane counts as two."""
    assert length16("a🌙月") == 4
    assert slice16("a🌙月", 1, 2) == "🌙"


def test_marks_of_a_client_are_found() -> None:
    """Mentions, commands and addresses are marked with UTF-16 offsets, and e-mail is no mention."""
    assert found_in("🌙 @moonthread_bot /new@moonthread_bot https://a.example/b. me@example.com") == [
        mark("mention", 3, 15),
        mark("bot_command", 19, 19),
        mark("url", 39, 19),
    ]


def test_outer_whitespace_goes_and_entities_move_along() -> None:
    """Text is trimmed on both sides and its entities shrink to what is left."""
    assert checked("  bold \n", [mark("bold", 1, 7)]) == ("bold", (mark("bold", 0, 4),))
    assert checked(" \n ", [mark("bold", 0, 3)]) == ("", ())


@pytest.mark.parametrize(
    "entity", [mark("bold", 0, 4), mark("bold", -1, 2), mark("bold", 1, 1), mark("bold", 0, 0)]
)
def test_a_range_that_does_not_fit_the_text_is_refused(entity: dict[str, object]) -> None:
    """Ranges beyond the text, empty ones and ones that cut a character in two are refused."""
    with pytest.raises(ApiError, match="ENTITY_BOUNDS_INVALID"):
        checked("🌙x", [entity])


@pytest.mark.parametrize("raw", ["bold", [{"type": "bold"}], [mark("text_link", 0, 1)], [7]])
def test_malformed_entities_cannot_be_parsed(raw: object) -> None:
    """What is no list of whole entities is refused as Telegram refuses it."""
    with pytest.raises(ApiError, match="can't parse entities"):
        checked("abc", raw)


def test_nothing_stands_inside_code_and_no_quote_inside_a_quote() -> None:
    """Entities inside code and nested quotes are dropped, other nesting stays."""
    given = [
        mark("blockquote", 0, 8),
        mark("bold", 0, 4),
        mark("pre", 4, 4, language="py"),
        mark("italic", 5, 2),
        mark("expandable_blockquote", 1, 2),
    ]
    assert checked("abcdefgh", given)[1] == tuple(given[:3])


def test_only_the_first_hundred_count() -> None:
    """Entities after the hundredth are ignored without a word."""
    text = "ab" * 101
    assert len(checked(text, [mark("bold", 2 * at, 1) for at in range(101)])[1]) == 100


def test_html_and_markdown_become_entities() -> None:
    """Both parse modes give plain text with ranges."""
    assert parsed('<b>a</b> &lt; <a href="http://x">y</a>', "HTML") == (
        "a < y",
        [mark("bold", 0, 1), mark("text_link", 4, 1, url="http://x")],
    )
    assert parsed("*a* `b` 1\\.", "MarkdownV2") == ("a b 1.", [mark("bold", 0, 1), mark("code", 2, 1)])


@pytest.mark.parametrize(
    ("text", "mode"),
    [("<b>a", "HTML"), ("<vec>", "HTML"), ("a</b>", "HTML"), ("1.", "MarkdownV2"), ("*a", "MarkdownV2")],
)
def test_broken_markup_cannot_be_parsed(text: str, mode: str) -> None:
    """Open tags, unknown tags and unescaped characters are refused."""
    with pytest.raises(ApiError, match="can't parse entities"):
        parsed(text, mode)


ALPHABET = st.sampled_from("ab \n🌙月")


@given(st.text(ALPHABET, max_size=20), st.data())
def test_whatever_fits_the_text_fits_what_is_left_of_it(text: str, data: st.DataObject) -> None:
    """After trimming every entity still covers what it covered, without the outer whitespace."""
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    offset, length = length16(text[:start]), length16(text[start:stop])
    given_entities = [mark("bold", offset, length)] if length else []

    trimmed, entities = checked(text, given_entities)

    assert trimmed == text.strip()
    covered = "".join(slice16(trimmed, entity["offset"], entity["length"]) for entity in entities)
    lead = len(text) - len(text.lstrip())
    assert covered == trimmed[max(start - lead, 0) : max(stop - lead, 0)]
