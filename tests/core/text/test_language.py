"""Notices come in the language that a person writes."""

import pytest

from core.domain.message_content import UnsupportedContent
from core.text.language import detect_language
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
