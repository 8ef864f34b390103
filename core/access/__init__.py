"""Who may use a deployment, how much of it, and at what price. Pure: numbers come in as values."""

from core.access.access_lists import Access, Who
from core.access.price_list import BUILT_IN, Price, Prices
from core.access.quotas import Budgets, Limits, Over, Spending, exceeded

__all__ = [
    "BUILT_IN",
    "Access",
    "Budgets",
    "Limits",
    "Over",
    "Price",
    "Prices",
    "Spending",
    "Who",
    "exceeded",
]
