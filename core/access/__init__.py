"""Who may use a deployment, how much of it, and at what price. Pure: numbers come in as values."""

from core.access.budget import Budgets, Limits, Over, Spending, exceeded
from core.access.lists import Access, Who
from core.access.prices import BUILT_IN, Price, Prices

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
