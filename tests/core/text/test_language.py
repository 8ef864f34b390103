"""Notices come in the language that a person writes."""

import pytest

from core.domain.message_content import UnsupportedContent
from core.text.language import PersonLanguage, detect_language
from core.text.notices import UNSUPPORTED_CONTENT_NOTICES, Notice


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Why is the sky blue?", "en"),
        ("天空为什么是蓝色的？", "zh"),
        ("用 Python 写一个 quicksort 函数", "zh"),
        ("What does 道 mean in this long English sentence?", "en"),
        ("¿Por qué?", "en"),
    ],
)
def test_the_script_decides(text: str, language: str) -> None:
    """A Chinese question with English names is Chinese, an English one with a character English."""
    assert detect_language(text) == language


def test_a_text_without_letters_takes_the_client_s_language() -> None:
    """Where the words tell nothing, the client's language does."""
    assert detect_language("123?", "zh-hans") == "zh"
    assert detect_language("", "de") == "en"


def test_japanese_is_not_taken_for_chinese() -> None:
    """Kana decide: Japanese has Han characters too. Its readers get the client's language; we chose so."""
    assert detect_language("猫と犬のどちらが好きですか", "ja") == "en"


@pytest.mark.parametrize(
    ("texts", "client", "language"),
    [
        (["translate: the quick brown fox", "谢谢", "这句话对吗？"], "en", "zh"),
        (["谢谢", "What is a monad?", "And a functor?"], "zh", "en"),
        (["为什么？", "why?"], "en", "zh"),
        (["why?", "为什么？"], "zh", "en"),
        (["看看这个报错：\n```\nTraceback (most recent call last): KeyError\n```"], "en", "zh"),
        (["https://example.org/a/very/long/link 讲了什么？"], "en", "zh"),
        (["42", "👍", "?"], "zh-Hant", "zh"),
        (["Привет", "как дела"], "ru", "en"),
        ([], "zh-hans", "zh"),
    ],
)
def test_most_messages_of_a_person_tell_their_language(texts: list[str], client: str, language: str) -> None:
    """A borrowed sentence changes nothing, code and links tell nothing, of as many the latest counts."""
    assert PersonLanguage(texts=texts).resolve(client=client) == language


def test_a_choice_is_above_the_chat_s_rule_and_the_rule_above_what_is_written() -> None:
    """The rule `language` holds for everybody in a chat who chose nothing."""
    texts = ["hello", "there"]
    assert PersonLanguage(texts=texts).resolve(client="en", chat="zh") == "zh"
    assert PersonLanguage(chosen="en", texts=["你好"]).resolve(client="zh", chat="zh-CN") == "en"


@pytest.mark.parametrize("notice", list(Notice))
def test_every_notice_exists_in_both_languages(notice: Notice) -> None:
    """No notice is empty or the same in both languages."""
    assert notice.text("zh").strip()
    assert notice.text("en").strip()
    assert notice.text("zh") != notice.text("en")


@pytest.mark.parametrize("kind", list(UnsupportedContent))
def test_every_unreadable_kind_has_its_notice(kind: UnsupportedContent) -> None:
    """Whatever cannot be read yet is answered with words of its own."""
    assert UNSUPPORTED_CONTENT_NOTICES[kind].text("en")
