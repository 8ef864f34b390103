"""Continuations are joined to what stands without repeating it."""

import pytest

from core.domain.clock import FakeClock
from core.llm.continuation import FORGET_AFTER_S, ContinuationJoiner, ContinuationMemory, is_in_code_block

CODE = "Here:\n\n```python\nfor x in y:\n    pri"
LONG = "The history of tea begins in China, where it was first drunk as a medicine. "


def join(before: str, *pieces: str) -> str:
    """Return the text and what the continuation adds to it."""
    joiner = ContinuationJoiner(before)
    return before + "".join(joiner.feed(piece) for piece in pieces) + joiner.flush()


@pytest.mark.parametrize(
    ("before", "pieces", "whole"),
    [
        ("The quick brown ", ("fox ", "jumps."), "The quick brown fox jumps."),
        (
            "The quick brown fox jumps ",
            ("The quick brown ", "fox jumps over."),
            "The quick brown fox jumps over.",
        ),
        ("The quick brown fox", ("\n\nThe quick brown fox", " jumps."), "The quick brown fox jumps."),
        (LONG + "It came to", (LONG, "It came to Europe."), LONG + "It came to Europe."),
        (LONG + "It came to Eur", ("It came ", "to Europe."), LONG + "It came to Europe."),
        ("第一步完成。第二步是", ("第二步是", "煮水。"), "第一步完成。第二步是煮水。"),
        (CODE, ("```python\n", "    print(x)\n```"), "Here:\n\n```python\nfor x in y:\n    print(x)\n```"),
        (CODE, ("```", "python\nfor x in y:\n    pri", "nt(x)"), CODE + "nt(x)"),
        (CODE, ("nt(x)\n", "```\nDone."), CODE + "nt(x)\n```\nDone."),
        ("It was very ", ("very good."), "It was very very good."),
        ("哈哈哈哈哈哈", ("哈哈哈", "哈"), "哈哈哈哈哈哈哈哈哈哈"),
        ("A list:\n--------", ("--------\n",), "A list:\n----------------\n"),
        ("", ("The ", "end."), "The end."),
    ],
)
def test_what_stands_is_not_repeated(before: str, pieces: tuple[str, ...], whole: str) -> None:
    """A reply begun anew, a repeated end and a code block opened again are left out; the rest stays."""
    assert join(before, *pieces) == whole
    characters = [char for piece in pieces for char in piece]
    assert join(before, *characters) == whole


def test_a_reply_begun_anew_in_other_words_is_recognised() -> None:
    """It begins like the text and then differs: nothing of it is added."""
    joiner = ContinuationJoiner(LONG + "It came to Europe late.")
    assert joiner.feed(LONG[:40]) + joiner.feed(" but nobody knows.") == ""
    assert joiner.begun_anew


def test_a_repetition_that_the_end_cuts_is_left_out() -> None:
    """The end of the continuation settles what was held back."""
    assert (
        join("The quick brown fox jumps over", "brown fox jumps")
        == "The quick brown fox jumps overbrown fox jumps"
    )
    assert join("The quick brown fox jumps over", "fox jumps over") == "The quick brown fox jumps over"


@pytest.mark.parametrize(
    ("text", "inside"),
    [("", False), ("a ``` b", False), ("```\nx", True), ("```\nx\n```\ny", False), ("~~~~\n~~~\nx", True)],
)
def test_open_code_blocks_are_recognised(text: str, inside: bool) -> None:
    """A fence of the same kind and at least the same length closes a block."""
    assert is_in_code_block(text) is inside


def test_a_provider_that_did_not_continue_is_spared_for_an_hour() -> None:
    """We chose an hour: hosts are mended, and a cut at the very end looks like a refusal."""
    clock = FakeClock()
    memory = ContinuationMemory(clock)
    assert memory.continues("kimi")
    memory.record_refusal("kimi")
    assert not memory.continues("kimi")
    assert memory.continues("kimi-2")
    clock.advance(FORGET_AFTER_S)
    assert memory.continues("kimi")
