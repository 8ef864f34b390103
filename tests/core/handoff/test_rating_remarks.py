"""Remarks and questions of customers who have just rated."""

import pytest

from core.handoff.rating_remarks import is_remark


@pytest.mark.parametrize(
    "text",
    [
        "Thanks!",
        "very kind and quick",
        "Too slow, I am disappointed.",
        "thx 👍",
        "谢谢！",
        "小王很耐心，辛苦了",
        "回复太慢了",
        "非常满意",
    ],
)
def test_remarks_are_recognised(text: str) -> None:
    """Praise and blame, in Chinese and English."""
    assert is_remark(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "What is a good tea?",
        "thanks, but where is my parcel",
        "Please send it quickly",
        "good tea for beginners, which one",
        "Order A17",
        "谢谢，请问什么时候发货",
        "还有一个问题：怎么退货",
        "很好，那这个多少钱",
        "有没有不错的茶",
        "good " * 60,
    ],
)
def test_questions_stay_questions(text: str) -> None:
    """Whoever asks on is answered, with thanks or without."""
    assert not is_remark(text)
