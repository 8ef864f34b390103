"""Puts a price on a call before it is stored."""

from dataclasses import replace

from core.access import PriceList
from core.store.usage import CallUsage


def with_cost(usage: CallUsage, prices: PriceList) -> CallUsage:
    """Return the call with its cost, where its model's price is known."""
    cost_usd = prices.cost_usd(
        usage.model,
        prompt_tokens=usage.prompt_tokens,
        cached_tokens=usage.cached_tokens,
        completion_tokens=usage.completion_tokens,
    )
    return replace(usage, cost_usd=cost_usd)
