"""Notices come in the language that a person writes."""

import pytest

from core.domain.events import Unreadable
from core.text.language import language_of
from core.text.notices import NOT_YET, Notice


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
    assert language_of(text) == language


def test_a_text_without_letters_takes_the_client_s_language() -> None:
    """Where the words tell nothing, the client's language does."""
    assert language_of("123?", "zh-hans") == "zh"
    assert language_of("", "de") == "en"


@pytest.mark.parametrize("notice", list(Notice))
def test_every_notice_exists_in_both_languages(notice: Notice) -> None:
    """No notice is empty or the same in both languages."""
    assert notice.text("zh").strip()
    assert notice.text("en").strip()
    assert notice.text("zh") != notice.text("en")


@pytest.mark.parametrize("kind", list(Unreadable))
def test_every_unreadable_kind_has_its_notice(kind: Unreadable) -> None:
    """Whatever cannot be read yet is answered with words of its own."""
    assert NOT_YET[kind].text("en")
