"""Puts a price on a call before it is stored."""

from dataclasses import replace

from core.access import PriceList
from core.store.usage import CallUsage


def priced(spent: CallUsage, prices: PriceList) -> CallUsage:
    """Return the call with its cost, where its model's price is known."""
    cost_usd = prices.cost_usd(
        spent.model,
        prompt_tokens=spent.prompt_tokens,
        cached_tokens=spent.cached_tokens,
        completion_tokens=spent.completion_tokens,
    )
    return replace(spent, cost_usd=cost_usd)
