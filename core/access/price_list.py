"""Prices of calls to Kimi. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """A model's prices in USD for a million tokens."""

    prompt: float
    completion: float  #: reasoning included
    cached: float  #: prompt tokens read from the prefix cache


#: Moonshot's price list of November 2026; https://platform.kimi.ai/docs/pricing
BUILT_IN_PRICES: Final[Mapping[str, Price]] = MappingProxyType(
    {
        "kimi-k3.1-pro": Price(2, 10, 0.20),
        "kimi-k3.1-pro-highspeed": Price(4, 20, 0.20),
        "kimi-k3": Price(3, 15, 0.30),
        "kimi-k2.7-code": Price(0.95, 4, 0.19),
        "kimi-k2.7-code-highspeed": Price(1.90, 8, 0.38),
        "kimi-k2.6": Price(0.95, 4, 0.16),
    }
)


@dataclass(frozen=True, slots=True)
class PriceList:
    """The prices of a deployment by model."""

    by_model: Mapping[str, Price] = field(default_factory=lambda: BUILT_IN_PRICES)

    def cost_usd(
        self, model: str, *, prompt_tokens: int, cached_tokens: int, completion_tokens: int
    ) -> float | None:
        """Return a call's cost in USD; None if the model's price is unknown.

        ``prompt_tokens`` includes ``cached_tokens``.
        """
        price = self.by_model.get(model)
        if price is None:
            return None
        cached = min(cached_tokens, prompt_tokens)
        total = (prompt_tokens - cached) * price.prompt + cached * price.cached
        return (total + completion_tokens * price.completion) / MILLION
