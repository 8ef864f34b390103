"""Unit tests of expected lengths: what the answers of a chat took says how the next one is paced."""

import statistics

import pytest

from core.delivery.answer_lengths import MAX_CHATS, MAX_S, MIN_S, AnswerLengths
from tests.bench.policy import places, session
from tests.bench.simulation import Simulation


def test_nothing_is_expected_of_a_new_chat() -> None:
    """The pacing has a length of its own for it."""
    lengths = AnswerLengths()
    lengths.record("one", 9.0)
    assert lengths.expected_s("other") is None


def test_the_newest_answers_count_most() -> None:
    """A chat that changes from greetings to reports is known after a few of them."""
    lengths = AnswerLengths()
    for seconds in (3.0, 3.0, 12.0, 12.0, 12.0):
        lengths.record("one", seconds)
    assert lengths.expected_s("one") == pytest.approx(12 / 4**0.125)


@pytest.mark.parametrize(("seconds", "expected_s"), [(0.01, MIN_S), (900.0, MAX_S)])
def test_what_is_expected_is_bounded(seconds: float, expected_s: float) -> None:
    """One hung answer does not make the next one wait for its words."""
    lengths = AnswerLengths()
    lengths.record("one", seconds)
    assert lengths.expected_s("one") == expected_s


def test_the_chats_known_are_bounded() -> None:
    """Those that were answered longest ago are forgotten."""
    lengths = AnswerLengths()
    for number in range(MAX_CHATS + 1):
        lengths.record(str(number), 9.0)
    assert (lengths.expected_s("0"), lengths.expected_s("1")) == (None, pytest.approx(9.0))


@pytest.mark.parametrize("words", [60, 300])
def test_the_second_answer_of_a_length_is_shown_sooner(words: int) -> None:
    """In a group, calls are few: spent within 5 s they are missed later, or left over at the end."""
    runs = session([words, words], pause_s=60.0, modes=places()["Telegram group"])
    Simulation(runs).play()
    new_s, known_s = (statistics.fmean(run.delays_s) for run in runs)
    assert known_s < 0.9 * new_s
