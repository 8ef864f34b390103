"""The search query of a turn."""

import pytest

from core.domain.message_content import Attachment, AttachmentKind, MessageContent, MessageRole, ReplyContext
from core.knowledge.query import is_small_talk, parse_query
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


def test_only_the_beginning_of_a_long_message_is_searched_for() -> None:
    """We chose: 39,000 characters of a Slack message cost no more than 2,000, and greet nobody."""
    long = "where is my parcel " + "哈" * 39_000
    asked = parse_query(
        [line(1, MessageContent(text=long)), line(2, MessageContent(text=long))], question_seq=2
    )
    assert asked.text == long[:2_000]
    assert asked.previous == long[:2_000]
    assert not is_small_talk("哈" * 39_000)


def line(seq: int, content: MessageContent, author: str = "ann") -> HistoryMessage:
    """Make a person's message."""
    return HistoryMessage(seq=seq, role=MessageRole.USER, content=content, author_id=author, author=author)


def test_a_question_is_its_persons_own_words() -> None:
    """Coalesced messages are one question without quotes and files; the same person's last one is known."""
    quoted = ReplyContext(message_id="1", author="Bob", text="quoted words")
    picture = Attachment(kind=AttachmentKind.PICTURE, name="a.png", media_type="", size_bytes=1, source={})
    answer = HistoryMessage(seq=2, role=MessageRole.ASSISTANT, content=MessageContent(text="An answer"))
    lines = [
        line(1, MessageContent(text="Old one")),
        line(2, MessageContent(text="Bob's"), "bob"),
        answer,
        line(5, MessageContent(text="Mine", reply=quoted)),
        line(6, MessageContent(text="and this", attachments=(picture,))),
    ]
    asked = parse_query(lines, question_seq=5)
    assert (asked.text, asked.previous) == ("Mine\nand this", "Old one")


@pytest.mark.parametrize(
    "words",
    [
        "What does the line [attached: a.pdf] in my export mean? [ticket 12]",
        "My boss wrote:\n> the cup is broken\nWhat can we do?",
        "[attached: x]",
        "Replying to:\n> x",
    ],
)
def test_words_that_look_like_markup_are_searched_whole(words: str) -> None:
    """Nothing is attached and nobody is quoted: every word is the person's own."""
    assert parse_query([line(5, MessageContent(text=words))], question_seq=5).text == words
