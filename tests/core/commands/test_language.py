"""What people may call a language in ``/language``."""

import pytest

from core.commands.language import parse_language


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("zh", "zh"),
        ("ZH-hant", "zh"),
        ("zh_CN", "zh"),
        ("中文", "zh"),
        ("`Chinese`.", "zh"),
        ("en", "en"),
        ("en-GB", "en"),
        ("English!", "en"),
        ("英语", "en"),
        ("auto", "auto"),
        ("自动", "auto"),
        ("", ""),
        ("french", ""),
        ("zhuang", ""),
        ("entish", ""),
    ],
)
def test_languages_have_several_names(argument: str, value: str) -> None:
    """Tags with a region, English and Chinese names are understood; a name that only begins alike is not."""
    assert parse_language(argument) == value
