"""What a call costs."""

import pytest

from core.access import Price, PriceList


def test_cached_tokens_have_their_own_price() -> None:
    """A million of each: prompt tokens that were cached are not paid twice."""
    prices = PriceList({"m": Price(3, 15, 0.3)})
    cost = prices.cost_usd("m", prompt_tokens=2_000_000, cached_tokens=1_000_000, completion_tokens=1_000_000)
    assert cost == pytest.approx(18.3)


def test_an_unknown_price_is_none() -> None:
    """Not nothing: the call was not free."""
    assert PriceList().cost_usd("m", prompt_tokens=1, cached_tokens=0, completion_tokens=1) is None
    assert PriceList().cost_usd(
        "kimi-k2.6", prompt_tokens=1000, cached_tokens=0, completion_tokens=0
    ) == pytest.approx(0.00095)
