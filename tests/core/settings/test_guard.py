"""What Kimi is not shown, as an operator writes it."""

import pytest

from bots.composition.settings_mapping import build_masker
from core.domain.errors import SettingsError
from core.settings import load


def test_kinds_and_words_become_a_masker() -> None:
    """Keys stand for their words; both commas and line ends part entries, in Chinese too."""
    settings = load(
        {
            "MOONTHREAD_PII_MASKING": "cards, emails",
            "MOONTHREAD_SECRET_WORDS": "codename=Blue Bird，蓝鸟\nred",
        },
        None,
    )
    masker = build_masker(settings)
    assert settings.pii_masking == ("cards", "emails")
    assert masker.placeholder_names == {"blue bird": "CODENAME", "蓝鸟": "SECRET", "red": "SECRET"}
    assert "Bird" not in f"{settings!r} {settings.model_dump_json()}"


def test_nothing_is_masked_where_nothing_is_set() -> None:
    """By default requests go out as they are."""
    assert not build_masker(load({}, None))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOONTHREAD_PII_MASKING", "cards, names"),
        ("MOONTHREAD_SECRET_WORDS", "plum, x"),
        ("MOONTHREAD_SECRET_WORDS", "key 1=plum"),
        ("MOONTHREAD_FLOOD_MESSAGES_PER_MINUTE", "-1"),
    ],
)
def test_a_slip_is_a_fault_that_repeats_no_word(name: str, value: str) -> None:
    """The line names the variable, and the entry by its number."""
    with pytest.raises(SettingsError) as caught:
        load({name: value}, None)
    (fault,) = caught.value.faults
    assert fault.startswith(f"{name}: ")
    assert "plum" not in fault
