from typing import Any

import pytest

from bots.simulator.kimi import SeenRequest, demo_script
from bots.simulator.kimi.models import SERVED
from bots.simulator.kimi.rules import read_order


def seen(*said: str, prefix: str | None = None) -> SeenRequest:
    """Return a request in which a person said all this, with an answer after each."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": "You are Kimi."}]
    for text in said:
        messages += [{"role": "user", "content": text}, {"role": "assistant", "content": "Yes."}]
    messages.pop()
    if prefix is not None:
        messages.append({"role": "assistant", "content": prefix, "partial": True})
    body = {"model": "kimi-k2.6", "messages": messages}
    return SeenRequest(at=0.0, path="/", body=body, order=read_order(body, SERVED))


def test_it_says_that_it_is_not_kimi() -> None:
    """The first answer of a conversation says so, in the question's language; the page says it always."""
    assert "scripted stand-in**, not Kimi" in demo_script(seen("Hello")).text
    assert "不是 Kimi" in demo_script(seen("你好")).text
    assert "not Kimi" not in demo_script(seen("Hello", "And now?")).text
    assert "不是 Kimi" not in demo_script(seen("Hello", "然后呢")).text


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["I like tea", "What did I say first?"], "> I like tea"),
        (["I like tea", "Why?", "what did I just ask"], "> Why?"),
        (["我喜欢茶", "我第一句说了什么?"], "> 我喜欢茶"),
        (["我喜欢茶", "为什么", "我刚才说了什么"], "> 为什么"),
        (["My name is Ann.", "What's my name?"], "Your name is **Ann**"),
        (["Hi, I'm Ann", "nice", "what is my name?"], "Your name is **Ann**"),
        (["我叫小明。", "我叫什么名字?"], "你叫**小明**"),
        (["Hello", "what is my name"], "You have not told me your name"),
        (["你好", "我叫什么名字"], "还没有在这个话题里告诉我"),
        (["What did I say first?"], "this is the first message"),
        (["a", "b", "How many messages did I send?"], "2 messages of yours"),
        (["一", "我说了几句?"], "1 条消息"),
    ],
)
def test_it_remembers_what_it_was_sent(said: list[str], expected: str) -> None:
    """Questions about the thread are answered from its messages."""
    assert expected in demo_script(seen(*said)).text


def test_it_tells_how_much_it_sees() -> None:
    """From the second question on it counts the earlier ones."""
    assert "I was sent 1 message of yours" in demo_script(seen("a", "b")).text
    assert "你之前的 2 条消息" in demo_script(seen("a", "b", "好")).text


@pytest.mark.parametrize(
    ("question", "mark"),
    [
        ("show me some code", "```python\n"),
        ("来一段代码", "```python\n"),
        ("a table, please", "| --- |"),
        ("给我一个表格", "| --- |"),
        ("a list", "1. Boil"),
        ("列表", "1. 烧"),
    ],
)
def test_it_shows_markdown_where_asked(question: str, mark: str) -> None:
    """Code, tables and lists come in both languages."""
    assert mark in demo_script(seen(question)).text


def test_a_long_answer_is_longer_than_a_telegram_message() -> None:
    """Asking for long gives more than 4,096 units in English, and many sections in Chinese."""
    assert len(demo_script(seen("something long")).text) > 4096
    assert demo_script(seen("长一点")).text.count("\n## ") == 30


def test_paces_vary_between_eight_and_forty_chunks_a_second() -> None:
    """The pace is drawn from the question and stays within the bounds."""
    paces = {demo_script(seen(f"question {number}")).chunks_per_s for number in range(60)}

    assert len(paces) > 10
    assert all(8 <= pace <= 40 for pace in paces)


def test_a_break_happens_once() -> None:
    """The first stream is cut; its continuation is the same text without a fault."""
    first = demo_script(seen("please break"))
    cut = first.faults.cut_after_chars
    assert cut is not None

    second = demo_script(seen("please break", prefix=first.text[:cut]))

    assert second.faults.cut_after_chars is None
    assert second.text == first.text


def test_it_names_the_files_that_came_with_the_question() -> None:
    """Files of this question are named, in its language; without one nothing is said of files."""
    assert "I was also sent a.pdf, b.png." in demo_script(seen("Look\n\n[attached: a.pdf, b.png]")).text
    assert "我还收到了 月报.pdf。" in demo_script(seen("看看\n\n[attached: 月报.pdf]")).text
    assert "I was also sent" not in demo_script(seen("Hello")).text
