"""Access: allow and deny lists, quotas, flood limits, prices. Pure: times and usage are arguments."""

from core.access.access_lists import AccessLists, Actor
from core.access.price_list import BUILT_IN_PRICES, Price, PriceList
from core.access.quotas import QuotaKind, QuotaLimits, Quotas, QuotaUsage, RefusalReason, exceeded_quota

__all__ = [
    "BUILT_IN_PRICES",
    "AccessLists",
    "Actor",
    "Price",
    "PriceList",
    "QuotaKind",
    "QuotaLimits",
    "QuotaUsage",
    "Quotas",
    "RefusalReason",
    "exceeded_quota",
]
