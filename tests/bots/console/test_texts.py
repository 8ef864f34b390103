"""The words of the console."""

import pytest

from bots.console.rule_texts import rule_text
from bots.console.setting_texts import CHINESE
from bots.console.value_texts import words_for
from core.chat_policy import RULE_NAMES
from core.domain.turn_states import KimiFailure, Outcome, TurnState
from core.settings.spec import GROUPS, setting_specs


@pytest.mark.parametrize("name", RULE_NAMES)
def test_every_rule_is_explained_in_both_languages(name: str) -> None:
    """A rule's own name says little to somebody who sees it for the first time."""
    english, chinese = rule_text(name, "en"), rule_text(name, "zh")

    assert english.hint
    assert chinese.hint != english.hint
    assert english.label not in (name, chinese.label)


@pytest.mark.parametrize("value", [*Outcome, *TurnState, KimiFailure("timeout")], ids=str)
def test_every_outcome_has_words(value: object) -> None:
    """Also for a turn that has not ended; the stored form is what logs and the command line have."""
    assert words_for(value, "outcome", "zh") != str(value)


def test_what_has_no_words_is_shown_as_it_is_stored() -> None:
    """Such as an error that a later version of the client knows."""
    assert words_for("failed:new", "outcome", "en") == "failed:new"
    assert words_for("failed:new", "outcome", "zh") == "失败：new"


def test_every_setting_and_group_is_described_in_chinese() -> None:
    """Nobody reads half a page in another language."""
    assert {spec.name for spec in setting_specs()} - set(CHINESE["settings"]) == set()
    assert set(GROUPS) - set(CHINESE["groups"]) == set()
