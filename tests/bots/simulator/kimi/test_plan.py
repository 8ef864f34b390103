from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bots.simulator.kimi.models import SERVED
from bots.simulator.kimi.plan import Plan, compose, split
from bots.simulator.kimi.rules import read_order
from bots.simulator.kimi.script import Faults, ScriptedCall, ScriptedReply


def plan(reply: ScriptedReply, **fields: Any) -> Plan:
    """Return the plan for ``reply`` to a short question."""
    body = {"model": "kimi-k2.6", "messages": [{"role": "user", "content": "Hi"}]} | fields
    return compose(read_order(body, SERVED), reply)


@given(st.text(), st.integers(min_value=0, max_value=7))
def test_pieces_put_together_are_the_text(text: str, chunk_chars: int) -> None:
    """Cutting loses and adds nothing, and no piece is empty."""
    pieces = split(text, chunk_chars)

    assert "".join(pieces) == text
    assert all(pieces)


def test_pieces_are_words_and_cjk_characters() -> None:
    """White space goes with the word after it; each CJK character is one piece."""
    assert split("Hi there, 你好。\nok ") == ["Hi", " there,", " 你", "好", "。", "\nok", " "]


@given(st.text(min_size=1, max_size=60), st.integers(min_value=0, max_value=80))
def test_a_fault_strikes_after_exactly_so_many_characters(text: str, chars: int) -> None:
    """The pieces before the fault hold so many characters, or the whole text if it is shorter."""
    made = plan(ScriptedReply(text, faults=Faults(cut_after_chars=chars)))

    before = "".join(piece.text for piece in made.pieces[: made.breaks[0].index])
    assert before == text[:chars]
    assert "".join(piece.text for piece in made.pieces) == text


def test_partial_mode_continues_where_the_prefix_ends() -> None:
    """Only the rest is said, without thinking again."""
    prefix = {"role": "assistant", "content": "One two", "partial": True}
    messages = [{"role": "user", "content": "Hi"}, prefix]

    made = plan(ScriptedReply("One two three", "Hm."), messages=messages)

    assert (made.text, made.reasoning) == (" three", "")


def test_a_foreign_prefix_is_answered_in_full() -> None:
    """What the script did not begin is followed by the whole scripted text."""
    prefix = {"role": "assistant", "content": "Zero", "partial": True}
    messages = [{"role": "user", "content": "Hi"}, prefix]

    assert plan(ScriptedReply("One two"), messages=messages).text == "One two"


def test_a_small_budget_ends_with_length() -> None:
    """Thinking eats from the same budget, at three characters for a token."""
    made = plan(ScriptedReply("abcdefghij", "12345"), max_completion_tokens=3)

    assert (made.reasoning, made.text, made.finish_reason) == ("12345", "abcd", "length")
    assert made.completion_tokens == 3


def test_thinking_can_eat_the_whole_budget() -> None:
    """Then the content is empty."""
    made = plan(ScriptedReply("abc", "123456789"), max_completion_tokens=2)

    assert (made.reasoning, made.text, made.finish_reason) == ("123456", "", "length")


def test_a_stop_word_ends_the_text_before_it() -> None:
    """The first match of any stop ends it."""
    assert plan(ScriptedReply("one two three"), stop=["three", " two"]).text == "one"


def test_thinking_that_is_switched_off_is_not_sent() -> None:
    """The scripted thinking is left out."""
    assert plan(ScriptedReply("a", "b"), thinking={"type": "disabled"}).reasoning == ""


def test_a_tool_call_comes_name_first() -> None:
    """The first delta has id and name, later ones a piece of the arguments each."""
    made = plan(ScriptedReply("", tool_calls=(ScriptedCall(name="look", arguments='{"at": "the moon"}'),)))

    assert made.finish_reason == "tool_calls"
    assert made.pieces[0].text == (
        '{"tool_calls":[{"index":0,"id":"look:0","type":"function",'
        '"function":{"name":"look","arguments":""}}]}'
    )
    assert made.pieces[1].text == (
        '{"tool_calls":[{"index":0,"function":{"arguments":"{\\"at\\": \\"the "}}]}'
    )
