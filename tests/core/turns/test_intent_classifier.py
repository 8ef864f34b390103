"""Rules that tell questions from small talk before Kimi is asked."""

import pytest

from core.turns.intent_classifier import classify_by_rules


@pytest.mark.parametrize("message", ["谢谢！哈哈哈", "ok, thanks", "好的 收到", "👍"])
def test_small_talk_is_no_question(message: str) -> None:
    """We chose that thanks and the like need no answer, however they are combined."""
    assert classify_by_rules(message) is False


@pytest.mark.parametrize("message", ["请问几点开门", "What time do you open?"])
def test_questions_are_known_by_their_words(message: str) -> None:
    """Question words decide without a request to Kimi."""
    assert classify_by_rules(message) is True


@pytest.mark.parametrize("word", ["哈", "嗯", "好的", "haha", "明白", "ok "])
@pytest.mark.timeout(20)
def test_a_long_run_of_small_talk_is_read_once(word: str) -> None:
    """A stranger's 40,000 characters cannot stop the loop: each is read a bounded number of times."""
    assert classify_by_rules(word * (40_000 // len(word)) + "x") is None
