"""The parts of a long text that fit a question."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.files.excerpt import OMISSION, build_excerpt, split_into_pieces
from core.text.tokens import estimate_tokens

CHINESE = "\n\n".join(f"第{n}章。本章讲述第{n}号仓库的进货记录，没有特别的事情发生。" * 8 for n in range(120))
ENGLISH = "\n\n".join(f"Chapter {n}. The widgets of lot {n} were counted and stored." * 8 for n in range(120))


@pytest.mark.parametrize(
    ("text", "hidden", "question"),
    [
        (CHINESE, "火星温室的土豆收成创下纪录，负责人是李雷。", "谁负责火星上的温室？"),
        (ENGLISH, "The submarine's periscopes were leaking.", "Which vessel has a leaking periscope?"),
        (CHINESE, "The code word is Selenium-34.", "selenium-34 是什么意思？"),
    ],
)
def test_the_part_that_fits_is_chosen(text: str, hidden: str, question: str) -> None:
    """Chinese by its words, English by its stems; the beginning is always there, gaps are marked."""
    at = len(text) * 2 // 3
    found = build_excerpt(f"{text[:at]}\n\n{hidden}\n\n{text[at:]}", question, budget_tokens=2_500)
    assert hidden in found.text
    assert found.text.startswith(text[:20])
    assert OMISSION in found.text
    assert 1 < found.shown_pieces < found.total_pieces
    assert estimate_tokens(found.text) <= 2_500


def test_a_question_without_common_words_gets_parts_from_all_over() -> None:
    """To be summarised, a text is sampled from beginning to end."""
    found = build_excerpt(ENGLISH, "请总结一下", budget_tokens=3_000)
    numbers = [n for n in range(120) if f"Chapter {n}." in found.text]
    assert numbers[0] == 0
    assert numbers[-1] > 90
    assert max(after - before for before, after in pairwise(numbers)) < 60


@pytest.mark.parametrize("question", ['"', "NEAR(a b) OR * ^", "", "a" * 10_000, "\0 '; DROP TABLE pieces"])
def test_a_question_is_never_a_query(question: str) -> None:
    """Whatever stands in it, it is searched for as words."""
    assert build_excerpt("one two three", question, budget_tokens=100).text == "one two three"


@settings(max_examples=30)
@given(st.text(max_size=6_000), st.text(max_size=40), st.integers(100, 3_000))
def test_an_excerpt_keeps_to_its_room(text: str, question: str, room: int) -> None:
    """Of any text, for any question, no more than the room is taken."""
    found = build_excerpt(f"start {text}", question, budget_tokens=room)
    assert found.shown_pieces <= found.total_pieces
    assert estimate_tokens(found.text) <= room + 2 * estimate_tokens(OMISSION)


@settings(max_examples=30)
@given(st.text(max_size=6_000))
def test_pieces_lose_nothing_but_space(text: str) -> None:
    """Put together, the pieces are the text."""
    assert "".join("".join(split_into_pieces(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["", " \n" * 1000])
def test_a_text_without_words_has_no_pieces(text: str) -> None:
    """A file of blank lines once raised an error (found by fuzzing)."""
    assert build_excerpt(text, "what is it", budget_tokens=500).total_pieces == 0
