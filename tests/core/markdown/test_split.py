"""Cuts of growing Markdown."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.markdown.graphemes import is_grapheme_boundary
from core.markdown.partial_text import stable_prefix
from core.markdown.split import Cut, IncrementalSplitter, find_cut, part_before, text_after

SAMPLES = sorted((Path(__file__).parents[2] / "corpus").glob("*.md"))
PIECES = (
    "**¦*¦`¦```¦\n¦\n\n¦- ¦1. ¦> ¦| a | b |\n¦|---|---|\n¦    ¦  ¦[x](¦)¦# ¦word ¦two words. ¦"
    "重要。¦snake_case¦~~¦||¦<t>¦👨‍👩‍👧¦```py\n¦~~~¦\\¦_¦---\n¦a¦\t"
)
SOUP = st.lists(st.sampled_from(PIECES.split("¦")), max_size=60).map("".join)


def by_length(limit: int):
    """A reach that counts characters."""

    def reach(text: str, share: float) -> int | None:
        most = int(limit * share)
        return most + 1 if len(text) > most else None

    return reach


def limit_for(text: str) -> int:
    """Return a limit that gives a few parts."""
    return max(40, min(len(text) // 5, 2000))


def all_parts(text: str, limit: int, *, forward: bool) -> list[str]:
    """Cut a whole text."""
    parts = IncrementalSplitter(by_length(limit), append_only=forward)
    rest = parts.feed(text)
    return [*parts.finished_parts, rest]


def words(text: str) -> list[str]:
    """Count the words of a text."""
    return re.findall(r"[^\W_]+", text)


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_part_never_changes_once_the_next_has_begun(path: Path, forward: bool) -> None:
    """Looking at every prefix gives the same parts as looking once at the end."""
    text = path.read_text(encoding="utf-8")
    check_stability(text, forward=forward, step=1 if len(text) < 200 else 307)


@pytest.mark.parametrize("forward", [False, True])
@given(text=SOUP, step=st.integers(1, 7))
def test_a_part_never_changes_in_random_soup(text: str, step: int, forward: bool) -> None:
    """Stability does not hang on the Markdown being sensible."""
    check_stability(text, forward=forward, step=step)


def check_stability(text: str, *, forward: bool, step: int) -> None:
    """Look at every prefix and compare with looking at once."""
    limit = limit_for(text)
    growing = IncrementalSplitter(by_length(limit), append_only=forward)
    finished: list[str] = []
    shown = ""
    for end in [*range(0, len(text), step), len(text)]:
        live = growing.feed(text[:end])
        anew = IncrementalSplitter(by_length(limit), append_only=forward)
        assert anew.feed(text[:end]) == live
        assert anew.finished_parts == growing.finished_parts
        assert growing.finished_parts[: len(finished)] == finished
        if forward and len(growing.finished_parts) > len(finished):
            assert growing.finished_parts[len(finished)].startswith(shown.rstrip())
        finished, shown = list(growing.finished_parts), stable_prefix(live)


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_no_character_is_lost_or_doubled(path: Path, forward: bool) -> None:
    """The parts without what was repeated are the text, white space aside."""
    check_complete(path.read_text(encoding="utf-8"), forward=forward)


@pytest.mark.parametrize("forward", [False, True])
@given(text=SOUP)
def test_no_character_is_lost_in_random_soup(text: str, forward: bool) -> None:
    """Completeness does not hang on the Markdown being sensible."""
    check_complete(text, forward=forward)


def check_complete(text: str, *, forward: bool) -> None:
    """Put the parts together again."""
    limit = limit_for(text)
    rest = text
    seen = ""
    opening = 0
    while cut := find_cut(rest, by_length(limit), repeated_chars=opening, append_only=forward):
        assert opening < cut.position <= limit + 1
        seen += rest[opening : cut.position]
        rest = text_after(rest, cut)
        opening = len(cut.opening)
    seen += rest[opening:]
    assert "".join(seen.split()) == "".join(text.split())


@pytest.mark.parametrize("forward", [False, True])
@pytest.mark.parametrize("path", [p for p in SAMPLES if p.stem != "long_word"], ids=lambda path: path.stem)
def test_a_cut_tears_no_word(path: Path, forward: bool) -> None:
    """Where a text has spaces or sentence marks, no word is cut in two."""
    text = path.read_text(encoding="utf-8")
    limit = max(400, limit_for(text))
    got = [word for part in all_parts(text, limit, forward=forward) for word in words(part)]
    assert set(got) <= set(words(text))


def test_a_cut_never_tears_a_visible_character() -> None:
    """A family emoji, a flag and a combining mark stay whole without any space to cut at."""
    text = "👨‍👩‍👧‍👦🇳🇴é👩🏽‍💻" * 40
    parts = all_parts(text, 50, forward=False)
    assert "".join(parts) == text
    at = 0
    for part in parts:
        assert is_grapheme_boundary(text, at)
        at += len(part)


def test_a_paragraph_is_preferred_to_a_sentence() -> None:
    """The last blank line before the limit is taken even where a sentence ends later."""
    text = "First one here. And more of it now.\n\nSecond begins. It goes on and on and on and on."
    assert all_parts(text, 70, forward=False)[0] == "First one here. And more of it now."


def test_a_sentence_is_preferred_to_a_space() -> None:
    """Without blank lines the cut falls after a full stop, Latin or Chinese."""
    assert all_parts("One two three four five. Six seven eight nine ten", 40, forward=False)[0].endswith(
        "five."
    )
    assert all_parts(
        "一二三四五六七八九十一二三四五六七八九十一二三四五。六七八九十一二三四五六七八九十",
        40,
        forward=False,
    )[0].endswith("。")


def test_a_fence_is_closed_and_opened_again() -> None:
    """A cut inside code ends the fence and begins the next part with the same info string."""
    text = "```python\n" + "".join(f"x{i} = {i}\n" for i in range(30)) + "```\n"
    first, second, *_ = all_parts(text, 120, forward=False)
    assert first.startswith("```python\n")
    assert first.endswith("\n```")
    assert second.startswith("```python\nx")


def test_a_fence_in_a_list_comes_back_at_the_margin() -> None:
    """Code that was indented under a list item is code again in the next part."""
    text = "1. Do:\n\n    ```sh\n" + "".join(f"    echo {i}\n" for i in range(30)) + "    ```\n"
    _, second, *_ = all_parts(text, 120, forward=False)
    assert second.startswith("```sh\necho ")


def test_a_table_begins_anew_with_its_header() -> None:
    """A cut in a table falls between rows and repeats the header and its delimiter row."""
    text = "| a | b |\n|---|---|\n" + "".join(f"| {i} | x{i} |\n" for i in range(30))
    first, second, *_ = all_parts(text, 120, forward=False)
    assert first.endswith(" |")
    assert second.startswith("| a | b |\n|---|---|\n| ")


def test_a_nested_list_comes_back_at_the_margin() -> None:
    """Items four columns deep do not turn into indented code in the next part."""
    text = "- top\n  - mid\n" + "".join(f"    - deep {i}\n" for i in range(30))
    _, second, *_ = all_parts(text, 120, forward=False)
    assert second.startswith("- deep ")
    assert "\n- deep " in second


def test_emphasis_longer_than_a_part_is_closed_and_opened_again() -> None:
    """Bold words stay bold on both sides of a cut that could not be elsewhere."""
    text = "**" + "word " * 60 + "end**"
    first, second, *_ = all_parts(text, 100, forward=False)
    assert first.startswith("**")
    assert first.endswith("word**")
    assert second.startswith("**word")


def test_a_link_is_not_cut() -> None:
    """The cut falls before a link that would not fit whole."""
    text = "See the following page for more of this: [a label of words](https://example.com/long/path) and on"
    first, *_ = all_parts(text, 80, forward=False)
    assert "[" not in first


def test_a_heading_is_not_left_behind() -> None:
    """A heading goes with what it heads."""
    text = (
        "Some words that fill the first part quite well.\n\n## Heading\n\nThe text under it goes on for long."
    )
    first, second = all_parts(text, 80, forward=False)
    assert "Heading" not in first
    assert second.startswith("## Heading")


def test_a_closed_part_ends_where_the_cut_says() -> None:
    """White space before a cut is dropped and the closing marks are put after."""
    assert part_before("ab  \ncd", Cut(position=5, closing="!")) == "ab!"
