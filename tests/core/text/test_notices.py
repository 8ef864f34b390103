"""The bot's own texts."""

import re

import pytest

from core.access import RefusalReason
from core.domain.message_content import UnsupportedContent
from core.text.notices import REFUSAL_NOTICES, UNSUPPORTED_CONTENT_NOTICES, Notice

COMMAND = re.compile(r"`(/[a-z]+)")


@pytest.mark.parametrize("notice", Notice)
def test_a_notice_is_said_in_both_languages(notice: Notice) -> None:
    """Chinese for those who write it, English for everybody else; both name the same commands."""
    chinese, english = notice.text("zh"), notice.text("en")
    assert re.search("[\u4e00-\u9fff]", chinese)
    assert not re.search("[\u4e00-\u9fff]", english)
    assert COMMAND.findall(chinese) == COMMAND.findall(english)


def test_every_refusal_and_every_unread_content_has_a_notice() -> None:
    """Nothing is refused in silence."""
    assert set(REFUSAL_NOTICES) == set(RefusalReason)
    assert set(UNSUPPORTED_CONTENT_NOTICES) == set(UnsupportedContent)
