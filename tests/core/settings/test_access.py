"""Lists and prices as an operator writes them."""

import pytest

from core.domain.errors import SettingsError
from core.settings import load


def test_lists_name_platforms_and_ids() -> None:
    """Commas or blanks separate; chats of Telegram may be negative."""
    settings = load(
        {"MOONTHREAD_ALLOW": "slack:T0123, telegram:-1001", "MOONTHREAD_DENY": "slack:U1 slack:C2"}, None
    )
    assert settings.allow == ("slack:T0123", "telegram:-1001")
    assert settings.deny == ("slack:U1", "slack:C2")


@pytest.mark.parametrize(
    "given", ["kimi-k3=3/15/0.3, other=1/2/0", '{"kimi-k3": [3, 15, 0.3], "other": [1, 2, 0]}']
)
def test_prices_in_short_or_in_json(given: str) -> None:
    """Both forms mean the same."""
    assert load({"KIMI_PRICES": given}, None).kimi_prices == {"kimi-k3": (3, 15, 0.3), "other": (1, 2, 0)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOONTHREAD_ALLOW", "U123"),
        ("MOONTHREAD_ALLOW", "telegram:bob"),
        ("MOONTHREAD_DENY", "slack:#general"),
        ("KIMI_PRICES", "kimi-k3=3/15"),
        ("KIMI_PRICES", "kimi-k3=three/15/0.3"),
        ("KIMI_PRICES", '{"kimi-k3": 3}'),
        ("KIMI_PRICES", "{"),
        ("KIMI_PRICES", "kimi-k3=-1/1/1"),
        ("MOONTHREAD_PERSON_MESSAGES_PER_DAY", "-1"),
    ],
)
def test_a_slip_is_a_fault_with_its_form(name: str, value: str) -> None:
    """The line names the variable."""
    with pytest.raises(SettingsError) as caught:
        load({name: value}, None)
    (fault,) = caught.value.faults
    assert fault.startswith(f"{name}: ")
