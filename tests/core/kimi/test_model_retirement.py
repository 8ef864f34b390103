"""The end of a model, in the forms in which providers announce it."""

from datetime import date
from typing import Any

import pytest

from core.kimi.model_retirement import Retirement, find_successor, parse_retirement
from core.kimi.models import Model, parse_model, replacement_for


@pytest.mark.parametrize(
    ("entry", "announced"),
    [
        ({"id": "a", "created": 1_776_000_000, "owned_by": "moonshot"}, None),
        ({"shutdown_date": None}, None),
        ({"deprecated": False, "deprecation": None, "expiration_date": ""}, None),
        ({"shutdown_date": "2027-01-31"}, Retirement(on=date(2027, 1, 31))),  # OpenAI
        ({"expiration_date": "2027-02-01"}, Retirement(on=date(2027, 2, 1))),  # OpenRouter
        (
            {"deprecation": "2027-03-01T12:00:00Z", "deprecation_replacement_model": "kimi-k3"},  # Mistral
            Retirement(on=date(2027, 3, 1), successor="kimi-k3"),
        ),
        ({"deprecated": True}, Retirement()),
        ({"sunset_at": 1_800_000_000}, Retirement(on=date(2027, 1, 15))),
        ({"replaced_by": "kimi-k3"}, Retirement(successor="kimi-k3")),
        (
            {"deprecation": {"date": "2027-01-31", "replacement": "kimi-k3"}},
            Retirement(on=date(2027, 1, 31), successor="kimi-k3"),
        ),
        (
            {"model_info": {"retirement_date": "2027-01-31", "successor_model": "kimi-k3"}},
            Retirement(on=date(2027, 1, 31), successor="kimi-k3"),
        ),
    ],
)
def test_an_entry_announces_the_day_and_the_successor(
    entry: dict[str, Any], announced: Retirement | None
) -> None:
    """Providers name the members differently; null, false and empty announce nothing."""
    assert parse_retirement(entry) == announced
    assert parse_model("kimi-k2.6", entry).retirement == announced


@pytest.mark.parametrize(
    ("text", "successor"),
    [
        ("The model 'kimi-k2.5' was deprecated on 2026-08-31. Use 'kimi-k2.6' instead.", "kimi-k2.6"),
        ("kimi-k2.5 has been retired, please use kimi-k2.6.", "kimi-k2.6"),
        ("Please switch to the model `moonshotai/kimi-k3`", "moonshotai/kimi-k3"),
        ("模型 kimi-k2.5 已下线，请使用 kimi-k2.6", "kimi-k2.6"),
        ("Model not found. Use GET /models for the list.", ""),
        ("Invalid model name passed in model=kimi-k9. Call `/v1/models` to view available models", ""),
        ("You cannot use kimi-k2.5 here", ""),
    ],
)
def test_a_refusal_names_the_successor(text: str, successor: str) -> None:
    """A word without a digit is no model's name, and the refused model is not its own successor."""
    assert find_successor(text, refused="kimi-k2.5") == successor


def test_the_announced_successor_comes_before_the_nearest_name() -> None:
    """A model that is itself to end is not proposed."""
    retires = Retirement(on=date(2027, 1, 31))
    named = Model(id="kimi-k2.6", context_tokens=1, retirement=Retirement(successor="kimi-k3"))
    other = Model(id="kimi-k2.7", context_tokens=1, retirement=retires)
    stays = Model(id="kimi-k3", context_tokens=1)

    assert replacement_for("kimi-k2.6", [named, other]) == "kimi-k3"
    assert replacement_for("kimi-k2.7", [other, stays]) == "kimi-k3"
    assert replacement_for("kimi-k2.6", [other, stays]) == "kimi-k3"
