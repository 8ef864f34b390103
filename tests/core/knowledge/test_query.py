"""The search query of a turn."""

import pytest

from core.knowledge.query import is_small_talk, parse_query, strip_quotes_and_attachments
from core.store.history import HistoryMessage


@pytest.mark.parametrize(
    "text", ["Hello!", "thanks a lot", "你好", "谢谢啦", "在吗？", "ok 👍", "", "早上好"]
)
def test_pleasantries_are_no_questions(text: str) -> None:
    """Greetings, thanks and what has no words ask for nothing that could be looked up."""
    assert is_small_talk(text)


@pytest.mark.parametrize("text", ["hello, where is my parcel", "谢谢，那退款呢", "weather?"])
def test_a_question_after_a_greeting_is_one(text: str) -> None:
    """A greeting before a question does not make it small talk."""
    assert not is_small_talk(text)


def test_a_question_is_its_persons_own_words() -> None:
    """Merged messages are one question, without quotes and names of files, and know the one before."""

    def line(seq: int, text: str, author: str = "ann", role: str = "user") -> HistoryMessage:
        return HistoryMessage(seq=seq, role=role, author_id=author, author=author, text=text, tokens=1)

    lines = [
        line(1, "Old one"),
        line(2, "Bob's", "bob"),
        line(2, "An answer", "", "assistant"),
        line(5, "Bob wrote:\n> quoted words\n> more\n\nMine"),
        line(6, "and this\n\n[attached: a.png]"),
    ]
    asked = parse_query(lines, question_seq=5)
    assert (asked.text, asked.previous) == ("Mine\nand this", "Old one")
    assert strip_quotes_and_attachments("Replying to:\n> x\n\n") == ""
