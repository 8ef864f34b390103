"""The growing end of an answer."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.markdown.inline import MAX_OPEN_CHARS
from core.markdown.partial_text import close_open_markup, stable_prefix

SAMPLES = sorted((Path(__file__).parents[2] / "corpus").glob("*.md"))
PIECES = (
    "**¦*¦`¦``¦```¦\n¦\n\n¦- ¦1. ¦> ¦| a | b |\n¦|---|---|\n¦    ¦ ¦[x](¦)¦# ¦[¦]¦(¦https://a.b¦"
    "word ¦重要。¦snake_case¦~~¦||¦<t>¦<¦&amp;¦```py\n¦~~~¦\\¦_¦---\n¦a¦\t¦!¦![¦-¦1¦.¦="
)
SOUP = st.lists(st.sampled_from(PIECES.split("¦")), max_size=40).map("".join)


def check_grows(text: str, step: int = 1) -> None:
    """Each shown text begins with the one before."""
    before = ""
    for end in [*range(0, len(text), step), len(text)]:
        now = stable_prefix(text[:end])
        assert text[:end].startswith(now)
        assert now.startswith(before)
        before = now


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_what_is_shown_only_grows(path: Path) -> None:
    """At every prefix the shown text begins with what was shown before."""
    text = path.read_text(encoding="utf-8")
    check_grows(text[:3000], step=1 if len(text) < 1000 else 17)


@given(text=SOUP)
@settings(max_examples=100)
def test_what_is_shown_only_grows_in_random_soup(text: str) -> None:
    """Growing does not hang on the Markdown being sensible."""
    check_grows(text)


@given(text=SOUP)
@settings(max_examples=100)
def test_settling_adds_only_closing_marks(text: str) -> None:
    """Whatever the end looks like, settled text holds no word that was not there."""
    assert {c for c in close_open_markup(text) if c.isalnum()} <= set(text)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_little_is_held_back(path: Path) -> None:
    """What is held back is never more than the reach of a marker, a line and a table's header."""
    text = path.read_text(encoding="utf-8")
    for end in range(0, len(text), 1 if len(text) < 1000 else 41):
        assert end - len(stable_prefix(text[:end])) <= MAX_OPEN_CHARS + 400


@pytest.mark.parametrize(
    ("growing", "shown"),
    [
        ("so **bo", "so "),
        ("so **bold** and", "so **bold** and"),
        ("run `co", "run "),
        ("see [te](ht", "see "),
        ("see [te](http://x) and", "see [te](http://x) and"),
        ("a ~~st", "a "),
        ("a ||sp", "a "),
        ("a\n\n| h | i |", "a\n\n"),
        ("a\n\n| h | i |\n", "a\n\n"),
        ("a\n\n| h | i |\n|--", "a\n\n"),
        ("a\n\n| h | i |\n|--|--|\n", "a\n\n| h | i |\n|--|--|\n"),
        ("a\n\n| h | i |\nno table", "a\n\n| h | i |\nno table"),
        ("a\n#", "a\n"),
        ("a\n-", "a\n"),
        ("a\n- ", "a\n"),
        ("a\n1", "a\n"),
        ("a\n1. ", "a\n"),
        ("a\n- [x", "a\n"),
        ("a\n> ", "a\n"),
        ("a\n```", "a\n"),
        ("a\n```py", "a\n"),
        ("a\n```py\n", "a\n```py\n"),
        ("```\nx\n``", "```\nx\n"),
        ("a <ta", "a "),
        ("a < b", "a < b"),
        ("2 * 3", "2 * 3"),
        ("2*3*4 is", "2*3*4 is"),
        ("one **never closed\n\nnext", "one **never closed\n\nnext"),
    ],
)
def test_half_open_markers_are_held_back(growing: str, shown: str) -> None:
    """Nothing is shown that the next words could turn into markup."""
    assert stable_prefix(growing) == shown.rstrip()


@pytest.mark.parametrize(
    ("growing", "shown"),
    [
        ("so **bo", "so **bo**"),
        ("so **", "so "),
        ("so **bo*", "so **bo**"),
        ("so ***bo", "so ***bo***"),
        ("**bold *it", "**bold *it***"),
        ("**bold `co", "**bold `co`**"),
        ("run `co", "run `co`"),
        ("run ``co`", "run ``co``"),
        ("see [te", "see "),
        ("call __init", "call "),
        ("so \\(a_1", "so \\(a_1\\)"),
        ("all *.py", "all *.py"),
        ("f(a||b", "f(a||b"),
        ("see [te](ht", "see te"),
        ("see **[te](ht", "see **te**"),
        ("an image ![al](ht", "an image al"),
        ("a ||sp", "a ||sp||"),
        ("a ~~st ", "a ~~st~~"),
        ("a\n```py\nx = [1](", "a\n```py\nx = [1]("),
        ("a\n- b **c", "a\n- b **c**"),
        ("# head *l", "# head *l*"),
        ("> quo `t", "> quo `t`"),
        ("one\ntwo **three\nfour", "one\ntwo **three\nfour**"),
    ],
)
def test_half_open_markers_are_closed_where_edits_can_mend(growing: str, shown: str) -> None:
    """The words inside half-open markup are shown at once, in its form."""
    assert close_open_markup(growing) == shown
